"""A personality: the same seed has the same moods in the same order, wherever and whenever it is let loose."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator import monsoon
from services.simulator.faults import Faults, Monsoon
from services.simulator.monsoon import MOODS, SPELLS, Spell, season
from tests.simulator.city import VIN, City, Play

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
FIRST_OF_SEVEN = ["deaf", "down", "flaky", "late", "endless", "repetitive"]
WILD = Faults(monsoon=Monsoon(seed=7, since=SINCE))

seeds = st.integers(0, 2**53 - 1)
organisations = st.sampled_from(["tax", "police", "bank-91110000MAT57WXL1C"])


@given(seeds, organisations)
def test_calm_follows_every_storm(seed: int, organisation: str) -> None:
    """Calm and storm by turns without a gap, each with knobs that there are."""
    spells = season(seed, organisation)
    assert [spell.mood is None for spell in spells] == [True, False] * (SPELLS // 2)
    for before, after in pairwise(spells):
        assert after.begins == pytest.approx(before.begins + before.lasts)
    for spell in spells:
        assert spell.lasts > 0
        assert Faults.model_validate(dict(spell.knobs)) == Faults().model_copy(update=dict(spell.knobs))
        assert bool(spell.knobs) is (spell.mood is not None)


@given(seeds, organisations, st.floats(0, 10_000))
def test_the_spell_of_a_moment_is_the_one_that_has_begun_and_lasts(
    seed: int, organisation: str, seconds: float
) -> None:
    """Whatever the moment; after a season the moods come round again."""
    spells = season(seed, organisation)
    length = spells[-1].begins + spells[-1].lasts
    spell = monsoon.spell_at(seed, organisation, seconds)
    assert spell in spells
    assert spell.begins <= seconds % length < spell.begins + spell.lasts + 1e-9


def test_the_order_is_the_same_in_every_process() -> None:
    """No hash of a process comes into it."""
    program = "from services.simulator.monsoon import season; print([one.mood for one in season(7, 'tax')])"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str([spell.mood for spell in season(7, "tax")])
    assert [spell.mood for spell in season(7, "tax")][1:12:2] == FIRST_OF_SEVEN


def test_seeds_and_organisations_differ() -> None:
    """Another seed is another personality, and so is another organisation with the same seed."""
    assert season(7, "tax") != season(8, "tax")
    assert season(7, "tax") != season(7, "police")


def test_personalities_have_favourites_and_all_moods_occur() -> None:
    """Among a hundred personalities every mood is met, and most have one that comes twice as often as its share."""
    met, partial = set(), 0
    for seed in range(100):
        moods = [spell.mood for spell in season(seed, "tax") if spell.mood]
        met |= set(moods)
        partial += max(map(moods.count, moods)) > 2 * len(moods) / len(MOODS)
    assert met == set(MOODS)
    assert partial > 50


def test_moods_hold_before_knobs_and_leave_the_others() -> None:
    """In a storm its knobs hold, in a calm those that were turned; scripts and seized cars are nobody's mood."""
    turned = WILD.merged({"delay_ms": 5, "seized": [VIN], "forgetful": True})
    for spell in season(7, "tax")[:8]:
        faults = monsoon.effective(turned, "tax", SINCE + timedelta(seconds=spell.begins + spell.lasts / 2))
        assert faults == turned.model_copy(update=dict(spell.knobs))
    assert monsoon.effective(Faults(delay_ms=5), "tax", SINCE) == Faults(delay_ms=5)


def test_what_comes_next_is_told() -> None:
    """The spells that follow, and when each begins; over the end of the season, too."""
    spells = season(7, "tax")
    now = SINCE + timedelta(seconds=spells[-2].begins + 1)
    coming = monsoon.coming(WILD, "tax", now, 3)
    assert [spell for spell, _ in coming] == [spells[-1], spells[0], spells[1]]
    assert coming[0][1] == pytest.approx(spells[-2].lasts - 1)
    assert coming[1][1] == pytest.approx(spells[-2].lasts - 1 + spells[-1].lasts)
    assert monsoon.coming(Faults(), "tax", now, 3) == []


def _first(mood: str) -> Spell:
    return next(spell for spell in season(7, "tax") if spell.mood == mood)


def test_a_personality_is_let_loose_at_a_running_organisation(play: Play) -> None:
    """From the moment of turning; it survives a restart, and ends when the knob is turned back."""
    storm = _first("down")

    async def before(city: City) -> None:
        said = await city.turn("tax", monsoon={"seed": 7}, delay_ms=0)
        assert said.body["monsoon"] == {"seed": 7, "since": "2026-03-02T02:00:00Z"}
        assert said.body["down"] is None
        city.clock.pass_by(storm.begins + 0.001)

    async def after(city: City) -> None:
        car = city.car()
        await car.through("upload")
        assert (await car.attempt("invoice-request")).status == 503
        await city.turn("tax", monsoon=None)
        assert (await car.attempt("invoice-request")).status == 200

    play(before)
    play(after)


def test_a_script_that_is_used_up_leaves_the_mood_a_mood(play: Play) -> None:
    """The knobs of the moment are not taken for turned ones."""
    storm = _first("deaf")

    async def scenario(city: City) -> None:
        script = {"operation": "invoice.request", "code": "C410", "times": 1}
        await city.turn("tax", monsoon={"seed": 7}, scripts=[script])
        city.clock.pass_by(storm.begins + 0.001)
        await city.car().through("upload")
        assert (await city.car().attempt("invoice-request")).status >= 400
        assert city.world.faults("tax").hang > 0
        turned = city.world.turned("tax")
        assert (turned.hang, turned.scripts) == (0, ())

    play(scenario)
