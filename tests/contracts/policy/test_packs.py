"""Packs: what is shipped, what is refused, and which one decides."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.fields import FIELDS
from contracts.policy import MalformedPack, Pack, Policies, PolicyGap, Status, load, parse, read_packs
from contracts.policy.compulsory_insurance import limits, premium
from contracts.policy.export_licensing import licence_required
from contracts.policy.insurance_cancellation import cancellation
from contracts.policy.params import PurchaseTaxParams
from contracts.policy.purchase_tax import last_day, purchase_tax, return_refund
from contracts.policy.vessel_tax import vessel_tax
from tests.contracts.policy.bans import RESALE_BAN, a_ban, a_scope

_DAY = date(2026, 5, 1)
_SHIPPED = {pack.id: pack for pack in read_packs()}
_RULEBOOK = {
    "NEV-24": ("SUPERSEDED", "2024-01-01", "2025-12-31", "invoice_date", None),
    "NEV-26": ("IN_FORCE", "2026-01-01", "2027-12-31", "invoice_date", "NEV-24"),
    "CTPL-2020": ("IN_FORCE", "2020-09-19", None, "start_date", None),
    "EXP-USED-6/2024": ("IN_FORCE", "2024-03-01", None, "applied_on", None),
    "EXP-180D": ("IN_FORCE", "2026-01-01", None, "applied_on", None),
    "EXP-BEV-54/2025": ("IN_FORCE", "2026-01-01", None, "applied_on", None),
    "ELIC-60": ("SUPERSEDED", "2024-07-01", "2024-12-01", "applied_on", None),
    "ELIC-NATIONAL": ("IN_FORCE", "2024-12-02", None, "applied_on", "ELIC-60"),
    "COC-REALTIME": ("IN_FORCE", "2026-06-23", None, "sold_on", None),
    "USED-REVERSE-INV": ("IN_FORCE", "2022-10-01", None, "invoice_date", None),
    "USED-3IN1Y": ("IN_FORCE", "2023-01-01", None, "applied_on", None),
    "RESALE-6M": ("RETRACTED", None, None, "reg_date", None),
    "PILOT-40": ("SIGNAL", "2026-06-23", None, "applied_on", None),
}
_BEYOND_IT = {
    "PTL-2019": ("IN_FORCE", "2019-07-01", None, "invoice_date", None),
    "VVT": ("IN_FORCE", "2019-04-23", None, "invoice_date", None),
    "CTPL-16": ("IN_FORCE", "2019-03-02", None, "start_date", None),
    "RTSL-9": ("IN_FORCE", "2021-04-29", None, "applied_on", None),
    "CAL-2024": ("IN_FORCE", "2024-01-01", "2024-12-31", "applied_on", None),
    "CAL-2025": ("IN_FORCE", "2025-01-01", "2025-12-31", "applied_on", None),
    "CAL-2026": ("IN_FORCE", "2026-01-01", "2026-12-31", "applied_on", None),
}


def test_the_shelf_is_the_rulebooks() -> None:
    """Every pack of the rulebook is shipped with its status, days, own date and predecessor, and no other but these."""
    found = {pack.id: _row(pack) for pack in _SHIPPED.values()}
    assert found == _RULEBOOK | _BEYOND_IT


def _row(pack: Pack) -> tuple[object, ...]:
    days = (day and day.isoformat() for day in (pack.effective_from, pack.effective_to))
    return (pack.status, *days, pack.reference_date_field, pack.supersedes)


@pytest.mark.parametrize("pack", _SHIPPED.values(), ids=lambda pack: pack.id)
def test_a_packs_reference_date_is_in_the_dictionary(pack: Pack) -> None:
    """The date that chooses a pack is a field that messages have."""
    assert pack.reference_date_field in FIELDS


@pytest.mark.parametrize("pack", _SHIPPED.values(), ids=lambda pack: pack.id)
def test_a_pack_says_where_it_comes_from_and_how_sure_that_is(pack: Pack) -> None:
    """A source for everybody, an approver for what binds and for nothing else, and a first comment for the reader."""
    assert pack.source.title
    assert (pack.approved_by is not None) is pack.status.binds


@pytest.mark.parametrize("id_", ["CAL-2024", "CAL-2025", "CAL-2026", "VVT"])
def test_what_the_rulebook_does_not_hold_it_has_not_approved(id_: str) -> None:
    """Calendars and the bands of the vessel tax come from the notices and the statute's annex, by the maintainers."""
    pack = next(pack for pack in load().packs if pack.id == id_)
    assert (pack.approved_by or "").startswith("maintainers, from the ")


def test_the_technical_bar_of_the_relief_is_cited() -> None:
    """Announcement 24/2025 sets it, beside the one that gives the relief."""
    pack = next(pack for pack in load().packs if pack.id == "NEV-26")
    assert all(number in (pack.source.number or "") for number in ("公告2023年第10号", "公告2025年第24号"))
    text = files("contracts.policy").joinpath("packs", pack.file_name).read_text(encoding="utf-8")
    assert re.match(r"# (Rulebook:|Own knowledge \(K\))", text)


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
    assert policies.annotations(day, region="120104", kind="scrap") == ()
    with pytest.raises(PolicyGap):
        policies.pack_for("pilot-city", day, region="120104")


@pytest.mark.parametrize("status", [Status.SIGNAL, Status.DRAFT, Status.ADOPTED, Status.RETRACTED])
def test_only_packs_in_force_decide(status: Status) -> None:
    """Whatever is not in force leaves a gap."""
    with pytest.raises(PolicyGap):
        Policies([a_ban(status=status)]).pack_for("resale-ban", date(2026, 3, 1))


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
    assert (gap.value.rule, gap.value.on) == gap.value.args[:2] == ("purchase-tax", day)
    assert str(copy.copy(gap.value)) == f"purchase-tax on {day}: no pack in force"


def test_a_pilot_of_unknown_cities_covers_nobody() -> None:
    """We hold no list of the sixty, so no city is assumed to be one."""
    with pytest.raises(PolicyGap):
        load().pack_for("e-licence", date(2024, 8, 1), region="110105")
    assert load().pack_for("e-licence", date(2024, 12, 2)).id == "ELIC-NATIONAL"


def test_regions_that_lie_apart_have_their_own_packs() -> None:
    """A regional pack holds for all that lies within its region, and for nobody who names none."""
    policies = Policies([a_ban(scope=a_scope("210000")), a_ban(id="BAN-2", scope=a_scope("220100"))])
    day = date(2026, 3, 1)
    assert policies.pack_for("resale-ban", day, region="210102").id == "BAN-1"
    assert policies.pack_for("resale-ban", day, region="220104").id == "BAN-2"
    for region in ("220200", None):
        with pytest.raises(PolicyGap):
            policies.pack_for("resale-ban", day, region=region)


def test_several_kinds_want_the_kind() -> None:
    """Packs for different journeys are told apart by the caller, never by luck."""
    policies = Policies([a_ban(), a_ban(id="BAN-2", scope=a_scope("CN", kind="export-used"))])
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
        ('"reg_date"', '"birthday"'),
        ('id = "BAN-1"', f'id = "{"B" * 61}"'),
        ('title = "none"', f'title = "{"x" * 201}"'),
        ('title = "none"', 'title = ""'),
        ('zh = "测试"', f'zh = "{"试" * 201}"'),
        ("months = 6", f"months = {'[' * 5000}"),
        ('kinds = ["used-car"]', "kinds = []"),
    ],
)
def test_a_pack_says_exactly_what_its_rule_needs(old: str, new: str) -> None:
    """Unknown, missing and senseless entries are refused when the pack is read."""
    assert old in RESALE_BAN
    with pytest.raises(MalformedPack) as wrong:
        parse(RESALE_BAN.replace(old, new))
    assert len(wrong.value.faults) == 1


def _tax_of(policies: Policies) -> object:
    return purchase_tax(policies, excl_fen=1, invoice_date=_DAY, fuel_kind="ICE", in_catalogue=False)


def _vessel_tax_of(policies: Policies) -> object:
    return vessel_tax(policies, invoice_date=_DAY, fuel_kind="ICE", in_catalogue=False, displacement=1_500)


@pytest.mark.parametrize(
    ("pack_id", "ask"),
    [
        ("NEV-26", _tax_of),
        ("PTL-2019", lambda policies: last_day(policies, _DAY)),
        ("PTL-2019", lambda policies: return_refund(policies, 1, _DAY, _DAY, invoice_date=_DAY)),
        ("CTPL-2020", lambda policies: premium(policies, 5, _DAY)),
        ("CTPL-2020", lambda policies: limits(policies, _DAY, at_fault=True)),
        ("CTPL-16", lambda policies: cancellation(policies, "STOLEN", _DAY, registered=True)),
        ("VVT", _vessel_tax_of),
        ("EXP-BEV-54/2025", lambda policies: licence_required(policies, "8703801090", _DAY)),
        ("EXP-USED-6/2024", lambda policies: licence_required(policies, "8703801090", _DAY, "used")),
    ],
)
def test_a_pack_for_other_journeys_decides_nothing_here(pack_id: str, ask: Callable[[Policies], object]) -> None:
    """A rule for scrapped cars prices no new one, however much it is of the same law."""
    pack = _SHIPPED[pack_id]
    ask(Policies([pack.model_copy(update={"supersedes": None})]))
    scrap = pack.scope.model_copy(update={"kinds": ("scrap",)})
    with pytest.raises(PolicyGap):
        ask(Policies([pack.model_copy(update={"supersedes": None, "scope": scrap})]))


def test_a_superseded_pack_has_a_last_day() -> None:
    """Without one it would price for ever."""
    with pytest.raises(ValidationError):
        a_ban(status="SUPERSEDED", effective_to=None)


def test_rates_are_text_not_binary_fractions() -> None:
    """0.1 in a file would be a little more than a tenth."""
    tax = _SHIPPED["NEV-26"].model_dump()
    with pytest.raises(ValidationError):
        Pack.model_validate(tax | {"params": tax["params"] | {"rate": 0.1}})


def test_a_shelf_with_bad_files_names_every_fault_of_each(tmp_path: Path) -> None:
    """The file, the place in it and what is wrong there; a good file is no excuse for a bad one."""
    (tmp_path / "BAN-1.toml").write_text(RESALE_BAN)
    (tmp_path / "BAN-2.toml").write_text(RESALE_BAN.replace("months = 6", "months = 0").replace("CN", "China"))
    (tmp_path / "BAN-3.toml").write_text(RESALE_BAN)
    (tmp_path / "BAN-4.toml").write_text("id =")
    (tmp_path / "notes.txt").write_text("no pack")
    with pytest.raises(MalformedPack) as wrong:
        read_packs(tmp_path)
    told = [fault.en for fault in wrong.value.faults]
    assert [fault.partition(": ")[0] for fault in told[:-2]] == ["BAN-2.toml"] * 2
    assert {"scope.regions.0", "params.resale-ban.months"} == {fault.split(": ")[1] for fault in told[:-2]}
    assert told[-2] == "BAN-3.toml holds the pack BAN-1"
    assert told[-1].startswith("BAN-4.toml: TOML: ")
    assert all(fault.zh for fault in wrong.value.faults)


def test_a_pack_of_another_rule_has_other_parameters() -> None:
    """Reading a pack as another rule's is a mistake of ours, told at once."""
    with pytest.raises(TypeError, match="BAN-1 is a pack of resale-ban"):
        a_ban().params_as(PurchaseTaxParams)
