"""The console: what happened to every vehicle, kept for people, as pages and as JSON."""
