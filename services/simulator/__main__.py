"""`python -m services.simulator`."""

from services.simulator.service import run

run()
