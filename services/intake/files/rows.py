"""One row of a dealer's file, and the sale it tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.policy.purchase_tax import excl_vat
from contracts.sale import SALE_CONFIRMED, Fault
from services.intake.cloudevents import Submission
from services.intake.files import cells
from services.intake.files.columns import COLUMNS
from services.intake.problems import fault

DEALER: Final = "urn:tongche:dealer:"

_TYPE: Final = SALE_CONFIRMED.type_of(2)
_PRICES: Final = ("amount_incl", "amount_excl", "vat")
_LOAN: Final = ("loan.lender_uscc", "loan.loan_amount")


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its physical line: its cells by column name, or the whole event that it is; or why it is neither."""

    line: int
    cells: Mapping[str, str] | None = None
    event: Mapping[str, Any] | None = None
    faults: tuple[Fault, ...] = ()


def sale_of(row: Mapping[str, str]) -> tuple[Submission, tuple[Fault, ...]]:
    """The sale in a row, and what kept cells from being read.

    Its id is the dealer and the order number, whoever uploads it in whatever file.
    """
    values, faults = _values(row)
    faults += _payment_faults(values, {fault.field for fault in faults})
    data = _data(values)
    dealer = str(data.get("seller_uscc", "")).upper()
    submission = Submission(
        source=DEALER + dealer,
        sourceid=f"{dealer}:{data.get('order_no', '')}",
        type=_TYPE,
        data=data,
    )
    return submission, tuple(faults)


def _values(row: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """The values by dotted field; a field is absent where its cell is empty or cannot be read."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in COLUMNS:
        try:
            value = cells.read(column, row.get(column.name, ""))
        except cells.Unfit as wrong:
            faults.append(fault(column.field, wrong.reason))
        else:
            if value is not None:
                values[column.field] = value
    if any(fault.field == "amount_incl" for fault in faults):
        # The other two come from it: blame the cell that is there.
        faults += [fault(name, "needs_amount_incl") for name in _PRICES[1:]]
    return values, faults


def _payment_faults(values: dict[str, Any], blamed: set[str]) -> list[Fault]:
    payment = values.pop("payment", None)
    given = [name for name in _LOAN if name in values]
    if payment == "loan":
        return [fault(name, "missing") for name in _LOAN if name not in values and name not in blamed]
    if payment == "cash":
        return [fault(name, "loan_though_cash") for name in given]
    return [] if "payment" in blamed else [fault("payment", "missing")]


def _data(values: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for field, value in values.items():
        part, dot, name = field.rpartition(".")
        (data.setdefault(part, {}) if dot else data)[name] = value
    if "export" not in data:
        data.setdefault("buyer", {})
    if (incl := data.get("amount_incl")) is not None:
        data["amount_excl"] = excl_vat(incl)
        data["vat"] = incl - data["amount_excl"]
    if (listed := data.pop("nev_catalogue", None)) is not None:
        data["nev_catalogue"] = listed == "yes"
    return data


def shown(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """The faults that a dealer can mend: the parts of the price that we derive follow `amount_incl`."""
    return tuple(fault for fault in faults if fault.field not in _PRICES[1:])
