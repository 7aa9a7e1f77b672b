"""Takes personal data out of whatever leaves a process sideways: log lines, spans, error texts.

Two nets, because either alone has holes: by the name of the key (a name or an address has no pattern), and by
pattern (a phone number inside an error message has no key). Too much is better than too little here.

>>> text("VIN LSVAU2A37N2000001, call 13812345678")
'VIN LSV…0001, call [phone]'
>>> value("buyer_name", "张三")
'[redacted]'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"
_DEEPEST: Final = 8

PERSONAL_KEYS: Final = frozenset(
    {
        "account",
        "address",
        "authorization",
        "bank_account",
        "buyer",
        "buyer_id_no",
        "buyer_id_type",
        "buyer_name",
        "cookie",
        "csrf",
        "decision",
        "email",
        "grantee_id_no",
        "grantee_name",
        "id_card",
        "id_no",
        "loan_amount",
        "loan_contract_no",
        "mobile",
        "operator_password",
        "operator_token",
        "owner_id_no",
        "owner_name",
        "passport",
        "passport_no",
        "password",
        "phone",
        "phone_no",
        "plate",
        "plate_kind",
        "plate_no",
        "reg_cert_no",
        "resident_id",
        "secret",
        "set_cookie",
        "tel",
        "telephone",
        "token",
    }
)
"""Keys whose value never leaves, whatever it looks like: persons, plates, loans, and what opens doors."""

VIN_KEYS: Final = frozenset({"vin", "new_vin", "old_vin", "vins"})

SPAN_KEYS: Final = frozenset(
    {"ce_id", "id", "message_id", "messaging_message_id", "sourceid", "source_id", "ce_sourceid"}
)
"""Keys that a log line may carry and a span may not: ids of messages belong to whoever may read the topic."""

_PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使"
_ALONE: Final = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"


def _alone(pattern: str) -> str:
    return _ALONE[0] + pattern + _ALONE[1]


_PATTERNS: Final = re.compile(
    "|".join(
        (
            f"(?P<resident>{_alone(r'[1-9][0-9]{16}[0-9Xx]')})",
            f"(?P<phone>{_alone(r'(?:(?:[+]|00)?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}')})",
            f"(?P<vin>{_alone(r'(?=[0-9]*[A-Za-z])(?=[A-Za-z]*[0-9])[0-9A-HJ-NPR-Za-hj-npr-z]{17}')})",
            f"(?P<plate>[{_PROVINCES}][A-Za-z][ ·•.-]?[0-9A-Za-z]{{4,5}}[0-9A-Za-z挂学警港澳领使](?![0-9A-Za-z]))",
            # What pydantic and SQLAlchemy put into their messages: the very values that were wrong.
            r"(?P<input>input_value=.*?(?=, input_type=|$))",
            r"(?P<parameters>\[parameters: .*)",
        )
    ),
    re.MULTILINE,
)


def vin(number: str, tail: int = 4) -> str:
    """A VIN that people recognise when they know it already: its first three and last `tail` characters."""
    return f"{number[:3]}…{number[-tail:]}" if len(number) > tail + 3 else "…"


def text(words: str) -> str:
    """`words` without what looks like a person, a phone, a VIN or a plate; unchanged where nothing does."""
    plain = words if words.isascii() else _narrowed(words)
    return _PATTERNS.sub(_replaced, plain)


def value(key: str, content: Any) -> Any:
    """What may be said under `key`; looks inside mappings, lists and texts, leaves numbers and flags alone."""
    return _value(key, content, _DEEPEST)


def mapping(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same keys, each with what may be said."""
    return {key: value(key, found) for key, found in content.items()}


def attribute(key: str, content: Any) -> Any | None:
    """What a span may carry under `key`, or None where it may carry nothing: no VIN, plate, person or message id."""
    name = _name(key)
    if name in SPAN_KEYS or name in PERSONAL_KEYS or name in VIN_KEYS:
        return None
    return text(content) if isinstance(content, str) else content


def _value(key: str, content: Any, depth: int) -> Any:
    name = _name(key)
    if content is None or isinstance(content, bool):
        return content
    if name in PERSONAL_KEYS:
        return REDACTED
    if isinstance(content, Mapping | list | tuple | set | frozenset):
        return _inside(key, content, depth - 1) if depth else REDACTED
    if isinstance(content, int | float):
        return content
    words = _words(content)
    return vin(words.strip()) if name in VIN_KEYS else text(words)


def _inside(key: str, content: Any, depth: int) -> Any:
    if isinstance(content, Mapping):
        return {str(inner): _value(str(inner), found, depth) for inner, found in content.items()}
    return [_value(key, item, depth) for item in content]


def _words(content: Any) -> str:
    return bytes(content).decode("utf-8", "replace") if isinstance(content, bytes | bytearray) else str(content)


def _name(key: str) -> str:
    return key.lower().replace("-", "_").replace(".", "_")


def _narrowed(words: str) -> str:
    """Full-width letters and digits hide a number from a pattern; where they did, the narrow form is used."""
    narrow = unicodedata.normalize("NFKC", words)
    return narrow if narrow != words and _PATTERNS.search(narrow) else words


def _replaced(found: re.Match[str]) -> str:
    kind = found.lastgroup
    content = found.group()
    match kind:
        case "vin":
            return vin(content)
        case "plate":
            return f"{content[0]}[plate]"
        case "input":
            return f"input_value={REDACTED}"
        case "parameters":
            return f"[parameters: {REDACTED}]"
        case _:
            return f"[{kind}]"
