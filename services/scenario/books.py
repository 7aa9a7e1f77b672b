"""The simulated agencies' ledger, read in their own words: which amount, which number, which plate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from contracts.numbers import plate

from .seen import Amount, PlateClass

Line = Mapping[str, Any]

_AMOUNTS: Final[dict[Amount, tuple[str, str]]] = {
    "invoiced": ("invoice.request", "jiaShuiHeJi"),
    "tax_full": ("tax.declare", "yingNaShuiE"),
    "tax_relief": ("tax.declare", "jianMianShuiE"),
    "tax_payable": ("tax.declare", "shiNaShuiE"),
    "surcharge": ("tax.declare", "zhiNaJin"),
    "tax_paid": ("tax.pay", "jiaoKuanJinE"),
    "tax_refunded": ("tax.reclaim", "tuiKuanJinE"),
    "premium": ("insurance.bind", "data.compulsoryPremium"),
    "vessel_tax": ("insurance.bind", "data.vesselTax"),
    "premium_refunded": ("insurance.cancel", "data.refundAmount"),
    "lent": ("loan.apply", "approvedAmount"),
}
_YUAN: Final = re.compile(r"([0-9]+)\.([0-9]{2})")
_PLATES: Final[dict[str, PlateClass]] = {"ICE": "fuel", "BEV": "D-set", "PHEV": "F-set"}
_FIELD: Final = re.compile(r"([a-z]+\.[a-z]+)\.([A-Za-z.]+)")


def amount(effects: Iterable[Line], name: Amount) -> int | None:
    """An amount in fen, by the last effect that tells it."""
    operation, path = _AMOUNTS[name]
    told = values(effects, f"{operation}.{path}")
    found = _YUAN.fullmatch(str(told[-1])) if told else None
    return int(found[1]) * 100 + int(found[2]) if found else None


def values(effects: Iterable[Line], path: str) -> list[Any]:
    """A field of all results of one operation: `invoice.request.faPiaoHaoMa`. Raises ValueError for no such path."""
    found = _FIELD.fullmatch(path)
    if found is None:
        raise ValueError(f"no field of an effect: {path}")
    results = (line["result"] for line in effects if line["operation"] == found[1])
    return [value for result in results if (value := _inside(result, found[2])) is not None]


def _inside(result: Any, path: str) -> Any:
    for name in path.split("."):
        result = result.get(name) if isinstance(result, Mapping) else None
    return result


def plate_class(effects: Iterable[Line]) -> PlateClass | None:
    """Of which class the assigned plate is."""
    numbers = values(effects, "registration.register.hphm")
    if not numbers:
        return None
    return next((name for fuel, name in _PLATES.items() if plate.kind_fits(fuel, numbers[-1])), None)
