"""Every simulated agency keeps what its adapter declares, as far as the kit can ask."""

from __future__ import annotations

from collections import Counter

import pytest

from adapters.registry import ADAPTERS
from contracts.topics import COMMANDS
from services.conformance.bed import CONDITIONS
from services.conformance.car import MOST_CARS
from services.conformance.case import KINDS
from services.conformance.catalogue import cases
from services.conformance.fixtures import fixtures
from services.conformance.walk import NEEDS, before
from tests.conformance.town import Town, told

ALL = [case for adapter in ADAPTERS.values() for case in cases(adapter)]


@pytest.mark.parametrize("agency", sorted(ADAPTERS))
def test_the_simulated_agency_conforms(agency: str, town: Town) -> None:
    """Nothing fails, and nothing is left out: our own simulator can be brought into every state."""
    run = town.judge(ADAPTERS[agency])
    assert told(run) == {}
    assert run.skipped == 0
    assert run.passed == len(cases(ADAPTERS[agency]))


def test_there_are_cases_of_every_kind() -> None:
    """A hundred and thirty at least over the agencies, each with an id of its own."""
    assert len({case.id for case in ALL}) == len(ALL) >= 130
    assert set(Counter(case.kind for case in ALL)) <= set(KINDS)


def test_every_operation_has_cases() -> None:
    """No command goes without its plain fixture and its properties."""
    for name in COMMANDS:
        kinds = {case.kind for case in ALL if case.command == name}
        assert {"fixtures", "security"} <= kinds, name


def test_every_case_speaks_both_languages() -> None:
    """Title, demand and likely fix are there in Chinese and in English."""
    for case in ALL:
        for words in (case.title, case.demands, case.fix):
            assert words.zh, case.id
            assert words.en.isascii() or "“" in words.en or "’" in words.en, words.en


def test_the_process_knows_every_command() -> None:
    """Every command can be walked to, and every step of the way is one that somebody takes."""
    assert set(COMMANDS) <= set(NEEDS)
    for name in COMMANDS:
        assert set(before(name)) <= set(NEEDS)


def test_what_is_left_out_takes_with_it_what_rests_on_it() -> None:
    """Without the reservation there is no registration, and so no licence."""
    steps = before("elicence.grant", without=["plate.reserve"])
    assert "tax.pay" in steps
    assert not {"plate.reserve", "registration.register", "elicence.issue"} & set(steps)


def test_fixtures_say_only_what_the_kit_understands() -> None:
    """Steps, fields and conditions under `when` exist; a fixture with `when` is a case."""
    for adapter in ADAPTERS.values():
        for fixture in fixtures(adapter):
            situation = fixture.situation
            if situation is None:
                continue
            model = COMMANDS[fixture.command].versions.models[-1]
            assert {*situation.without, *situation.after} <= set(NEEDS), fixture.name
            assert {*situation.change, *situation.spoil, *situation.borrowed} <= set(model.model_fields), fixture.name
            assert situation.bed in {None, *CONDITIONS}, fixture.name


def test_no_case_runs_out_of_cars() -> None:
    """No case has more cars than numbers are set aside for."""
    assert all(case.cars <= MOST_CARS for case in ALL)
