"""`python -m services.cli` is `tongche`."""

from services.cli import main

main()
