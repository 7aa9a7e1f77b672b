"""A verdict for people, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from unicodedata import east_asian_width

from .findings import KINDS, LEDGERS, Finding, Ledger, Verdict

_TITLES: Final[dict[Ledger, tuple[str, str]]] = {
    "lost": ("丢失", "lost"),
    "duplicate_effects": ("重复效果", "duplicate effects"),
    "out_of_order": ("乱序", "out of order"),
    "stuck": ("停滞", "stuck"),
    "leaks": ("泄露", "leaks"),
    "unreadable": ("不可读", "unreadable"),
    "unfounded": ("无政策依据", "unfounded"),
    "coupled": ("牵连", "coupled"),
}
_NOTES: Final = {
    "sales": ("销售", "sales"),
    "vehicles": ("车辆", "vehicles"),
    "messages": ("消息", "messages"),
    "effects": ("机构效果", "effects at agencies"),
    "on_trial": ("检测用车辆", "cars of announced tests"),
    "set_aside": ("已隔离的外来消息", "strangers' messages set aside"),
    "poison": ("毒消息", "poisoned messages"),
    "poison_with_personal_data": ("含个人信息的毒消息", "poisoned, with personal data"),
}
_PARTS: Final = ("位置 where", "事项 about", "业务 case", "车辆 VIN")


def report(verdict: Verdict) -> str:
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield "核查通过 / clean" if verdict.clean else "核查发现问题 / findings"
    yield ""
    for name, count in verdict.notes.items():
        yield _row(*_NOTES[name], count)
    yield ""
    for ledger in LEDGERS:
        yield _row(*_TITLES[ledger], verdict.counts[ledger])
    for finding in verdict.findings:
        yield ""
        yield from _told(finding)
    hidden = sum(verdict.counts.values()) - len(verdict.findings)
    if hidden:
        yield f"\n另有 {hidden} 项未列出 / {hidden} more not listed"


def _row(zh: str, en: str, count: int) -> str:
    return f"  {_padded(zh, 20)}{en:<30}{count:>9,}"


def _told(finding: Finding) -> Iterator[str]:
    kind = KINDS[finding.what]
    invariant = f"[{kind.invariant}] " if kind.invariant else ""
    yield f"  {invariant}{kind.zh} / {kind.en}"
    values = (finding.where, finding.about, finding.case, finding.vin)
    for name, value in zip(_PARTS, values, strict=True):
        if value:
            yield f"      {_padded(name, 14)}{value}"


def _padded(text: str, width: int) -> str:
    # A Chinese character takes two columns of a terminal.
    taken = sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * max(width - taken, 1)
