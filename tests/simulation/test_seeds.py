"""Hundreds of small worlds in which everything breaks, each from one seed; what must always hold, holds in all.

A failing seed is printed with its story and repeats exactly:

    TONGCHE_SIMULATION_SEED=123 python -m pytest tests/simulation/test_seeds.py

More of them, from 10,000 on: `TONGCHE_SIMULATION_SEEDS=5000`.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.simulation.plans import ON_POSTGRESQL, PLANS

SEED: Final = os.environ.get("TONGCHE_SIMULATION_SEED")
MORE: Final = int(os.environ.get("TONGCHE_SIMULATION_SEEDS", "0"))
_BLOCK: Final = 20
_USUAL: Final = {"books": 160, "dispatch": 300, "journey": 40, "skewed dispatch": 40, "skewed journey": 20}
_THERE: Final = {"books": range(20), "dispatch": range(50, 90)}
"""On PostgreSQL; among those of dispatch are some that fail when the fence lets everybody through."""
_MORE_FROM: Final = 10_000


def _blocks() -> list[tuple[str, range]]:
    if SEED is not None:
        return [(plan, range(int(SEED), int(SEED) + 1)) for plan in PLANS]
    usual = [(plan, range(first, first + _BLOCK)) for plan, many in _USUAL.items() for first in range(0, many, _BLOCK)]
    more = range(_MORE_FROM, _MORE_FROM + MORE, _BLOCK)
    return usual + [(plan, range(first, first + _BLOCK)) for plan in PLANS for first in more]


def _blocks_there() -> list[tuple[str, range]]:
    if SEED is not None:
        return [(plan, range(int(SEED), int(SEED) + 1)) for plan in ON_POSTGRESQL]
    return [(plan, seeds[at : at + _BLOCK]) for plan, seeds in _THERE.items() for at in range(0, len(seeds), _BLOCK)]


@pytest.mark.parametrize(("plan", "seeds"), _blocks(), ids=lambda one: one if isinstance(one, str) else str(one.start))
def test_what_must_hold_holds(plan: str, seeds: range) -> None:
    """Effects once, in order; nothing lost, committed too far, held without end, or left waiting for nothing."""
    bad = [outcome for seed in seeds if (outcome := PLANS[plan](seed)).wrong]
    assert not bad, "\n\n".join(map(str, bad))


@pytest.mark.parametrize(
    ("plan", "seeds"), _blocks_there(), ids=lambda one: one if isinstance(one, str) else str(one.start)
)
def test_it_holds_on_a_real_postgresql(plan: str, seeds: range, postgresql: str) -> None:
    """The same laws: nothing that a service rests on is done by SQLite alone."""
    bad = [outcome for seed in seeds if (outcome := ON_POSTGRESQL[plan](seed, postgresql)).wrong]
    assert not bad, "\n\n".join(map(str, bad))


@pytest.mark.parametrize("plan", PLANS)
def test_a_seed_repeats_exactly(plan: str) -> None:
    """The same story in the same number of steps, or a failure could not be looked into."""
    first, again = PLANS[plan](7), PLANS[plan](7)
    assert first == again
    # A world ends at one of every fifty steps: two of them may well end at the same.
    assert {PLANS[plan](seed).steps for seed in (8, 9, 10)} != {first.steps}
