"""Gives every subscriber its own view: the fields it is entitled to, in the version it pinned."""
