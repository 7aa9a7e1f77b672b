"""How messages are sealed, and how it is proved who sealed one: one module a way."""
