"""Packs that may not be used together: every contradiction is named at once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Pack, Policies, PolicyConflict, load
from tests.contracts.policy.bans import a_ban, a_scope

_DAY = timedelta(days=1)


def _faults(*packs: Pack) -> list[str]:
    """What is wrong with them together."""
    try:
        Policies(packs)
    except PolicyConflict as conflict:
        return [fault.en for fault in conflict.faults if fault.zh]
    return []


@pytest.mark.parametrize(
    "other",
    [
        a_ban(id="BAN-2"),
        a_ban(id="BAN-2", effective_from=date(2026, 6, 30), effective_to=None),
        a_ban(id="BAN-2", effective_to=date(2026, 1, 1), status="SUPERSEDED"),
        a_ban(id="BAN-2", scope=a_scope("210100")),
        a_ban(id="BAN-1", effective_from=date(2030, 1, 1), effective_to=None),
    ],
    ids=["same days", "one day shared", "superseded too", "a part of the country", "same id"],
)
def test_packs_that_contradict_each_other_are_refused(other: Pack) -> None:
    """For any vehicle and day at most one pack may bind a rule."""
    with pytest.raises(PolicyConflict):
        Policies([a_ban(), other])


@pytest.mark.parametrize(
    "other",
    [
        a_ban(id="BAN-2", effective_from=date(2026, 7, 1), effective_to=None),
        a_ban(id="BAN-2", scope=a_scope("CN", kind="export-used")),
        a_ban(id="BAN-2", status="DRAFT"),
        a_ban(id="BAN-2", status="RETRACTED"),
    ],
    ids=["the day after", "another kind", "a draft", "a retracted one"],
)
def test_packs_that_cannot_meet_live_together(other: Pack) -> None:
    """Neighbouring days, different journeys and packs that do not bind are no contradiction."""
    assert Policies([a_ban(), other]).pack_for("resale-ban", date(2026, 3, 1), kind="used-car").id == "BAN-1"


def test_the_shipped_packs_do_not_contradict_each_other() -> None:
    """Else nothing at all would load."""
    assert _faults(*load().packs) == []


_LATER = {"id": "BAN-2", "effective_from": date(2026, 9, 1), "effective_to": None}
_HOLE = "no pack of resale-ban between BAN-1 and BAN-2: 2026-07-01 … 2026-08-31"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"scope": a_scope("210000")}, {"scope": a_scope("210000")}),
        ({}, {"scope": a_scope("210100")}),
        ({"scope": a_scope("210100")}, {}),
        ({"status": "SUPERSEDED"}, {}),
        ({}, {"scope": {"regions": ("CN",), "kinds": ("scrap", "used-car")}}),
    ],
    ids=["the country", "a province", "a city of it later", "a city of it before", "superseded", "a kind among others"],
)
def test_a_hole_between_two_packs_of_a_rule_is_refused(first: dict[str, object], second: dict[str, object]) -> None:
    """In the same place and kind; its days are named, once."""
    assert _faults(a_ban(**first), a_ban(**_LATER | second)) == [_HOLE]


@pytest.mark.parametrize(
    "packs",
    [
        (a_ban(), a_ban(**_LATER | {"effective_from": date(2026, 7, 1)})),
        (a_ban(), a_ban(**_LATER | {"scope": a_scope("CN", kind="scrap")})),
        (a_ban(scope=a_scope("220000")), a_ban(**_LATER | {"scope": a_scope("210000")})),
        (a_ban(), a_ban(**_LATER | {"status": "DRAFT"})),
        (a_ban(status="ADOPTED"), a_ban(**_LATER)),
        (
            a_ban(),
            a_ban(**_LATER),
            a_ban(id="BAN-3", effective_from=date(2026, 7, 1), effective_to=date(2026, 8, 31)),
        ),
        (a_ban(),),
    ],
    ids=[
        "no hole",
        "another kind",
        "another place",
        "a draft after",
        "an adopted one before",
        "filled",
        "before, after",
    ],
)
def test_what_is_no_hole_is_let_be(packs: tuple[Pack, ...]) -> None:
    """Neighbours, other places, packs that do not bind, and the time before the first and after the last."""
    assert _faults(*packs) == []


def test_a_hole_in_a_part_of_the_country_is_seen_there() -> None:
    """A regional pack that ends early leaves its region without an answer, however the next one begins."""
    north, south = a_scope("210000"), a_scope("440000")
    packs = [
        a_ban(scope=north),
        a_ban(id="BAN-S", scope=south, effective_to=date(2026, 8, 31)),
        a_ban(**_LATER),
    ]
    assert _faults(*packs) == [_HOLE]


@pytest.mark.parametrize(
    ("previous", "successor", "said"),
    [
        ({"status": "SUPERSEDED"}, {}, []),
        ({"status": "SUPERSEDED", "effective_to": date(2026, 6, 29)}, {}, ["between", "day after"]),
        ({"status": "SUPERSEDED", "effective_to": date(2026, 7, 1)}, {}, ["both bind", "day after"]),
        ({}, {}, ["SUPERSEDED"]),
        ({"effective_to": None}, {}, ["both bind", "SUPERSEDED", "day after"]),
        ({"status": "SUPERSEDED", "id": "BAN-9"}, {}, ["ever bound"]),
        ({"status": "DRAFT"}, {}, ["ever bound"]),
        ({}, {"status": "DRAFT"}, []),
        ({}, {"status": "DRAFT", "effective_from": date(2026, 9, 1)}, []),
        ({"id": "BAN-9"}, {"status": "DRAFT"}, ["ever bound"]),
        ({"id": "BAN-9"}, {"status": "RETRACTED"}, []),
    ],
    ids=[
        "the day after",
        "a day late",
        "a day early",
        "not marked",
        "never ends",
        "absent",
        "never bound",
        "a draft of what is in force",
        "a draft of later",
        "a draft of nothing",
        "a retracted one is not asked",
    ],
)
def test_a_successor_begins_the_day_after_its_predecessor_ends(
    previous: dict[str, object], successor: dict[str, object], said: list[str]
) -> None:
    """And its predecessor is marked as superseded; a draft only needs somebody to follow."""
    start = {"id": "BAN-2", "effective_from": date(2026, 7, 1), "effective_to": None, "supersedes": "BAN-1"}
    found = _faults(a_ban(**previous), a_ban(**start | successor))
    assert len(found) == len(said)
    for fault, part in zip(found, said, strict=True):
        assert part in fault


def test_a_successor_is_of_the_same_rule() -> None:
    """The tax does not follow on the ban."""
    tax = next(pack for pack in load().packs if pack.id == "NEV-26").model_dump() | {"supersedes": "BAN-1"}
    assert len(_faults(a_ban(status="SUPERSEDED", effective_to=date(2025, 12, 31), effective_from=date(2025, 1, 1)),
                       Pack.model_validate(tax))) == 1  # fmt: skip


def _shipped(pack_id: str, **changes: object) -> Pack:
    return Pack.model_validate(next(pack for pack in load().packs if pack.id == pack_id).model_dump() | changes)


@pytest.mark.parametrize("regions", [("110000",), ("CN", "110000"), ()], ids=["a city", "a city too", "nowhere"])
@pytest.mark.parametrize(
    "pack_id", ["NEV-26", "PTL-2019", "CTPL-2020", "CTPL-16", "VVT", "RTSL-9", "CAL-2026", "EXP-180D"]
)
def test_a_law_of_the_country_has_no_pack_for_a_part_of_it(pack_id: str, regions: tuple[str, ...]) -> None:
    """It is asked without a region, so that pack would never be heard; a draft may still be shown there."""
    scope = next(pack for pack in load().packs if pack.id == pack_id).scope.model_dump() | {"regions": regions}
    alone = {"supersedes": None, "scope": scope}
    (fault,) = _faults(_shipped(pack_id, **alone))
    assert pack_id in fault
    assert "one law for the country" in fault
    assert _faults(_shipped(pack_id, **alone, status="DRAFT")) == []


def test_packs_of_a_rule_go_by_one_date() -> None:
    """The purchase tax asks with the invoice's date; a pack that means another one would be chosen by the wrong day."""
    others = [pack for pack in load().packs if pack.id != "NEV-26"]
    found = _faults(*others, _shipped("NEV-26", reference_date_field="sold_on"))
    assert found == ["packs of purchase-tax go by different dates: NEV-24: invoice_date, NEV-26: sold_on"]


def test_all_contradictions_are_named_at_once() -> None:
    """Who mends a set of packs wants the whole list, in one message."""
    packs = [
        a_ban(),
        a_ban(id="BAN-2"),
        a_ban(id="BAN-3", effective_from=date(2027, 1, 1), effective_to=None),
        a_ban(id="BAN-3", status="DRAFT", supersedes="BAN-0"),
    ]
    found = _faults(*packs)
    assert len(found) == 4
    with pytest.raises(PolicyConflict, match="2 packs have the id BAN-3; .*both bind.*; no pack of.*; .*ever bound"):
        Policies(packs)


def _notice(pack_id: str, **params: object) -> Pack:
    pack = next(pack for pack in load().packs if pack.id == pack_id).model_dump()
    return Pack.model_validate(pack | {"params": pack["params"] | params})


def test_notices_do_not_disagree_and_name_their_own_year() -> None:
    """A December day may be worked for a January day off, and no other day of another year."""
    cal25, cal26 = (next(pack for pack in load().packs if pack.id == id_) for id_ in ("CAL-2025", "CAL-2026"))
    assert _faults(cal25, _notice("CAL-2026", make_up_days=(date(2025, 12, 27),))) == []
    last = {"zh": "测试", "en": "test", "first": date(2025, 12, 1), "last": date(2025, 12, 1)}
    assert (
        _faults(_notice("CAL-2026", holidays=(last, last | {"first": date(2026, 12, 31), "last": date(2026, 12, 31)})))
        == []
    )
    assert _faults(cal25, _notice("CAL-2026", make_up_days=(date(2025, 11, 30),))) == [
        "CAL-2026 names 2025-11-30, which is none of its year"
    ]
    assert _faults(cal25, _notice("CAL-2026", make_up_days=(date(2027, 1, 2),))) == [
        "CAL-2026 names 2027-01-02, which is none of its year"
    ]
    christmas = {"zh": "测试", "en": "test", "first": date(2025, 12, 27), "last": date(2025, 12, 27)}
    assert _faults(
        _notice("CAL-2025", holidays=(christmas,)), _notice("CAL-2026", make_up_days=(date(2025, 12, 27),))
    ) == ["CAL-2025 and CAL-2026 disagree whether 2025-12-27 is worked"]
    assert _faults(cal25, cal26) == []


_spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), min_size=1, max_size=5)


@given(_spans)
def test_together_packs_answer_every_day_between_their_first_and_last(spans: list[tuple[int, int]]) -> None:
    """What is accepted has exactly one answer a day, what is refused has none or two on some day."""
    start = date(2026, 1, 1)
    packs = [
        a_ban(id=f"BAN-{n}", effective_from=start + first * _DAY, effective_to=start + (first + length) * _DAY)
        for n, (first, length) in enumerate(spans)
    ]
    first, last = min(span[0] for span in spans), max(sum(span) for span in spans)
    answers = [sum(pack.on(start + n * _DAY) for pack in packs) for n in range(first, last + 1)]
    assert (_faults(*packs) == []) is (set(answers) == {1})
