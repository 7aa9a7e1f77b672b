"""Who we talk to: one folder an agency, each a description. Nothing here does I/O; services/dispatch runs it."""
