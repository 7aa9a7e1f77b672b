"""`kill -9` of each process in turn, under load: what was acknowledged is finished, once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import pytest

from tests.road.installation import SAMPLES, OwnInstallation, Typed, until
from tests.road.publisher import hand_in, invented

VICTIMS = ("simulator", "intake", "journey", "dispatch", "projection", "console", "kafka")
SINGLES = 42
BACK_WITHIN_S = 120
"""Patience, no figure: a broker that was killed looks through all its partitions first, beside other tests."""
CLOSED_WITHIN_S = 300

T = TypeVar("T")


def parts(whole: Sequence[T], count: int) -> list[Sequence[T]]:
    """As equal as can be."""
    edges = [len(whole) * number // count for number in range(count + 1)]
    return [whole[start:end] for start, end in pairwise(edges)]


def publish_file(installation: OwnInstallation, lines: Sequence[bytes]) -> Typed:
    """The same with a file: publishing it again repeats nothing."""
    content = b"".join(lines)
    typed: list[Typed] = []

    def taken() -> bool:
        typed.append(installation.type_in("sale", "publish", "-", "--dated", "today", stdin=content))
        return typed[-1].code == 0

    until(taken, BACK_WITHIN_S, lambda: typed[-1])
    return typed[-1]


def acknowledgements(installation: OwnInstallation) -> int:
    """How many lines the publisher has written down."""
    history = installation.root / "publishers" / "platform.history.jsonl"
    return len(history.read_bytes().splitlines()) if history.exists() else 0


@pytest.mark.timeout(900)
def test_every_process_may_be_killed(installation_of_its_own: OwnInstallation) -> None:
    """All 400 lines of a file and 42 single sales close while each process, and then the supervisor, is killed.

    What a killed process left is taken up by the one that replaces it; what a killed supervisor left, by a new `up`.
    """
    installation = installation_of_its_own
    lines = (SAMPLES / "sales.jsonl").read_bytes().splitlines(keepends=True)
    singles = invented(installation, "platform", seed=9, number=SINGLES)
    loads = list(zip(parts(lines, len(VICTIMS) + 1), parts(singles, len(VICTIMS) + 1), strict=True))

    with ThreadPoolExecutor(1) as pool:
        for victim, (rows, sales) in zip((*VICTIMS, "supervisor"), loads, strict=True):
            publish_file(installation, rows)
            before = acknowledgements(installation)
            handing_in = pool.submit(asyncio.run, hand_in(installation, sales))
            until(lambda: acknowledgements(installation) > before, BACK_WITHIN_S, lambda: victim)  # noqa: B023 - waited for here
            killed = installation.kill(victim)
            if victim == "supervisor":
                installation.up()
            else:
                installation.until_replaced(victim, killed, BACK_WITHIN_S)
            handing_in.result(BACK_WITHIN_S)

    installation.until_closed(len(lines) + SINGLES, CLOSED_WITHIN_S)
    counts = {name: count for name, count in installation.cases().items() if count}
    assert counts == {"closed": len(lines) + SINGLES}
    verdict = installation.check()
    assert (verdict["checker"], verdict["findings"]) == ("clean", [])
    assert verdict["notes"]["sales"] == len(lines) + SINGLES
