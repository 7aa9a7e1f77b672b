"""`python -m services.bench MODULE CONTENDER JSON`: one contender, in this process, its figures on the last line."""

from __future__ import annotations

import importlib
import json
import logging
import sys

import uvloop

from services.bench.contest import Contender
from services.runtime import garbage


def main(module: str, name: str, given: str) -> None:
    """Run one contender of a bench."""
    # What a broken connection logs at the end of a run is of no interest; errors are.
    logging.basicConfig(level=logging.ERROR)
    contenders: dict[str, Contender] = importlib.import_module(f"services.bench.{module}").CONTENDERS
    print(json.dumps(uvloop.run(_measured(contenders[name], json.loads(given)))))  # noqa: T201 - its answer


async def _measured(contender: Contender, given: dict[str, object]) -> dict[str, float]:
    # As our services do; and for everybody alike, so that it is no part of the comparison.
    garbage.tune()
    return await contender(**given)


main(*sys.argv[1:])
