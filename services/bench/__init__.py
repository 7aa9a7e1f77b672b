"""Measurements a person can repeat: each beside its baseline, in the same run."""
