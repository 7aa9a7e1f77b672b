"""What the checker can find, and its verdict. No finding carries personal data; VINs are masked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Ledger = Literal["lost", "duplicate_effects", "out_of_order", "stuck", "leaks", "unreadable", "unfounded", "coupled"]
"""The counters of a verdict."""
LEDGERS: Final[tuple[Ledger, ...]] = get_args(Ledger)

KEPT: Final = 200
"""Findings of one counter that are told in full; the counters count all of them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to break an invariant of the design, explained for people."""

    ledger: Ledger
    invariant: int | None
    zh: str
    en: str


KINDS: Final = {
    "sale-not-published": Kind("lost", 1, "已受理的销售未发布", "an acknowledged sale was never published"),
    "sale-without-case": Kind("lost", 1, "已受理的销售没有业务", "an acknowledged sale has no case"),
    "sale-accepted-twice": Kind("lost", 1, "同一销售被受理两次", "one sale was accepted twice as two"),
    "answer-lost": Kind("lost", 2, "已办结的投递没有答复", "a settled delivery whose answer was never told"),
    "change-untold": Kind("lost", 10, "业务变更从未公布", "a change of a case that was never told"),
    "key-twice": Kind("duplicate_effects", 2, "同一幂等键产生两次效果", "two effects with one idempotency key"),
    "second-effect": Kind("duplicate_effects", 2, "未撤销前再次办理", "done again while the first still stood"),
    "undone-twice": Kind("duplicate_effects", 2, "撤销了不存在的办理", "undone although nothing stood"),
    "uncommanded": Kind("duplicate_effects", 2, "没有指令的效果", "an effect that no command asked for"),
    "unexpected-effect": Kind("duplicate_effects", 2, "该类业务不应有的效果", "an effect such a case must not have"),
    "edited-by-nobody": Kind("duplicate_effects", 2, "修订无人工处理记录", "an edit that no person is on record for"),
    "answered-twice": Kind("duplicate_effects", 2, "同一指令有不同答复", "one command has different answers"),
    "said-otherwise": Kind("duplicate_effects", 2, "同一消息编号内容不同", "one message id with different contents"),
    "effects-reordered": Kind("out_of_order", 3, "办理顺序与指令不符", "effects not in the order of the commands"),
    "answers-reordered": Kind("out_of_order", 3, "答复顺序与指令不符", "answers not in the order of the commands"),
    "versions-reordered": Kind("out_of_order", 3, "版本倒退", "versions run backwards"),
    "two-keys": Kind("out_of_order", 3, "同一车辆有两个消息键", "one vehicle has two message keys"),
    "two-partitions": Kind("out_of_order", 3, "同一车辆在两个分区", "one vehicle is in two partitions of a topic"),
    "guard-open": Kind("out_of_order", 6, "前置条件未满足即办理", "done before what must come first"),
    "undone-after-registration": Kind("out_of_order", 6, "注册登记后仍撤销", "undone after the pivot"),
    "undone-out-of-order": Kind("out_of_order", 6, "未按相反顺序撤销", "not undone in reverse order"),
    "nobody-waits": Kind("stuck", 5, "既无定时器也无负责人", "open, with neither a live timer nor an owner"),
    "closed-without-effect": Kind("stuck", 5, "已办结但缺少应有的效果", "closed without an effect it needs"),
    "cancelled-with-effect": Kind("stuck", 6, "已终止但未撤销完", "ended with an effect still standing"),
    "claimed-without-effect": Kind("stuck", 5, "业务状态与机构台账不符", "the case claims what nobody has done"),
    "dead-unowned": Kind("stuck", 5, "终止投递没有负责人或原因", "a dead delivery without an owner or a class"),
    "dead-untold": Kind("stuck", 5, "终止投递没有死信", "a dead delivery that is not among the dead letters"),
    "parked-for-ever": Kind("stuck", 5, "搁置投递无人重试", "a parked delivery that nobody will try"),
    "waits-unheld": Kind("stuck", 5, "无故等待的指令", "a command waits though nothing holds it back"),
    "stood-still": Kind("coupled", 4, "因他机构中断而停顿", "stood still while another was down"),
    "denied-field": Kind("leaks", 7, "字段越权", "a field that the party may not see"),
    "denied-value": Kind("leaks", 7, "个人信息出现在不应有之处", "personal data where it may not be"),
    "wrong-recipient": Kind("leaks", 7, "发往无关机构", "sent to an organisation that has no part in it"),
    "view-denied-field": Kind("leaks", 7, "订阅方无权的字段", "a field that the subscriber may not see"),
    "view-unmasked": Kind("leaks", 7, "应遮盖而未遮盖", "shown where only a mask, a hash or yes or no may be"),
    "view-unsealed": Kind("leaks", 7, "应加密而未加密", "in clear, or not sealed, what goes encrypted only"),
    "view-of-others": Kind("leaks", 7, "与订阅方无关的消息", "a message that does not concern the subscriber"),
    "view-of-nothing": Kind("leaks", 7, "无来源的提供", "shown to a subscriber, and never published"),
    "view-after-end": Kind("leaks", 7, "授权终止后仍提供", "shown after its grant was over"),
    "view-undisclosed": Kind("leaks", 7, "提供未留痕", "shown without a record of the disclosure"),
    "view-missing": Kind("lost", 7, "应提供而未提供", "a subscriber never got what its grant covers"),
    "view-altered": Kind("lost", 7, "提供的字段缺失或不同", "a field that is missing, or not as it was published"),
    "views-reordered": Kind("out_of_order", 3, "提供顺序与发布不符", "shown in another order than published"),
    "view-other-version": Kind("unreadable", None, "提供的版本不符", "not in the version that the grant pins"),
    "undecodable": Kind("unreadable", None, "消息不符合契约", "a message that is none of our contracts"),
    "no-pack": Kind("unfounded", 8, "决定未注明有效政策包", "a decision names no policy pack in force"),
    "foreign-pack": Kind("unfounded", 8, "引用了无效的政策包", "a decision names a pack that may not decide"),
}
"""Every finding by its name."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: which kind, where to look, about which operation or field, in which case."""

    what: str
    where: str
    about: str = ""
    case: str = ""
    vin: str = ""

    @property
    def kind(self) -> Kind:
        return KINDS[self.what]

    def as_json(self) -> dict[str, Any]:
        told = {"invariant": self.kind.invariant, "what": self.what, "where": self.where}
        optional = {"about": self.about, "case": self.case, "vin": self.vin}
        return told | {name: value for name, value in optional.items() if value}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many findings of each kind, the first of them in full, and what was looked at.

    `notes` tells what is no fault by itself, such as how many messages lie in poison topics.
    """

    counts: dict[Ledger, int]
    findings: tuple[Finding, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not any(self.counts.values())

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"checker": "clean" if self.clean else "findings"}
        told |= {str(ledger): count for ledger, count in self.counts.items()}
        return told | {"findings": [finding.as_json() for finding in self.findings], "notes": self.notes}


def verdict(findings: Iterable[Finding], notes: dict[str, int]) -> Verdict:
    """Count all findings, keep some; `notes` may still be filled while they come."""
    counts: Counter[Ledger] = Counter()
    kept: list[Finding] = []
    for finding in findings:
        ledger = finding.kind.ledger
        counts[ledger] += 1
        if counts[ledger] <= KEPT:
            kept.append(finding)
    return Verdict({ledger: counts[ledger] for ledger in LEDGERS}, tuple(sorted(kept)), notes)


def masked(vin: str) -> str:
    """Enough of a VIN for a person who has it to recognise it."""
    return f"{vin[:3]}***{vin[-4:]}" if len(vin) > 7 else "***"  # noqa: PLR2004 - three and four of them
