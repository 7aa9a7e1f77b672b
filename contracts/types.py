"""The types that fields of contracts have; each refuses what the rulebook refuses.

A refused number raises pydantic error types `vin` or `number`, with the reason and, where there is one,
a suggestion in the error's context; never the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

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


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a type's JSON Schema says besides what pydantic sees; `contracts.formats` checks texts by those formats."""

    keyword: Literal["format", "pattern"]
    value: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core), self.keyword: self.value}


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


def _has_utc(moment: datetime) -> datetime:
    # It is written in UTC; hours before the first year or after the last there is none.
    try:
        moment.astimezone(UTC)
    except OverflowError:
        reason = "datetime_parsing"
        raise PydanticCustomError(reason, "a moment outside the years 1 to 9999") from None
    return moment


CHINA: Final = ZoneInfo("Asia/Shanghai")
"""The zone of every day in a contract."""

LONGEST_TEXT: Final = 200
_POWER_UNIT: Final = r"^[A-Z0-9*\-]{4,30}$"
_IDENTITY: Final = r"^[0-9A-Z()\-]{4,30}$"

Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_text)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_text)]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,79}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._\-]{0,99}$")]

Vin = Annotated[str, StringConstraints(max_length=64), _checked("vin", vin.validate), _Shown("format", "vin")]
Uscc = Annotated[str, StringConstraints(max_length=64), _checked("number", uscc.validate), _Shown("format", "uscc")]
CertificateNo = Annotated[
    str, StringConstraints(max_length=64), _checked("number", certificate.validate), _Shown("format", "certificate")
]
CccNo = Annotated[str, StringConstraints(max_length=64), _checked("number", ccc.validate), _Shown("format", "ccc")]
InvoiceNo = Annotated[
    str, StringConstraints(max_length=64), _checked("number", invoice.validate), _Shown("format", "invoice")
]
DeclarationNo = Annotated[
    str,
    StringConstraints(max_length=64),
    _checked("number", customs_declaration.validate),
    _Shown("format", "customs-declaration"),
]
LicenceNo = Annotated[
    str,
    StringConstraints(max_length=64),
    _checked("number", export_licence.validate),
    _Shown("format", "export-licence"),
]
HsCode = Annotated[str, StringConstraints(max_length=64), _checked("number", hs.validate), _Shown("format", "hs")]
Division = Annotated[
    str, StringConstraints(max_length=64), _checked("number", division.validate), _Shown("format", "division")
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
PowerUnitNo = Annotated[
    str, BeforeValidator(_compact), StringConstraints(pattern=_POWER_UNIT), _Shown("pattern", _POWER_UNIT)
]
IdNo = Annotated[str, BeforeValidator(_compact), StringConstraints(pattern=_IDENTITY), _Shown("pattern", _IDENTITY)]
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
Instant = Annotated[
    AwareDatetime,
    AfterValidator(_has_utc),
    PlainSerializer(instant_text, return_type=str, when_used="json"),
]
"""A moment, aware, written in UTC with milliseconds."""
