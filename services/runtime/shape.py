"""What is wrong with the shape of the subscribers file, in words for the operator who wrote it; never a value.

A place is said by the subscriber's name and the grant's id, where they can be read: nobody counts entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9\-]{0,39}")
_KEY: Final = re.compile(r"[a-z_]{1,30}")
_NAMED_BY: Final = {"subscribers": "name", "grants": "id"}
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("必须填写", "must be written"),
    "extra_forbidden": ("没有这个键", "there is no such key"),
    "string_type": ("须为文字，加引号", "must be a text, in quotes"),
    "string_pattern_mismatch": ("写法不对", "is not written as it must be"),
    "string_too_short": ("不可为空", "must not be empty"),
    "string_too_long": ("过长", "is too long"),
    "int_type": ("须为整数，不加引号", "must be a whole number, without quotes"),
    "tuple_type": ("须为列表，用方括号", "must be a list, in brackets"),
    "frozen_set_type": ("须为列表，用方括号", "must be a list, in brackets"),
    "model_type": ("须为表", "must be a table"),
    "model_attributes_type": ("须为表", "must be a table"),
    "literal_error": ("不在可选值之中", "is none of the words that it may be"),
    "timezone_aware": ("须写明时区，如 +08:00", "must say its time zone, as +08:00"),
    "datetime_type": ("须为时刻，如 2027-01-01T00:00:00+08:00", "must be a moment, as 2027-01-01T00:00:00+08:00"),
    "division": ("不是行政区划代码", "is no code of a division"),
    "twice": ("名称或编号重复", "a name or an id is there twice"),
    "key": (
        "须为公钥 JWK：EC P-256（x、y）或 OKP X25519（x）",
        "must be a public JWK: EC with P-256, x and y, or OKP with X25519 and x",
    ),
    "url_scheme": (
        "须以 https:// 开头；http:// 仅限试验时的本机",
        "must begin with https://; http:// is for a test on this very machine",
    ),
    "url_user": ("地址中不得有用户名或口令", "must have no user's name or password in it"),
    "url_fragment": ("地址中不得有 # 及其后的部分", "must have no # and what follows it"),
    "url_host": ("主机名缺失或写法不对", "has no host, or one that nobody could look up"),
    "url_port": ("端口须为 0 至 65535", "has a port that is none: 0 to 65535"),
    "usccs": ("O、I、B、E 须填 usccs，其他各方不填", "parties O, I, B and E need usccs, the others have none"),
}
_ELSE: Final = ("有误", "is not valid")
_NO_USCC: Final = ("不是有效的统一社会信用代码", "is no valid unified social credit code")
_PRIVATE: Final = (
    "这是私钥：请立即作废，重新生成密钥，只提供公钥",
    "this is your PRIVATE key: make a new one, and hand over its public half only",
)


def said(fault: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """One fault of pydantic's in both languages, with its place."""
    zh, en = _words(fault["type"], fault["loc"])
    # What is there twice is named by the rule itself, and is a name or an id.
    names = [str(fault["ctx"]["names"])] if fault["type"] == "twice" else _place(fault["loc"], content)
    return f"{': '.join(names)}: {zh} / {en}"


def _words(kind: str, loc: Sequence[str | int]) -> tuple[str, str]:
    if loc[-2:] == ("key", "d"):
        return _PRIVATE
    if "usccs" in loc and isinstance(loc[-1], int):
        return _NO_USCC
    if loc[-1:] == ("key",) and kind.startswith("model"):
        return _WORDS["key"]
    return _WORDS.get(kind, _ELSE)


def _place(loc: Sequence[str | int], content: Any) -> list[str]:
    """The way to a fault; what stands in a list is named if it can be, and otherwise counted from one."""
    found: list[str] = []
    inside, before = content, ""
    for step in loc:
        inside = _inside(inside, step)
        if isinstance(step, int):
            found[-1:] = [_named(inside, _NAMED_BY.get(before, "")) or f"{before} {step + 1}"]
        else:
            before = step if _KEY.fullmatch(step) else "?"
            found.append(before)
    return found


def _inside(content: Any, step: str | int) -> Any:
    if isinstance(content, Mapping):
        return content.get(str(step))
    if isinstance(content, list) and isinstance(step, int) and step < len(content):
        return content[step]
    return None


def _named(entry: Any, by: str) -> str | None:
    name = entry.get(by) if isinstance(entry, Mapping) else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None
