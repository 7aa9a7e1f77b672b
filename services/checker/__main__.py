"""python -m services.checker EVIDENCE [--json] [--now TIME]: exit 0 clean, 1 findings, 2 nothing to judge from."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from .check import check
from .evidence import BrokenEvidence
from .report import report


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    try:
        verdict = check(options.evidence, options.now)
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
    parser.add_argument("--now", type=_moment, default=datetime.now(UTC), help="核查时刻 / judge as of this time")
    return parser.parse_args(arguments)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
