"""Faults on purpose: a proxy that spoils links, a schedule drawn from a seed, a run of the whole stack under both."""
