"""How each style of agency writes a message down: pure, one module a style."""
