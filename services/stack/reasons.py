"""Why a value or a file will not do, in both languages: what pydantic and the machine say in English only."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from contracts.numbers.errors import Sentence
from services.stack.trouble import TroubleError

_VALUES: Final[Mapping[str, Sentence]] = {
    "missing": Sentence("须填写", "is missing"),
    "extra_forbidden": Sentence("没有这一项", "there is no such thing"),
    "literal_error": Sentence("须为 {expected}", "must be {expected}"),
    "union_tag_invalid": Sentence("没有 {tag}，须为 {expected_tags}", "there is no {tag}: must be {expected_tags}"),
    "greater_than": Sentence("须大于 {gt}", "must be more than {gt}"),
    "greater_than_equal": Sentence("不得小于 {ge}", "must be at least {ge}"),
    "less_than": Sentence("须小于 {lt}", "must be less than {lt}"),
    "less_than_equal": Sentence("不得大于 {le}", "must be at most {le}"),
    "string_too_short": Sentence("不得短于 {min_length} 个字符", "must have {min_length} characters or more"),
    "string_too_long": Sentence("不得长于 {max_length} 个字符", "must have {max_length} characters at most"),
    "string_pattern_mismatch": Sentence("须合格式 {pattern}", "must be of the form {pattern}"),
    "tag_unsaid": Sentence("须为 {expected_tags}", "must be {expected_tags}"),
    "json_invalid": Sentence("不是 JSON", "is no JSON"),
    "timezone_aware": Sentence("须写明时区", "must name its timezone"),
}
_WORD: Final = re.compile(r"[a-z][a-z-]{0,15}")
"""What may be a slip of the hand for a kind of ours; all else may be about a person."""
_KINDS: Final[Mapping[str, Sentence]] = {
    "int": Sentence("须为整数", "must be a whole number"),
    "float": Sentence("须为数", "must be a number"),
    "bool": Sentence("须为 true 或 false", "must be true or false"),
    "string": Sentence("须为文字", "must be text"),
    "datetime": Sentence("须为时刻", "must be a moment"),
    "date": Sentence("须为日期", "must be a day"),
    "time": Sentence("须为时长", "must be a length of time"),
    "tuple": Sentence("须为列表", "must be a list"),
    "list": Sentence("须为列表", "must be a list"),
    "frozen": Sentence("须为列表", "must be a list"),
    "dict": Sentence("须为对象", "must be an object"),
    "model": Sentence("须为对象", "must be an object"),
}
"""By the first word of a type of error: `int_parsing`, `int_type` and `int_from_float` say the same to people."""
_OTHER: Final = Sentence("不合要求", "is not valid")
_MACHINES: Final[Mapping[int | None, Sentence]] = {
    errno.ENOENT: Sentence("不存在", "it is not there"),
    errno.EEXIST: Sentence("已经存在", "it is there already"),
    errno.ENOTDIR: Sentence("路径中有的不是目录", "a part of its path is no folder"),
    errno.EISDIR: Sentence("是一个目录", "it is a folder"),
    errno.EACCES: Sentence("没有权限", "you have no right to it"),
    errno.EPERM: Sentence("没有权限", "you have no right to it"),
    errno.EROFS: Sentence("只读", "it can only be read"),
    errno.ENOSPC: Sentence("磁盘已满", "the disk is full"),
    errno.ENAMETOOLONG: Sentence("名称过长", "its name is too long"),
    errno.ECONNREFUSED: Sentence("无人应答", "nobody listens there"),
    errno.ECONNRESET: Sentence("连接中断", "it hung up"),
    errno.EPIPE: Sentence("连接中断", "it hung up"),
    errno.ETIMEDOUT: Sentence("超时", "no answer in time"),
}


def of_value(fault: Mapping[str, Any]) -> Sentence:
    """What one of pydantic's errors says of a value; never the value, but a word that may be meant for one of ours."""
    kind = str(fault["type"])
    if kind == "union_tag_invalid" and _WORD.fullmatch(str(fault["ctx"]["tag"])) is None:
        kind = "tag_unsaid"
    said = _VALUES.get(kind) or _KINDS.get(kind.partition("_")[0], _OTHER)
    limits = fault.get("ctx", {})
    told = {name: str(limit) for name, limit in limits.items()}
    return Sentence(said.zh.format_map(told).replace(" or ", " 或 "), said.en.format_map(told))


def _place(steps: Iterable[int | str]) -> str:
    return ".".join(map(str, steps))


def of_values(wrong: ValidationError, *, at: str = "", name: Callable[[Iterable[int | str]], str] = _place) -> Sentence:
    """All that is wrong, each with its place as people know it; `at` is what the whole is called."""
    faults = [(name(fault["loc"]) if fault["loc"] else at, of_value(fault)) for fault in wrong.errors()]
    return Sentence(
        "；".join(f"{place}：{said.zh}" for place, said in faults),
        "; ".join(f"{place}: {said.en}" for place, said in faults),
    )


def unread(what: object, wrong: OSError, *, fix: str) -> TroubleError:
    """A file that cannot be read, and why."""
    why = of_machine(wrong)
    return TroubleError(f"无法读取 {what}：{why.zh}", f"cannot read {what}: {why.en}", fix=fix)


def unwritten(what: object, wrong: OSError, *, fix: str) -> TroubleError:
    """A file or folder that cannot be written, and why."""
    why = of_machine(wrong)
    return TroubleError(f"无法写入 {what}：{why.zh}", f"cannot write to {what}: {why.en}", fix=fix)


def of_machine(wrong: OSError) -> Sentence:
    """Why the machine would not do it; in its own words where nobody has put that into ours."""
    own = wrong.strerror or str(wrong) or type(wrong).__name__
    if isinstance(wrong, ssl.SSLError | socket.gaierror):
        return Sentence(own, own)  # they count their errors otherwise: 1 is no lack of rights there
    known = errno.ETIMEDOUT if isinstance(wrong, TimeoutError) else wrong.errno
    return _MACHINES.get(known, Sentence(own, own))
