"""Why a facet is held, for how long before a person gets it, and who that is: three tables.

A machine's silence is waited for in hours, a desk's work in working days: nobody mends anything over the holidays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from contracts.codes import CODES


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """A wait until the end of the n-th working day in China."""

    n: int


_DESK: Final = WorkingDays(3)


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to hold; `wait` is how long it may mend itself, None where only a person can."""

    zh: str
    en: str
    wait: timedelta | WorkingDays | None = _DESK


_OURS: Final = {
    "timeout": Reason("逾时未答复", "no answer in time", timedelta(hours=4)),
    "dead": Reason("投递已停止，不会再自动重试", "delivery has ended; nobody will try again", None),
    "unknown-organisation": Reason("没有登记该机构", "the organisation is not known here", None),
    "policy-gap": Reason("没有适用该日期的政策包", "no policy pack covers this date", WorkingDays(5)),
    "wrong-car": Reason("答复的车架号不是本车", "the answer is about another car", None),
    "gap": Reason("登记记录缺少前一次变更的通知", "a change of the record was told, but not the one before it"),
    "stuck": Reason("撤回未办成，须人工处理", "taking it back has failed; a person must act", None),
    "refund": Reason("退还金额与应退金额不一致", "what was paid back is not what was owed back", None),
    "mortgaged": Reason("抵押未注销，须待贷款结清", "a mortgage stands until the loan is paid back"),
    "amount": Reason("金额与申请不一致", "the amounts differ from what was asked"),
    "premium": Reason("保费与基准保费不一致", "the premium is not the base premium"),
    "vessel-tax": Reason("车船税不在法定税额幅度内", "the vessel tax is outside the legal bands"),
    "plate-kind": Reason("号牌种类与能源种类不符", "the plate does not fit the fuel kind"),
    "plate-differs": Reason("登记号牌与预留号牌不一致", "registered with another plate than the reserved one"),
    "policy-differs": Reason("保单与报价不一致", "the policy differs from the quote"),
    "licence-differs": Reason("许可证与申报不符或已过期", "the licence is another one, or has expired"),
    "late-pivot": Reason("撤销之后收到登记或放行", "registered or released after the case was called off", None),
    "corrected": Reason("销售信息已更正，已办事项须重办", "the sale was corrected; what was done must be redone"),
}
_CODED: Final[dict[str, timedelta | WorkingDays | None]] = {
    "B451": timedelta(hours=48),
    "P409": WorkingDays(1),
    "P423": None,
}
REASONS: Final = _OURS | {code.id: Reason(code.zh, code.en, _CODED.get(code.id, _DESK)) for code in CODES.values()}

_DESKS: Final = {
    "order": "sales-desk",
    "coc": "miit-desk",
    "invoice": "tax-desk",
    "tax": "tax-desk",
    "ins": "insurance-desk",
    "loan": "bank-desk",
    "plate": "police-desk",
    "reg": "police-desk",
    "mort": "police-desk",
    "elic": "police-desk",
    "delivery": "courier-desk",
    "qualification": "commerce-desk",
    "licence": "commerce-desk",
    "declaration": "customs-desk",
}
_OWNERS: Final = {
    "V101": "dealer",
    "V102": "dealer",
    "corrected": "dealer",
    "policy-gap": "policy-desk",
    "unknown-organisation": "platform-desk",
    "wrong-car": "platform-desk",
    "late-pivot": "legal-desk",
    "mortgaged": "bank-desk",
    "X403": "exporter",
    "X422": "exporter",
    "P423": "legal-desk",
    "L423": "bank-desk",
    "A403": "data-desk",
}
_OWNERS_BY_FACET: Final = {
    ("coc", "D422"): "maker",
    ("coc", "D404"): "maker",
    ("ins", "D422"): "maker",
    ("invoice", "D422"): "dealer",
    ("invoice", "amount"): "dealer",
    ("loan", "B451"): "dealer",
    ("mort", "B451"): "bank-desk",
}


def reason_of(key: str) -> Reason:
    """The reason, also of a code that nobody has explained to us."""
    return REASONS.get(key) or Reason(f"机构答复代码 {key}", f"the agency answered {key}")


def owner_of(facet: str, key: str) -> str:
    """Who answers for a facet held for that reason: the party that can mend it, else the agency's desk."""
    return mender_of(facet, key) or _DESKS[facet]


def mender_of(facet: str, key: str) -> str | None:
    """The party that can mend it, where the reason names one."""
    return _OWNERS_BY_FACET.get((facet, key)) or _OWNERS.get(key)
