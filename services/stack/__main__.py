"""The supervisor as a process: `python -m services.stack --data DIR`. People type `tongche up`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from services.stack.data import DataFolder
from services.stack.plan import Plan, services
from services.stack.supervisor import supervise
from services.stack.trouble import TroubleError


def _front(told: str) -> tuple[str, int]:
    name, _, port = told.partition("=")
    return name, int(port)


def main() -> None:
    """Supervise one data folder until a signal comes."""
    arguments = argparse.ArgumentParser(prog="python -m services.stack", description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--no-simulator", action="store_true")
    arguments.add_argument("--front", action="append", default=[], type=_front, metavar="NAME=PORT")
    told = arguments.parse_args()
    plan = Plan(DataFolder(told.data.resolve()), services(simulator=not told.no_simulator), fronts=dict(told.front))
    try:
        supervise(plan)
    except TroubleError as trouble:
        sys.exit(str(trouble))


if __name__ == "__main__":
    main()
