"""Hypothesis strategies for valid sales, their numbers right by the standards."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from contracts.numbers import resident_id, uscc, vin
from contracts.sale import Buyer, Export, Loan, SaleConfirmedV1, SaleConfirmedV2, SaleConfirmedV3, upcast_v2_v3

_MAKERS: Final = ("LSV", "LSG", "LB3", "LS5", "LZZ", "LRW")
_BODY: Final = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_YEARS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"
_CODE: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CAPITALS: Final = string.ascii_uppercase + string.digits
_FIRST_DAY: Final = date(2024, 1, 1)
_MOST: Final = 10_000_000_000


@cache
def _of(alphabet: str, length: int) -> st.SearchStrategy[str]:
    """Texts of one length from one draw: a draw a character makes strategies slow, and so does making them anew."""

    def spelt(number: int) -> str:
        letters = []
        for _ in range(length):
            number, index = divmod(number, len(alphabet))
            letters.append(alphabet[index])
        return "".join(letters)

    return st.integers(0, len(alphabet) ** length - 1).map(spelt)


@st.composite
def vins(draw: st.DrawFn) -> str:
    """VINs of makers in the table."""
    maker = draw(st.sampled_from(_MAKERS))
    body, year, serial = draw(_of(_BODY, 8)), draw(st.sampled_from(_YEARS)), draw(st.integers(0, 9999))
    drawn = f"{maker}{body[:5]}0{year}{body[5:]}{serial:04d}"
    return drawn[:8] + vin.check_digit(drawn) + drawn[9:]


@st.composite
def usccs(draw: st.DrawFn) -> str:
    """Unified social credit codes."""
    drawn = "91" + draw(_of(string.digits, 6)) + draw(_of(_CODE, 8))
    drawn += uscc.organisation_check(drawn)
    return drawn + uscc.check_digit(drawn)


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    """Resident identity numbers."""
    born = draw(st.dates(date(1930, 1, 1), date(2008, 1, 1)))
    drawn = draw(_of(string.digits, 6)) + born.strftime("%Y%m%d") + draw(_of(string.digits, 3)) + "0"
    return drawn[:17] + resident_id.check_digit(drawn)


@cache
def texts() -> st.SearchStrategy[str]:
    """Free text as a contract takes it: anything but control characters and lone surrogates."""
    letters = st.characters(exclude_categories=["Cs"], min_codepoint=0x20).filter(lambda letter: letter != "\x7f")
    return st.text(alphabet=letters, min_size=1, max_size=20)


@st.composite
def _vehicles(draw: st.DrawFn) -> dict[str, Any]:
    made = draw(st.dates(_FIRST_DAY, _FIRST_DAY + timedelta(days=1500)))
    engine = draw(st.none() | _of(_CAPITALS, 12))
    return {
        "order_no": draw(_of(_CAPITALS, 10)),
        "vin": draw(vins()),
        "coc_no": draw(_of(_CAPITALS, 14) | _of(_CAPITALS, 15)),
        "engine_no": engine,
        "motor_no": draw(_of(_CAPITALS, 4) if engine is None else st.none() | _of(_CAPITALS, 30)),
        "maker": draw(texts()),
        "model": draw(texts()),
        "fuel_kind": draw(st.sampled_from(("ICE", "HEV", "PHEV", "EREV", "BEV", "FCEV"))),
        "seats": draw(st.integers(1, 9)),
        "curb_mass": draw(st.integers(200, 5000)),
        "displacement": draw(st.none() | st.integers(100, 10_000)),
        "mfg_date": made,
        "nev_catalogue": draw(st.booleans()),
        "sold_on": made + timedelta(days=draw(st.integers(0, 700))),
        "seller_uscc": draw(usccs()),
        "maker_uscc": draw(usccs()),
        "ccc_no": draw(st.none() | _of(string.digits, 16)),
    }


@st.composite
def _buyers(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(("RESIDENT_ID", "USCC", "PASSPORT")))
    return {
        "buyer_name": draw(texts()),
        "buyer_id_type": kind,
        "buyer_id_no": draw(resident_ids() if kind == "RESIDENT_ID" else _of(_CAPITALS, 9)),
        "phone": "1" + draw(_of(string.digits, 10)),
        "address": draw(st.none() | texts()),
        "region": draw(_of(string.digits, 6)),
        "insurer_uscc": draw(usccs()),
    }


@st.composite
def sales_v1(draw: st.DrawFn) -> SaleConfirmedV1:
    """Sales as version 1 tells them."""
    return SaleConfirmedV1(**draw(_vehicles()), **draw(_buyers()), price=draw(st.integers(1, _MOST)))


@st.composite
def sales_v2(draw: st.DrawFn, *, export: bool | None = None) -> SaleConfirmedV2:
    """Sales as version 2 tells them: at home in cash or on credit, or for export."""
    abroad = draw(st.booleans()) if export is None else export
    excl = draw(st.integers(1, _MOST // 2))
    vat = draw(st.integers(0, _MOST // 2))
    lent = draw(st.none() | st.integers(1, excl + vat))
    return SaleConfirmedV2(
        **draw(_vehicles()),
        amount_incl=excl + vat,
        amount_excl=excl,
        vat=vat,
        buyer=None if abroad else Buyer(**draw(_buyers())),
        loan=None if abroad or lent is None else Loan(lender_uscc=draw(usccs()), loan_amount=lent),
        export=draw(_exports()) if abroad else None,
    )


@st.composite
def sales_v3(draw: st.DrawFn, *, export: bool | None = None) -> SaleConfirmedV3:
    """Sales as version 3 tells them: with every motor."""
    one = upcast_v2_v3(draw(sales_v2(export=export)))
    further = draw(st.lists(_of(_CAPITALS, 9), max_size=3, unique=True))
    return one.model_copy(update={"motor_nos": (*one.motor_nos, *further)})


@st.composite
def _exports(draw: st.DrawFn) -> Export:
    serial = draw(_of(string.digits, 6))
    return Export(
        hs_code=draw(_of(string.digits, 10)),
        destination=draw(_of(string.ascii_uppercase, 2)),
        exporter_uscc=draw(usccs()),
        licence_no=draw(st.none() | st.just(f"26-AA-{serial}")),
    )


def moments() -> st.SearchStrategy[datetime]:
    """Aware moments in any offset."""
    zones = st.timezones() | st.just(UTC)
    return st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=zones)  # noqa: DTZ001 - zones are drawn
