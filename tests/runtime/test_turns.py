"""Partitions take turns at an organisation that bears fewer calls at once than there are partitions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.runtime.turns import Turns

PARTITIONS = 6
CALL_S = 5.0
TURN_S = 24.0
"""Four times as long as a call and a second."""
STEP_S = 0.5
ROUND = [1_700_000_000 + step * STEP_S for step in range(int(PARTITIONS * TURN_S / STEP_S))]
SHARES: list[Sequence[Sequence[int]]] = [
    [range(6)],
    [(0, 1, 2), (3, 4, 5)],
    [(0, 2, 4), (1, 3), (5,)],
    [(number,) for number in range(6)],
]


def _slots(mine: Sequence[int], concurrency: int, at: float) -> int:
    return Turns(frozenset(mine), PARTITIONS, concurrency, CALL_S, lambda: at).slots


@pytest.mark.parametrize("concurrency", [1, 2, 5])
@pytest.mark.parametrize("workers", SHARES)
def test_never_more_slots_than_calls_that_it_bears(workers: Sequence[Sequence[int]], concurrency: int) -> None:
    """Counted together with every call that began while it still might: by a clock that is a second wrong, too."""
    for at in ROUND:
        soon = [at + step * STEP_S for step in range(int((CALL_S + 1.0) / STEP_S))]
        for worker in workers:
            others = [one for one in workers if one is not worker]
            begun = _slots(worker, concurrency, at)
            assert all(begun + sum(_slots(one, concurrency, then) for one in others) <= concurrency for then in soon)


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_every_partition_has_its_turn(concurrency: int) -> None:
    """For three quarters of it at least, and as many turns of a round as calls are borne at once."""
    for number in range(PARTITIONS):
        ours = sum(_slots([number], concurrency, at) for at in ROUND) * STEP_S
        assert ours >= concurrency * TURN_S - (CALL_S + 1.0) - STEP_S


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_who_is_alone_always_has_all(concurrency: int) -> None:
    """No edge of a turn holds it up."""
    assert {_slots(range(PARTITIONS), concurrency, at) for at in ROUND} == {concurrency}


def test_when_there_may_be_more_is_when_the_turn_ends() -> None:
    """Until then slots only become fewer."""
    turns = Turns(frozenset({0}), PARTITIONS, 1, CALL_S, lambda: 3 * TURN_S + 20.0)
    assert turns.next_in_s == pytest.approx(4.0)
