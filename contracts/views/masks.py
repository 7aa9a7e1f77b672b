"""What a field looks like to who may see a part of it only: the ◐ of rulebook §4, one row a form.

Which sight a field gives whom stands in `fields.csv`; here stands what "masked" means for it. A mask never fails on
a value that its field can hold, and refuses (`Unfit`) anything else: nothing passes because nobody thought of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

_CHINA: Final = timezone(timedelta(hours=8))
STAR: Final = "*"
_SCALARS: Final = frozenset({str, int, float, bool})

Form = Callable[[Any], Any]
"""From a value as JSON has it to what is shown of it."""


class Unfit(ValueError):
    """A value that its field cannot hold. The text names the field, never the value."""


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Unfit
    return value


def name(value: Any) -> str:
    """张三 → 张*, 赵样本 → 赵**: the first character, and how many there are (at most two stars)."""
    text = _text(value)
    return text[:1] + STAR * min(max(len(text) - 1, 1), 2)


def phone(value: Any) -> str:
    """13812345678 → 138****5678: three in front, four at the end; a short one keeps its last two only."""
    digits = _text(value).replace("-", "")
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 11 else f"****{digits[-2:]}"  # noqa: PLR2004


def place(value: Any) -> str:
    """上海市浦东新区某路1号 → 上海市****: what an address begins with, three characters; of a short one nothing."""
    text = _text(value)
    return f"{text[:3]}****" if len(text) > 6 else "****"  # noqa: PLR2004


def last_four(value: Any) -> str:
    """PDAA2026031234 → ****1234; of what has fewer than eight characters only the last."""
    text = _text(value)
    return f"****{text[-4:]}" if len(text) >= 8 else f"****{text[-1:]}"  # noqa: PLR2004


def plate(value: Any) -> str:
    """沪AD12345 → 沪A****45: who issued it, and the last two."""
    text = _text(value)
    return f"{text[:2]}****{text[-2:]}"


def year(value: Any) -> str:
    """2026-03-14, or a moment of it → 2026: the year in China."""
    text = _text(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit from None
    return str((moment if moment.tzinfo is None else moment.astimezone(_CHINA)).year)


_BANDS: Final = (0, 5_000_000, 10_000_000, 20_000_000, 30_000_000, 50_000_000, 100_000_000)
"""In fen: 0, and up to 50, 100, 200, 300, 500 thousand and one million yuan."""


def band(value: Any) -> str:
    """14_570_000 fen → "100000-200000": the band in yuan, its upper end not in it; "1000000-" has no end."""
    if type(value) is not int:
        raise Unfit
    if value <= 0:
        return "0"
    low = max(edge for edge in _BANDS if edge <= value)
    high = next((edge for edge in _BANDS if edge > value), None)
    return f"{low // 100}-{'' if high is None else high // 100}"


MASKS: Final[Mapping[str, Form]] = {
    "amount_incl": band,
    "amount_excl": band,
    "battery_excl": band,
    "price": band,
    "vat": band,
    "phone": phone,
    "address": place,
    "plate_no": plate,
    "start_date": year,
    "end_date": year,
    "start_at": year,
    "end_at": year,
    "reserved_until": year,
    "reg_date": year,
    "licence_expiry": year,
    "reclaimed_on": year,
    "tax_paid_at": year,
    "buyer_name": name,
    "grantee_name": name,
    "engine_no": last_four,
    "motor_no": last_four,
    "motor_nos": last_four,
    "coc_no": last_four,
    "assessment_no": last_four,
    "tax_receipt_no": last_four,
    "policy_no": last_four,
    "quote_no": last_four,
    "reservation_no": last_four,
    "reg_cert_no": last_four,
    "mortgage_no": last_four,
    "licence_no": last_four,
    "qualification_no": last_four,
}
"""What "masked" (M in the table of fields) means for each field that is ever masked."""


_NO: Final = frozenset({"RELEASED", "NONE", ""})


def yes_no(value: Any) -> bool:
    """Whether there is any: a sum above nothing, a flag that is up, a record that stands (a released one does not)."""
    if type(value) not in _SCALARS:
        raise Unfit
    return value not in _NO if isinstance(value, str) else value > 0


def hashed(secret: bytes, field: str) -> Form:
    """A form that shows 32 hex digits, the same for the same value in this field to this subscriber, and to no other.

    Keyed, because a number has so few values that anybody could hash them all; with `field` in it, so that one hash
    says nothing about another field.
    """
    keyed = hmac.new(secret, f"{field}\0".encode(), hashlib.sha256)

    def form(value: Any) -> str:
        if type(value) not in _SCALARS:
            raise Unfit
        digest = keyed.copy()
        digest.update(str(value).encode())
        return digest.hexdigest()[:32]

    return form


def plain(value: Any) -> Any:
    """The value as it is; only one value, nothing that holds others."""
    if type(value) not in _SCALARS:
        raise Unfit
    return value


def subscribers_secret(key_secret: bytes, subscriber: str) -> bytes:
    """What keys the hashes of one subscriber; from the installation's secret, which it does not tell."""
    return hmac.new(key_secret, f"view:{subscriber}".encode(), hashlib.sha256).digest()
