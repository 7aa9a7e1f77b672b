"""The door: it knows who speaks, checks what is said, stores it, and only then says yes."""
