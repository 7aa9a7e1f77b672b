"""Files as dealers' systems export them: CSV in whatever dialect and encoding, JSON, and JSON lines."""
