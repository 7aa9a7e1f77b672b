"""Faults on purpose, under load, judged by the checker; a seed repeats them."""
