"""What a verdict says to people, in one sentence of each language."""

from __future__ import annotations

from typing import Final

FIRST: Final = "尚无已发布版本 / nothing was published before"
UNCONFIRMED: Final = "the validator does not agree that the value found is a counter-example"

NO_SCHEMA: Final = "架构须为对象或布尔值 / a schema is an object or a boolean"
NOT_JSON: Final = "不是这里能读的 JSON / no JSON as it is read here"
UNREADABLE: Final = "文件读不出来 / the file cannot be read"
NOT_UTF8: Final = "不是 UTF-8 文本 / no UTF-8 text"
HALF_A_CHARACTER: Final = (
    "半个字符（孤立代理项），无法写成 UTF-8 / half a character (a lone surrogate), which UTF-8 cannot write"
)
ROOT_ONLY: Final = "只可位于根部 / only allowed at the root"
UNKNOWN_KEYWORD: Final = "不在所支持的关键字之列 / a keyword outside the profile"
UNKNOWN_FORMAT: Final = "此格式无法检验 / a format that nobody here can check"
NOT_OF_THE_DRAFT: Final = "不符合 JSON Schema 2020-12 / not a schema of the draft"
NO_TARGET: Final = "引用不指向本文件中的任何架构 / a reference to no schema of this document"
CIRCLE: Final = "引用就同一个值绕回自身 / a reference that leads back to itself about the same value"

_PROVED: Final = {
    "backward": "已证明：符合旧版的一切都符合新版 / proved: whatever fits the old schema fits the new one",
    "forward": "已证明：符合新版的一切都符合旧版 / proved: whatever fits the new schema fits the old one",
}
_REFUSED: Final = {
    "backward": ("符合旧版的值被新版拒绝", "what the old schema takes, the new one refuses"),
    "forward": ("符合新版的值被旧版拒绝", "what the new schema takes, the old one refuses"),
}


def proved(direction: str) -> str:
    """All cases were closed."""
    return _PROVED[direction]


def refused(direction: str, place: str, part: str, name: str | None = None) -> str:
    """A counter-example was confirmed; `place` in the schema refuses `part` of it, for a property if one is named."""
    zh, en = _REFUSED[direction]
    where, what = (place or "/") + (f": {name}" if name else ""), part or "/"
    return f"{zh}（{where}，值 {what}） / {en} at {where} (of the value: {what})"


def undecided(direction: str, why: str) -> str:
    """Neither a proof nor a counter-example was found."""
    side = "旧版" if direction == "backward" else "新版"
    return f"既未证明，也未找到{side}的反例：{why} / neither proved nor refuted: {why}"


def fresh_rules(rules: list[str]) -> str:
    """Rules that are new, or not as they were, by name and place."""
    told = ", ".join(rules)
    zh, en = "规则新增或有变，架构说不出它拒绝什么", "a rule is new or changed, and no schema says what it refuses"
    return f"{zh}：{told} / {en}: {told}"


def too_deep(most: int) -> str:
    """A document is nested deeper than what is judged."""
    return f"嵌套过深，最多 {most} 层 / nested too deep, {most} at most"


def other_draft(dialect: str) -> str:
    """A document names another draft than ours."""
    return f"只能判定此版标准 / the only draft that is judged is {dialect}"
