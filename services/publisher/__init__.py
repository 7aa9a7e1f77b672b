"""A publisher as we play one: invented sales, handed in with care, and a history of what the door has taken in."""
