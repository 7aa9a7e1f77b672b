"""A draft put in force on trial."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.policy import MalformedPack, Policies, PolicyConflict, PolicyGap, Status, on_trial
from tests.contracts.policy.bans import a_ban

_NOW = Policies([a_ban()])
_NEXT = {"id": "BAN-2", "status": "DRAFT", "approved_by": None, "supersedes": "BAN-1", "effective_to": None}


def _deciding(policies: Policies, *day: int) -> str | None:
    try:
        return policies.pack_for("resale-ban", date(*day)).id
    except PolicyGap:
        return None


def test_a_draft_on_trial_decides_from_its_first_day_and_ends_its_predecessor() -> None:
    """The day before, however long that would have gone on; the packs that were given stay as they were."""
    tried = on_trial(_NOW, a_ban(**_NEXT, effective_from=date(2026, 4, 1)))
    assert [_deciding(tried, 2026, 3, 31), _deciding(tried, 2026, 4, 1)] == ["BAN-1", "BAN-2"]
    assert _deciding(_NOW, 2026, 4, 1) == "BAN-1"
    previous = tried.packs[0]
    assert (previous.status, previous.effective_to) == (Status.SUPERSEDED, date(2026, 3, 31))
    assert tried.packs[1].approved_by == "trial"


@pytest.mark.parametrize("status", [Status.SIGNAL, Status.DRAFT, Status.ADOPTED, Status.IN_FORCE])
def test_whatever_may_come_into_force_can_be_tried(status: Status) -> None:
    """Also a file that already says what it is to become."""
    draft = a_ban(**_NEXT | {"status": status, "approved_by": "a test"}, effective_from=date(2026, 4, 1))
    assert _deciding(on_trial(_NOW, draft), 2026, 5, 1) == "BAN-2"


@pytest.mark.parametrize("status", [Status.RETRACTED, Status.SUPERSEDED])
def test_what_was_taken_back_is_never_tried(status: Status) -> None:
    """A retracted pack stays out, on trial too."""
    ended = {"status": status, "approved_by": "a test", "effective_to": date(2026, 5, 1)}
    with pytest.raises(MalformedPack, match=str(status)):
        on_trial(_NOW, a_ban(**_NEXT | ended, effective_from=date(2026, 4, 1)))


def test_a_draft_on_the_shelf_gives_way_to_its_new_text() -> None:
    """The one that binds under that id does not."""
    shelved = Policies([a_ban(), a_ban(**_NEXT, effective_from=date(2026, 4, 1))])
    tried = on_trial(shelved, a_ban(**_NEXT, effective_from=date(2026, 5, 1)))
    assert [_deciding(tried, 2026, 4, 30), _deciding(tried, 2026, 5, 1)] == ["BAN-1", "BAN-2"]
    with pytest.raises(PolicyConflict, match="2 packs have the id BAN-1"):
        on_trial(_NOW, a_ban(effective_from=date(2026, 7, 1), effective_to=None))


def test_a_draft_without_a_first_day_cannot_be_in_force() -> None:
    """Nor one that would end its predecessor before that began."""
    with pytest.raises(MalformedPack, match="first day"):
        on_trial(_NOW, a_ban(**_NEXT, effective_from=None))
    with pytest.raises(MalformedPack, match="last day is before the first"):
        on_trial(_NOW, a_ban(**_NEXT, effective_from=date(2026, 1, 1)))


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ({"supersedes": None, "effective_from": date(2026, 4, 1)}, ["both bind"]),
        ({"effective_from": date(2026, 9, 1)}, ["between BAN-1 and BAN-2", "day after"]),
        ({"supersedes": "BAN-0", "effective_from": date(2026, 4, 1)}, ["both bind", "ever bound"]),
    ],
    ids=["beside another", "too late", "after nobody"],
)
def test_a_bad_draft_gets_every_fault_named(draft: dict[str, object], said: list[str]) -> None:
    """As the loader would, once the file stood on the shelf."""
    with pytest.raises(PolicyConflict) as conflict:
        on_trial(_NOW, a_ban(**_NEXT | draft))
    found = [fault.en for fault in conflict.value.faults]
    assert len(found) == len(said)
    assert all(part in fault for part, fault in zip(said, found, strict=True))


def test_a_predecessor_without_an_end_gets_one() -> None:
    """Most packs in force have none."""
    tried = on_trial(Policies([a_ban(effective_to=None)]), a_ban(**_NEXT, effective_from=date(2026, 9, 1)))
    assert [_deciding(tried, 2026, 8, 31), _deciding(tried, 2026, 9, 1)] == ["BAN-1", "BAN-2"]


def test_a_draft_does_not_put_the_draft_it_names_into_force() -> None:
    """Only what bound once can be followed."""
    shelved = Policies([a_ban(id="BAN-0", status="DRAFT")])
    with pytest.raises(PolicyConflict, match="ever bound"):
        on_trial(shelved, a_ban(**_NEXT | {"supersedes": "BAN-0"}, effective_from=date(2026, 4, 1)))


def test_a_fault_of_a_draft_names_it() -> None:
    """In both languages, so that it is found among others."""
    with pytest.raises(MalformedPack) as wrong:
        on_trial(_NOW, a_ban(**_NEXT, effective_from=None))
    (fault,) = wrong.value.faults
    assert fault.zh.startswith("BAN-2")
    assert fault.en.startswith("BAN-2: ")


def test_a_draft_may_leave_a_gap_at_its_end() -> None:
    """Shorter than its predecessor: that is no contradiction, and cases will show it."""
    draft = _NEXT | {"effective_from": date(2026, 4, 1), "effective_to": date(2026, 5, 1)}
    assert _deciding(on_trial(_NOW, a_ban(**draft)), 2026, 6, 1) is None
