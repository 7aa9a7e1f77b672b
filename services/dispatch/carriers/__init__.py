"""How messages travel to organisations: one module a protocol."""
