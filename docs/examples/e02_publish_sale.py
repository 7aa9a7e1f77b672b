"""An automaker publishes a sale over HTTP: one CloudEvent in structured mode. Standard library only.

    TOKEN=… python -m docs.examples.e02_publish_sale http://127.0.0.1:7410 1

`tongche status` prints the door's address. Another serial number is another car; the same one again is answered with
the same id. Expected:

    202 0190a000-… 0
"""

# ruff: noqa: INP001, T201 - a folder of examples, not a package; they print
from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from docs.examples.a_sale import SOURCE, TYPE, a_sale

CHINA = timezone(timedelta(hours=8))


def event(serial: int, now: datetime) -> dict[str, Any]:
    """The CloudEvent. Its `id` is ours for good: sent again after a time-out, it is the same sale and not another."""
    data = a_sale(serial, now.astimezone(CHINA).date())
    return {
        "specversion": "1.0",
        "id": data["order_no"],
        "source": SOURCE,
        "type": TYPE,
        "time": now.isoformat(timespec="milliseconds"),
        "data": data,
    }


def publish(door: str, token: str, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Hand it in. 202 means that it is durable; anything else raises, with every fault in the problem document."""
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{door}/v1/sales", body, headers)  # noqa: S310 - the door's address is ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        return answer.status, json.load(answer)


if __name__ == "__main__":
    try:
        status, accepted = publish(sys.argv[1], os.environ["TOKEN"], event(int(sys.argv[2]), datetime.now(UTC)))
    except urllib.error.HTTPError as refused:
        sys.exit(f"{refused.code} {refused.read().decode()}")
    print(status, accepted["id"], accepted["code"])
