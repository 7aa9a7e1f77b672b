"""The kit's door says to a call-back what dispatch would say."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp
import pytest

from adapters.registry import ADAPTERS
from services.conformance.door import PATH, Caller, Door, open_door
from services.conformance.fixtures import plain

BANK = ADAPTERS["bank"]
KEY = "0198c0de-0000-7000-8000-000000000001"
MESSAGE = str(plain(BANK, "loan.apply").told["response"]["text"]).encode()


@pytest.mark.parametrize(
    ("organisation", "raw", "by", "status"),
    [
        ("bank", MESSAGE, "bank", HTTPStatus.ACCEPTED),
        ("bank", MESSAGE, "somebody", HTTPStatus.UNAUTHORIZED),
        ("bank", b"<html></html>", "bank", HTTPStatus.BAD_REQUEST),
        ("nobody", MESSAGE, "bank", HTTPStatus.NOT_FOUND),
    ],
    ids=["taken", "sealed by nobody", "no message", "nobody's door"],
)
def test_a_call_back_hears_what_dispatch_would_say(organisation: str, raw: bytes, by: str, status: HTTPStatus) -> None:
    """Taken in durably, not proved, not readable, or not known here."""
    door = Door({"bank": Caller(BANK.binding, lambda _, came: came if by == "bank" else None)})
    assert asyncio.run(_said(door, organisation, raw)) == [status]


def test_a_door_that_is_shut_turns_away_once() -> None:
    """Whoever comes again is heard, and what was turned away is not forgotten."""
    door = Door({"bank": Caller(BANK.binding, lambda _, came: came)}, shut={KEY: 1})
    said = asyncio.run(_said(door, "bank", MESSAGE, MESSAGE))
    assert said == [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.ACCEPTED]
    assert [one.key for one in (*door.turned_away, *door.came)] == [KEY, KEY]


async def _said(door: Door, organisation: str, *brought: bytes) -> list[int]:
    statuses = []
    async with open_door(door, "127.0.0.1", 0) as port, aiohttp.ClientSession() as http:
        for raw in brought:
            async with http.post(f"http://127.0.0.1:{port}{PATH.format(organisation=organisation)}", data=raw) as got:
                statuses.append(got.status)
    return statuses
