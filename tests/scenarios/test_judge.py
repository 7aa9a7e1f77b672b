"""The judge: whatever was to be seen and is not is named, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.scenario.judge import _LOOKS, answered, differences
from services.scenario.seen import Answer, Seen, Sight

DUE = datetime(2026, 5, 2, 16, tzinfo=UTC)
CASE: dict[str, Any] = {
    "headline": "HOLD",
    "code": None,
    "owner": "tax-desk",
    "facets": [
        {"name": "tax", "state": "NONE", "hold": "T422", "code": "T422", "until": None, "owner": "tax-desk"},
        {"name": "ins", "state": "BOUND", "hold": None, "code": None, "until": None, "owner": None},
    ],
    "policy_packs": ["NEV-26", "CTPL-2020"],
    "timers": [{"name": "tax-clock", "due": "2026-05-02T16:00:00Z"}],
}
STORY: dict[str, Any] = {
    "steps": [
        {"rule": "T1", "facet": "order", "before": "NONE", "after": "CONFIRMED", "pack": None},
        {"rule": "T6", "facet": "ins", "before": "QUOTED", "after": "BOUND", "pack": "CTPL-2020"},
        {"rule": "T422", "facet": "tax", "before": "NONE", "after": "HOLD", "pack": "NEV-26"},
    ],
    "agencies": [
        {
            "deliveries": [
                {
                    "command": "tax.declare",
                    "attempts": [
                        {"result": "unavailable", "code": "T503", "started_at": "2026-03-02T01:00:00.000Z"},
                        {"result": "unavailable", "code": None, "started_at": "2026-03-02T01:00:00.300Z"},
                        {"result": "answered", "code": None, "started_at": "2026-03-02T01:00:03.000Z"},
                    ],
                },
                {
                    "command": "tax.pay",
                    "attempts": [
                        {"result": "unavailable", "code": None, "started_at": f"2026-03-02T01:00:0{second}.000Z"}
                        for second in (1, 3, 5, 7)
                    ],
                },
            ]
        }
    ],
}
EFFECTS: list[dict[str, Any]] = [
    {"operation": "invoice.request", "result": {"faPiaoHaoMa": "26322000000012345678", "jiaShuiHeJi": "113000.00"}},
    {"operation": "invoice.request", "result": {"faPiaoHaoMa": "26322000000012345679", "jiaShuiHeJi": "113000.00"}},
    {"operation": "insurance.bind", "result": {"data": {"compulsoryPremium": "950.00", "vesselTax": "0.00"}}},
    {"operation": "registration.register", "result": {"hphm": "苏AD12345"}},
]
SIGHT = Sight(
    CASE,
    STORY,
    [{"command": "tax.pay"}],
    EFFECTS,
    {"status": "hold", "notices": [{"code": "C409", "at": "x"}]},
    {"police": "unavailable: P503, status 503"},
)

RIGHT: dict[str, Any] = {
    "headline": "HOLD",
    "owner": "tax-desk",
    "facets": {"ins": "BOUND"},
    "holds": {"tax": {"reason": "T422", "code": "T422", "owner": "tax-desk", "manual": True}},
    "packs": ["CTPL-2020", "NEV-26"],
    "timers": {"tax-clock": DUE.isoformat()},
    "steps": [{"rule": "T1"}, {"rule": "T422", "facet": "tax", "pack": "NEV-26"}],
    "met": {"tax.declare": ["unavailable", "T503"]},
    "tries": {"tax.declare": 3},
    "away": {"police": "P503"},
    "waits": ["tax.pay"],
    "effects": {"invoice.request": 2, "insurance.bind": 1, "registration.register": 1},
    "done": ["invoice.request"],
    "undone": ["tax.pay"],
    "order": [["invoice.request", "insurance.bind", "registration.register"]],
    "amounts": {"invoiced": 11_300_000, "premium": 95_000, "vessel_tax": 0},
    "numbers": {"invoice.request.faPiaoHaoMa": "[0-9]{20}"},
    "plate": "D-set",
    "told": {"status": "hold", "notices": [{"code": "C409"}]},
    "unsaid": ["拒保", "declined"],
}
WRONG: list[tuple[str, Any, str]] = [
    ("absent", True, "case"),
    ("headline", "CLOSED", "headline"),
    ("code", "C409", "code"),
    ("owner", "dealer", "owner"),
    ("facets", {"tax": "PAID"}, "facets.tax"),
    ("facets", {"moon": "FULL"}, "facets.moon"),
    ("holds", {}, "holds.tax"),
    ("holds", {"tax": {"reason": "T422", "manual": False}}, "holds.tax"),
    ("holds", RIGHT["holds"] | {"ins": {"reason": "D422"}}, "holds.ins"),
    ("packs", ["NEV-26"], "packs"),
    ("timers", {"tax-clock": "2026-05-03T16:00:00Z"}, "timers.tax-clock"),
    ("timers", {"hold:tax": "2026-05-02T16:00:00Z"}, "timers.hold:tax"),
    ("steps", [{"rule": "T422"}, {"rule": "T1"}], "steps.T1"),
    ("steps", [{"rule": "T6", "pack": "NEV-26"}], "steps.T6"),
    ("met", {"tax.declare": ["unavailable", "refused"]}, "met.tax.declare"),
    ("met", {"loan.apply": ["answered"]}, "met.loan.apply"),
    ("tries", {"tax.declare": 4}, "tries.tax.declare"),
    ("tries", {"tax.pay": 4}, "tries.tax.pay"),
    ("tries", {"loan.apply": 3}, "tries.loan.apply"),
    ("away", {"police": "B503"}, "away.police"),
    ("away", {"customs": "X503"}, "away.customs"),
    ("waits", ["plate.reserve"], "waits.plate.reserve"),
    ("effects", {"invoice.request": 1, "insurance.bind": 1, "registration.register": 1}, "effects.invoice.request"),
    ("effects", {"invoice.request": 2, "registration.register": 1}, "effects.insurance.bind"),
    ("done", ["tax.pay"], "effects.tax.pay"),
    ("undone", ["insurance.bind"], "effects.insurance.bind"),
    ("order", [["insurance.bind", "invoice.request"]], "order"),
    ("order", [["insurance.bind", "tax.pay"]], "order"),
    ("amounts", {"premium": 95_001}, "amounts.premium"),
    ("amounts", {"tax_paid": 0}, "amounts.tax_paid"),
    ("numbers", {"invoice.request.faPiaoHaoMa": "[0-9]{19}"}, "numbers.invoice.request.faPiaoHaoMa"),
    ("numbers", {"invoice.request.jiaShuiHeJi": ".*"}, "numbers.invoice.request.jiaShuiHeJi"),
    ("plate", "fuel", "plate"),
    ("told", {"status": "closed"}, "told.status"),
    ("told", {"notices": []}, "told.notices"),
    ("unsaid", ["t422"], "unsaid"),
]


@pytest.mark.parametrize("field", sorted(RIGHT))
def test_what_is_as_it_was_to_be_is_no_difference(field: str) -> None:
    """Nor is anything else that nobody asked for."""
    assert differences("car", Seen.model_validate({field: RIGHT[field]}), SIGHT) == []


@pytest.mark.parametrize(
    ("field", "wanted", "named"), WRONG, ids=[f"{field}-{n}" for n, (field, *_) in enumerate(WRONG)]
)
def test_what_is_not_as_it_was_to_be_is_named(field: str, wanted: Any, named: str) -> None:
    """By the sale, the field and the part of it."""
    found = differences("car", Seen.model_validate({field: wanted}), SIGHT)
    assert f"car.{named}" in [each.what for each in found]
    assert all(each.zh.startswith(each.what) and each.en.startswith(each.what) for each in found)


def test_all_differences_are_named_at_once() -> None:
    """One run, one list."""
    wrong = Seen.model_validate({"headline": "CLOSED", "plate": "fuel", "packs": []})
    assert [each.what for each in differences("car", wrong, SIGHT)] == ["car.headline", "car.packs", "car.plate"]


def test_a_sale_that_never_was_has_nothing() -> None:
    """Neither a case nor an effect; and only then it is absent."""
    assert differences("car", Seen(absent=True), Sight()) == []
    assert {each.what for each in differences("car", Seen(absent=True), SIGHT)} == {"car.case", "car.effects"}


def test_every_word_is_looked_at() -> None:
    """A field of `Seen` that nobody compares would be a wish that always comes true."""
    assert _LOOKS.keys() == Seen.model_fields.keys()
    assert {field for field, *_ in WRONG} == Seen.model_fields.keys()


def test_the_doors_answers_are_compared_time_by_time() -> None:
    """Five deliveries have five answers."""
    first, again = Answer(status=202, codes=("0",)), Answer(status=202, codes=("1",))
    assert answered("car", [first, again], [first, again]) == []
    (difference,) = answered("car", [first, again], [first, first])
    assert difference.what == "answers.car"
