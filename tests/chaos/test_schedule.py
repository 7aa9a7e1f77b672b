"""A schedule is drawn whole from its seed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.chaos.blows import BLOWS
from services.chaos.patience import PATIENCE_S
from services.chaos.schedule import (
    LAST,
    LEAST_S,
    LINKS,
    LONG_S,
    POSTGRESQL,
    Strike,
    menu,
    menu_for,
    outlasting,
    schedule,
    weather_of,
)

HOURS_S = 4 * 3600.0
SEEDS = range(20)
MANY_SEEDS = range(500)


def _drawn(seed: int, seconds: float, faults: Sequence[str] | None = None) -> list[Strike]:
    return schedule(seed, seconds, menu_for(seconds).only(faults))


def test_the_same_seed_makes_the_same_run() -> None:
    """Another seed makes another."""
    assert _drawn(7, 300) == _drawn(7, 300)
    assert _drawn(7, 300) != _drawn(8, 300)


@pytest.mark.parametrize("seconds", [10.0, 60.0, 300.0])
def test_every_strike_begins_and_ends_within_the_run(seconds: float) -> None:
    """In the order of their beginning; what would last too long is not begun."""
    for seed in SEEDS:
        strikes = _drawn(seed, seconds)
        assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
        assert all(0 < strike.at_s <= strike.at_s + strike.lasts_s <= seconds for strike in strikes)


@pytest.mark.parametrize("seconds", [LEAST_S, 60.0, LONG_S, 300.0])
def test_every_seed_deals_every_kind_of_fault(seconds: float) -> None:
    """Once at least, in any run that is not too short for it."""
    for seed in MANY_SEEDS:
        assert {strike.fault for strike in _drawn(seed, seconds)} == BLOWS.keys(), seed


def test_in_a_short_run_what_begins_everything_anew_comes_last() -> None:
    """It would cut short whatever had begun before."""
    for seed in MANY_SEEDS:
        assert _drawn(seed, LEAST_S)[-1].fault == LAST


def test_a_worker_sleeps_for_a_minute_unless_the_run_is_short() -> None:
    """Long enough that its session is over, whichever it has."""

    def frozen_s(seconds: float) -> set[float]:
        return {strike.lasts_s for strike in _drawn(1, seconds) if strike.fault == "zombie"}

    assert frozen_s(300) == {60}
    assert max(frozen_s(LEAST_S)) < LEAST_S


@pytest.mark.parametrize("link", [*LINKS, POSTGRESQL])
def test_a_long_run_has_weather_that_outlasts_every_time_out(link: str) -> None:
    """On every link, in every way in which no answer comes."""
    dealt = [card for card in menu(links=[link]).decks["squall"] if card.least_s > PATIENCE_S[link]]
    assert len(dealt) == len(outlasting(1))
    assert all(weather_of(Strike(0, card.fault, link, card.how)) for card in dealt)


def test_a_postgresql_is_struck_as_well() -> None:
    """Its link in every weather, and its writing."""
    cards = [card for deck in menu(links=(*LINKS, POSTGRESQL)).decks.values() for card in deck]
    assert {card.fault for card in cards if card.target == POSTGRESQL} == {"link", "disk"}


def test_a_long_run_deals_everything_that_there_is() -> None:
    """Each card of each deck, and somebody knows how to deal it."""
    cards = [card for deck in menu().decks.values() for card in deck]
    drawn = {(strike.fault, strike.target, strike.how) for strike in _drawn(1, HOURS_S)}
    assert drawn == {(card.fault, card.target, card.how) for card in cards}
    assert {card.fault for card in cards} == BLOWS.keys()


def test_a_run_can_be_of_chosen_faults_only() -> None:
    """By the name of the fault."""
    assert {strike.fault for strike in _drawn(1, 300, ["kill", "link"])} == {"kill", "link"}
