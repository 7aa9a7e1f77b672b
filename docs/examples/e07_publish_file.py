"""A small dealer sends its day's sales as a file, and learns what is wrong with which row. Standard library only.

    TOKEN=… python -m docs.examples.e07_publish_file http://127.0.0.1:7410 sales.csv

The file is what Excel or a dealer's system saves: CSV in UTF-8 or GB18030, with the headings of
`GET /v1/sales/import/template`. Sent again, nothing happens twice: rows that are in are counted as known. Expected:

    accepted 400, known already 0, refused 1
    line 17: vin check_digit → LSVAU2A39N2000001
"""

# ruff: noqa: INP001, T201 - a folder of examples, not a package; they print
from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def template(door: str, token: str) -> bytes:
    """An empty file with all headings; the marks at its beginning tell Excel that it is UTF-8."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{door}/v1/sales/import/template", headers=headers)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        content: bytes = answer.read()
        return content


def publish(door: str, token: str, name: str, content: bytes) -> dict[str, Any]:
    """Hand it in. What is in is durable; without an answer send the same file again."""
    url = f"{door}/v1/sales/import?filename={urllib.parse.quote(name)}"
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, content, headers)  # noqa: S310 - the door's address is ours
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - as above
        report: dict[str, Any] = json.load(answer)
        return report


def became(door: str, token: str, order_no: str) -> list[dict[str, Any]]:
    """What became of an order: how far each of its sales is, and whether somebody else claims the car."""
    url = f"{door}/v1/sales?order_no={urllib.parse.quote(order_no)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - as above
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        found: list[dict[str, Any]] = json.load(answer)["sales"]
        return found


def told(report: dict[str, Any]) -> Iterator[str]:
    """A report in lines."""
    yield f"accepted {report['accepted']}, known already {report['replayed']}, refused {report['refused']}"
    for row in report["rows"]:
        for fault in row["errors"]:
            better = f" → {fault['suggestion']}" if "suggestion" in fault else ""
            yield f"line {row['line']}: {fault['field']} {fault['reason']}{better}"


if __name__ == "__main__":
    if len(sys.argv) != 3 or not os.environ.get("TOKEN"):  # noqa: PLR2004 - itself, an address and a file
        sys.exit(__doc__)
    file = Path(sys.argv[2])
    try:
        print("\n".join(told(publish(sys.argv[1], os.environ["TOKEN"], file.name, file.read_bytes()))))
    except urllib.error.HTTPError as refused:
        sys.exit(f"{refused.code} {refused.read().decode()}")
    except OSError as away:
        # Whether it came through is not known: sent again, nothing happens twice.
        sys.exit(f"no answer, send the same file again: {away}")
