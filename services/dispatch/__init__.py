"""Carries commands to the agencies and their answers back; the only part that talks to an agency."""
