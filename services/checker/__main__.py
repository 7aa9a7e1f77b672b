"""python -m services.checker EVIDENCE [--json] [--now TIME]: exit 0 clean, 1 findings, 2 nothing to judge from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .check import check
from .evidence import BrokenEvidence
from .progress import Progress, silent
from .report import report

_WIDEST = 70


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    try:
        with _progress() as progress:
            verdict = check(options.evidence, options.now, progress)
    except BrokenEvidence as wrong:
        sys.stderr.write(f"证据不完整 / the evidence is broken: {wrong}\n")
        return 2
    told = json.dumps(verdict.as_json(), ensure_ascii=False) + "\n" if options.json else report(verdict)
    sys.stdout.write(told)
    return 0 if verdict.clean else 1


def _options(arguments: list[str]) -> argparse.Namespace:
    title = "独立核查 / the independent checker"
    parser = argparse.ArgumentParser(prog="python -m services.checker", description=title)
    parser.add_argument("evidence", type=Path, help="证据目录 / the evidence folder")
    parser.add_argument("--json", action="store_true", help="一行 JSON / one JSON object")
    parser.add_argument("--now", type=_moment, help="核查时刻 / judge as of this time, not of its reading")
    return parser.parse_args(arguments)


@contextmanager
def _progress() -> Iterator[Progress]:
    """One line that is written over, on a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    yield _written_over
    _written_over("")
    sys.stderr.write("\r")


def _written_over(what: str) -> None:
    sys.stderr.write(f"\r{what[:_WIDEST]:<{_WIDEST}}")
    sys.stderr.flush()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
