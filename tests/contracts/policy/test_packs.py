"""Packs: what is shipped, what is refused, and which one decides."""

from __future__ import annotations

import copy
from datetime import date

import pytest
from pydantic import ValidationError

from contracts.fields import FIELDS
from contracts.policy import Pack, Policies, PolicyConflict, PolicyGap, Status, load, read_packs
from contracts.policy.loader import parse
from contracts.policy.params import PurchaseTaxParams

_SHIPPED = {pack.id: pack for pack in read_packs()}
_RULEBOOK = {
    "NEV-24": ("SUPERSEDED", "2024-01-01"),
    "NEV-26": ("IN_FORCE", "2026-01-01"),
    "CTPL-2020": ("IN_FORCE", "2020-09-19"),
    "EXP-USED-6/2024": ("IN_FORCE", "2024-03-01"),
    "EXP-180D": ("IN_FORCE", "2026-01-01"),
    "EXP-BEV-54/2025": ("IN_FORCE", "2026-01-01"),
    "ELIC-60": ("SUPERSEDED", "2024-07-01"),
    "ELIC-NATIONAL": ("IN_FORCE", "2024-12-02"),
    "COC-REALTIME": ("IN_FORCE", "2026-06-23"),
    "USED-REVERSE-INV": ("IN_FORCE", "2022-10-01"),
    "USED-3IN1Y": ("IN_FORCE", "2023-01-01"),
    "RESALE-6M": ("RETRACTED", "None"),
    "PILOT-40": ("SIGNAL", "2026-06-23"),
}

_BEYOND_IT = {
    "VVT": ("IN_FORCE", "2019-04-23"),
    "CTPL-16": ("IN_FORCE", "2019-03-02"),
    "RTSL-9": ("IN_FORCE", "2021-04-29"),
    "PTL-2019": ("IN_FORCE", "2019-07-01"),
    "CAL-2024": ("IN_FORCE", "2024-01-01"),
    "CAL-2025": ("IN_FORCE", "2025-01-01"),
    "CAL-2026": ("IN_FORCE", "2026-01-01"),
}

RESALE_BAN = """
id = "BAN-1"
status = "IN_FORCE"
effective_from = 2026-01-01
effective_to = 2026-06-30
reference_date_field = "reg_date"
approved_by = "a test"
title = { zh = "测试", en = "test" }
scope = { regions = ["CN"], kinds = ["used-car"] }
params = { rule = "resale-ban", months = 6 }
source = { title = "none" }
"""


def _ban(**changes: object) -> Pack:
    return Pack.model_validate(parse(RESALE_BAN).model_dump() | changes)


def _scope(*regions: str, kind: str = "used-car") -> dict[str, object]:
    return {"regions": regions, "kinds": (kind,)}


def test_the_shelf_is_the_rulebooks() -> None:
    """Every pack of the rulebook is shipped with its status and first day, and no other but those named here."""
    found = {pack.id: (pack.status, str(pack.effective_from)) for pack in _SHIPPED.values()}
    assert found == _RULEBOOK | _BEYOND_IT


@pytest.mark.parametrize("pack", _SHIPPED.values(), ids=lambda pack: pack.id)
def test_a_packs_reference_date_is_in_the_dictionary(pack: Pack) -> None:
    """The date that chooses a pack is a field that messages have."""
    assert pack.reference_date_field in FIELDS


def test_a_retracted_pack_never_loads() -> None:
    """It stays on the shelf for people to read, and answers nothing."""
    assert "RESALE-6M" in _SHIPPED
    assert "RESALE-6M" not in {pack.id for pack in load().packs}
    with pytest.raises(PolicyGap):
        load().pack_for("resale-ban", date(2026, 1, 1), kind="used-car")


def test_a_signal_annotates_and_never_decides() -> None:
    """The pilot cities are shown in the three confirmed cities, from their day, and answer no rule."""
    policies = load()
    day = date(2026, 7, 1)
    assert [pack.id for pack in policies.annotations(day, region="120104")] == ["PILOT-40"]
    assert policies.annotations(day, region="321002") == policies.annotations(day, region="210102")
    assert policies.annotations(day, region="500105") == policies.annotations(day) == ()
    assert policies.annotations(date(2026, 6, 22), region="120104") == ()
    with pytest.raises(PolicyGap):
        policies.pack_for("pilot-city", day, region="120104")


@pytest.mark.parametrize("status", [Status.SIGNAL, Status.DRAFT, Status.ADOPTED, Status.RETRACTED])
def test_only_packs_in_force_decide(status: Status) -> None:
    """Whatever is not in force leaves a gap."""
    with pytest.raises(PolicyGap):
        Policies([_ban(status=status)]).pack_for("resale-ban", date(2026, 3, 1))


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2024, 1, 1), "NEV-24"), (date(2025, 12, 31), "NEV-24"), (date(2026, 1, 1), "NEV-26"),
     (date(2027, 12, 31), "NEV-26")],
)  # fmt: skip
def test_the_pack_of_the_day_decides(day: date, expected: str) -> None:
    """A superseded pack still prices the days of its own interval, to its last day."""
    assert load().pack_for("purchase-tax", day).id == expected


@pytest.mark.parametrize("day", [date(2023, 12, 31), date(2028, 1, 1), date(2028, 1, 5)])
def test_a_day_without_a_pack_is_a_gap(day: date) -> None:
    """The gap names rule and day, so that the case can wait with a reason."""
    with pytest.raises(PolicyGap) as gap:
        load().pack_for("purchase-tax", day)
    assert (gap.value.rule, gap.value.on) == ("purchase-tax", day)
    assert str(copy.copy(gap.value)) == f"purchase-tax on {day}: no pack in force"


def test_a_pilot_of_unknown_cities_covers_nobody() -> None:
    """We hold no list of the sixty, so no city is assumed to be one."""
    with pytest.raises(PolicyGap):
        load().pack_for("e-licence", date(2024, 8, 1), region="110105")
    assert load().pack_for("e-licence", date(2024, 12, 2)).id == "ELIC-NATIONAL"


@pytest.mark.parametrize(
    "other",
    [
        _ban(id="BAN-2"),
        _ban(id="BAN-2", effective_from=date(2026, 6, 30), effective_to=None),
        _ban(id="BAN-2", effective_to=date(2026, 1, 1), status="SUPERSEDED"),
        _ban(id="BAN-2", scope=_scope("210100")),
        _ban(id="BAN-1", effective_from=date(2030, 1, 1), effective_to=None),
    ],
    ids=["same days", "one day shared", "superseded too", "a part of the country", "same id"],
)
def test_packs_that_contradict_each_other_are_refused(other: Pack) -> None:
    """For any vehicle and day at most one pack may bind a rule."""
    with pytest.raises(PolicyConflict):
        Policies([_ban(), other])


@pytest.mark.parametrize(
    "other",
    [
        _ban(id="BAN-2", effective_from=date(2026, 7, 1), effective_to=None),
        _ban(id="BAN-2", scope=_scope("CN", kind="export-used")),
        _ban(id="BAN-2", status="DRAFT"),
        _ban(id="BAN-2", status="RETRACTED"),
    ],
    ids=["the day after", "another kind", "a draft", "a retracted one"],
)
def test_packs_that_cannot_meet_live_together(other: Pack) -> None:
    """Neighbouring days, different journeys and packs that do not bind are no contradiction."""
    assert Policies([_ban(), other]).pack_for("resale-ban", date(2026, 3, 1), kind="used-car").id == "BAN-1"


def test_regions_that_lie_apart_have_their_own_packs() -> None:
    """A regional pack holds for all that lies within its region, and for nobody who names none."""
    policies = Policies([_ban(scope=_scope("210000")), _ban(id="BAN-2", scope=_scope("220100"))])
    day = date(2026, 3, 1)
    assert policies.pack_for("resale-ban", day, region="210102").id == "BAN-1"
    assert policies.pack_for("resale-ban", day, region="220104").id == "BAN-2"
    for region in ("220200", None):
        with pytest.raises(PolicyGap):
            policies.pack_for("resale-ban", day, region=region)


def test_several_kinds_want_the_kind() -> None:
    """Packs for different journeys are told apart by the caller, never by luck."""
    policies = Policies([_ban(), _ban(id="BAN-2", scope=_scope("CN", kind="export-used"))])
    with pytest.raises(PolicyGap, match="kind"):
        policies.pack_for("resale-ban", date(2026, 3, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("months = 6", "months = 6, weeks = 1"),
        ("months = 6", "months = 0"),
        ('rule = "resale-ban"', 'rule = "resale-bam"'),
        ('source = { title = "none" }', 'source = { title = "none", sha256 = "beef" }'),
        ('id = "BAN-1"', 'id = "BAN-1"\ncomment = "x"'),
        ('approved_by = "a test"', ""),
        ("effective_from = 2026-01-01", ""),
        ("effective_from = 2026-01-01", "effective_from = 2026-07-01"),
        ('status = "IN_FORCE"\n', 'status = "FINE"\n'),
        ('regions = ["CN"]', 'regions = ["China"]'),
        ('kinds = ["used-car"]', "kinds = []"),
    ],
)
def test_a_pack_says_exactly_what_its_rule_needs(old: str, new: str) -> None:
    """Unknown, missing and senseless entries are refused when the pack is read."""
    assert old in RESALE_BAN
    with pytest.raises(ValidationError):
        parse(RESALE_BAN.replace(old, new))


def test_a_superseded_pack_has_a_last_day() -> None:
    """Without one it would price for ever."""
    with pytest.raises(ValidationError):
        _ban(status="SUPERSEDED", effective_to=None)


def test_rates_are_text_not_binary_fractions() -> None:
    """0.1 in a file would be a little more than a tenth."""
    tax = _SHIPPED["NEV-26"].model_dump()
    with pytest.raises(ValidationError):
        Pack.model_validate(tax | {"params": tax["params"] | {"rate": 0.1}})


def test_only_a_superseded_pack_can_be_succeeded() -> None:
    """The chain of packs must be there and of one rule."""
    successor = _ban(id="BAN-2", effective_from=date(2026, 7, 1), effective_to=None, supersedes="BAN-1")
    with pytest.raises(PolicyConflict):
        Policies([_ban(), successor])
    with pytest.raises(PolicyConflict):
        Policies([successor])
    assert len(Policies([_ban(status="SUPERSEDED"), successor]).packs) == 2


def test_a_pack_of_another_rule_has_other_parameters() -> None:
    """Reading a pack as another rule's is a mistake of ours, told at once."""
    with pytest.raises(TypeError):
        _ban().params_as(PurchaseTaxParams)
