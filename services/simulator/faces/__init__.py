"""How agencies are spoken to: one module a style, each in front of the same world and its knobs."""
