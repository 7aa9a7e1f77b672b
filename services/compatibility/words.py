"""What a verdict says to people, in one sentence of each language."""

from __future__ import annotations

from typing import Final

FIRST: Final = "尚无已发布版本 / nothing was published before"
UNCONFIRMED: Final = "the validator does not agree that the value found is a counter-example"

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


def refused(direction: str, place: str, part: str) -> str:
    """A counter-example was confirmed; `place` in the schema refuses `part` of it."""
    zh, en = _REFUSED[direction]
    where, what = place or "/", part or "/"
    return f"{zh}（{where}，值 {what}） / {en} at {where} (of the value: {what})"


def undecided(direction: str, why: str) -> str:
    """Neither a proof nor a counter-example was found."""
    side = "旧版" if direction == "backward" else "新版"
    return f"既未证明，也未找到{side}的反例：{why} / neither proved nor refuted: {why}"
