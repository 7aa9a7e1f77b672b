"""The types that fields of contracts have; each refuses what the rulebook refuses.

A refused number raises pydantic error types `vin` or `number`, with the reason and, where there is one,
a suggestion in the error's context; never the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

from .numbers import (
    ccc,
    certificate,
    customs_declaration,
    division,
    export_licence,
    hs,
    invoice,
    uscc,
    vin,
)
from .numbers.errors import InvalidNumber
from .numbers.writing import compact

FuelKind = Literal["ICE", "HEV", "PHEV", "EREV", "BEV", "FCEV"]
PlateKind = Literal["FUEL", "NEV_SMALL", "NEV_LARGE"]
IdType = Literal["RESIDENT_ID", "USCC", "PASSPORT", "FOREIGN_PERMANENT_RESIDENT", "HK_MACAO_TAIWAN_PERMIT"]


def _checked(kind: str, validate: Callable[[str], str]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return validate(text)
        except InvalidNumber as wrong:
            context = {"reason": wrong.reason, "suggestion": wrong.suggestion or ""}
            raise PydanticCustomError(kind, "{reason}", context) from None

    return AfterValidator(check)


def _compact(value: object) -> object:
    return compact(value) if isinstance(value, str) else value


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _text(text: str) -> str:
    # Control characters other than tab and line breaks have no place in a name or an address, and NUL breaks stores.
    if _CONTROL.search(text):
        reason = "control_character"
        raise PydanticCustomError(reason, "control character in text")
    return text


def instant_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as every time is written."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


CHINA: Final = ZoneInfo("Asia/Shanghai")
"""The zone of every day in a contract."""

LONGEST_TEXT: Final = 200

Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_text)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_text)]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,79}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._\-]{0,99}$")]

Vin = Annotated[str, StringConstraints(max_length=64), _checked("vin", vin.validate)]
Uscc = Annotated[str, StringConstraints(max_length=64), _checked("number", uscc.validate)]
CertificateNo = Annotated[str, StringConstraints(max_length=64), _checked("number", certificate.validate)]
CccNo = Annotated[str, StringConstraints(max_length=64), _checked("number", ccc.validate)]
InvoiceNo = Annotated[str, StringConstraints(max_length=64), _checked("number", invoice.validate)]
DeclarationNo = Annotated[str, StringConstraints(max_length=64), _checked("number", customs_declaration.validate)]
LicenceNo = Annotated[str, StringConstraints(max_length=64), _checked("number", export_licence.validate)]
HsCode = Annotated[str, StringConstraints(max_length=64), _checked("number", hs.validate)]
Division = Annotated[str, StringConstraints(max_length=64), _checked("number", division.validate)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
PowerUnitNo = Annotated[str, BeforeValidator(_compact), StringConstraints(pattern=r"^[A-Z0-9*\-]{4,30}$")]
IdNo = Annotated[str, BeforeValidator(_compact), StringConstraints(pattern=r"^[0-9A-Z()\-]{4,30}$")]
PlateNo = Annotated[str, StringConstraints(min_length=7, max_length=8)]
PolicyNo = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{10,30}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9\-]{5,19}$", strip_whitespace=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Fen = Annotated[int, Field(ge=0, le=10_000_000_000)]
"""Money, in integer fen; up to 100 million yuan."""
Price = Annotated[int, Field(gt=0, le=10_000_000_000)]
"""Money that is never nothing, in integer fen."""
Day = date
"""A calendar day in China."""
Instant = Annotated[AwareDatetime, PlainSerializer(instant_text, return_type=str, when_used="json")]
"""A moment, aware, written in UTC with milliseconds."""
