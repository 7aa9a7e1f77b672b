"""What is shown to people for the words of messages, in Chinese and English. An unknown word is shown as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adapters.organisations import ORGANISATIONS
from contracts.codes import CODES
from contracts.topics import COMMANDS


@dataclass(frozen=True, slots=True)
class Words:
    """The same thing said twice."""

    zh: str
    en: str


_AGENCIES: Final = {
    "miit": Words("工信部", "MIIT"),
    "tax": Words("税务", "Tax"),
    "insurer": Words("保险", "Insurer"),
    "bank": Words("银行", "Bank"),
    "police": Words("公安交管", "Traffic police"),
    "commerce": Words("商务", "Commerce"),
    "customs": Words("海关", "Customs"),
}
_HEADLINES: Final = {
    "OPEN": Words("办理中", "In progress"),
    "HOLD": Words("等待", "On hold"),
    "MANUAL": Words("待人工处理", "Needs a person"),
    "CANCELLING": Words("撤销中", "Being undone"),
    "CANCELLED": Words("已撤销", "Cancelled"),
    "REFUSED": Words("未受理", "Refused"),
    "CLOSED": Words("已办结", "Closed"),
}
_KINDS: Final = {
    "new-car": Words("新车上牌", "New car"),
    "export-new": Words("新车出口", "Export, new"),
    "returned-car": Words("退车", "Returned car"),
}
_FACETS: Final = {
    "case": Words("业务", "Case"),
    "order": Words("订单", "Order"),
    "coc": Words("合格证", "Certificate"),
    "invoice": Words("发票", "Invoice"),
    "tax": Words("购置税", "Tax"),
    "ins": Words("保险", "Insurance"),
    "loan": Words("贷款", "Loan"),
    "plate": Words("号牌", "Plate"),
    "reg": Words("注册登记", "Registration"),
    "mort": Words("抵押登记", "Mortgage"),
    "elic": Words("电子行驶证", "E-licence"),
    "delivery": Words("号牌寄送", "Plate delivery"),
    "qualification": Words("出口资质", "Qualification"),
    "licence": Words("出口许可", "Export licence"),
    "declaration": Words("报关", "Declaration"),
}
_STATES: Final = {
    "NONE": Words("未开始", "not begun"),
    "NOT_NEEDED": Words("不需要", "not required"),
    "CONFIRMED": Words("已确认", "confirmed"),
    "AVAILABLE": Words("已核实", "available"),
    "ISSUED": Words("已签发", "issued"),
    "REVERSED": Words("已红冲", "reversed"),
    "ASSESSED": Words("已核定", "assessed"),
    "PAID": Words("已缴清", "paid"),
    "RELIEVED": Words("已免税", "relieved"),
    "REFUNDED": Words("已退税", "refunded"),
    "QUOTED": Words("已报价", "quoted"),
    "BOUND": Words("已承保", "bound"),
    "ENDORSED": Words("已批改", "endorsed"),
    "APPROVED": Words("已批准", "approved"),
    "REJECTED": Words("未批准", "declined"),
    "WITHDRAWN": Words("已撤回", "withdrawn"),
    "RESERVED": Words("已预留", "reserved"),
    "RELEASED": Words("已释放", "released"),
    "ASSIGNED": Words("已核发", "assigned"),
    "REGISTERED": Words("已登记", "registered"),
    "COSIGNED": Words("双方已共同申请", "jointly applied for"),
    "SECURED": Words("已另行担保", "secured otherwise"),
    "SETTLED": Words("已结清", "paid back"),
    "REVOKED": Words("已撤销", "revoked"),
    "DEREGISTERED": Words("已注销", "deregistered"),
    "NOTHING_LEFT": Words("无税可退", "nothing left to refund"),
    "SENT": Words("已寄出", "sent"),
    "DONE": Words("已完成", "done"),
    "QUALIFIED": Words("已具备", "qualified"),
    "LICENSED": Words("已许可", "licensed"),
    "EXEMPT": Words("无需许可", "exempt"),
    "DECLARED": Words("已申报", "declared"),
    "EXITED": Words("已离境", "exited"),
    "CANCELLED": Words("已撤销", "cancelled"),
}
_STATES_OF: Final = {
    ("mort", "RELEASED"): Words("已解除", "taken off the record"),
    ("ins", "CANCELLED"): Words("已解除", "ended"),
}
"""Words that a facet has for itself: a plate is let go, a mortgage is taken off."""
_DELIVERIES: Final = {
    "settled": Words("已答复", "answered"),
    "refused": Words("被拒绝", "refused"),
    "held": Words("机构停用或人工暂缓", "held: the organisation is down or paused"),
    "parked": Words("稍后重试", "parked for a retry"),
    "dead": Words("不再自动重试", "dead: a person must act"),
    "cancelled": Words("已取消", "cancelled"),
    "unknown": Words("有答复，而本处无此投递（或尚在途中）", "answered; no delivery here is known by it, or not yet"),
}
_RESULTS: Final = {
    "answered": Words("已答复", "answered"),
    "refused": Words("被拒绝", "refused"),
    "unavailable": Words("机构不可用", "unavailable"),
    "ambiguous": Words("结果不明", "outcome unknown"),
    "not-yet": Words("尚未就绪", "not there yet"),
    "broken-answer": Words("答复无法理解", "unreadable answer"),
}
_FAILURES: Final = {
    "unavailable": Words("机构不可用", "the organisation was unavailable"),
    "ambiguous": Words("结果不明，不能盲目重发", "outcome unknown: never resent blindly"),
    "not-yet": Words("所需资料尚未就绪", "what it needs is not there yet"),
    "broken-answer": Words("答复无法理解", "the answer could not be read"),
    "deadline": Words("已过期限", "the deadline passed"),
    "person": Words("由人决定", "a person decided"),
    "unreadable": Words("命令无法读取", "the command could not be read"),
}
_HOLDS: Final = {
    "timeout": Words("逾时未答复", "no answer in time"),
    "dead": Words("投递已停止，不会再自动重试", "delivery has ended; nobody will try again"),
    "unknown-organisation": Words("没有登记该机构", "the organisation is not known here"),
    "policy-gap": Words("没有适用该日期的政策包", "no policy pack covers this date"),
    "stuck": Words("撤回未办成，须人工处理", "taking it back has failed; a person must act"),
    "wrong-car": Words("答复的车架号不是本车", "the answer is about another car"),
    "amount": Words("金额与申请不一致", "the amounts differ from what was asked"),
    "premium": Words("保费与基准保费不一致", "the premium is not the base premium"),
    "vessel-tax": Words("车船税不在法定税额幅度内", "the vessel tax is outside the legal bands"),
    "plate-kind": Words("号牌种类与能源种类不符", "the plate does not fit the fuel kind"),
    "plate-differs": Words("登记号牌与预留号牌不一致", "registered with another plate than the reserved one"),
    "policy-differs": Words("保单与报价不一致", "the policy differs from the quote"),
    "licence-differs": Words("许可证与申报不符或已过期", "the licence is another one, or has expired"),
    "corrected": Words("销售信息已更正，已办事项须重办", "the sale was corrected; what was done must be redone"),
    "late-pivot": Words("撤销之后收到登记或放行", "registered or released after the case was called off"),
    "refund": Words("退还金额与应退金额不一致", "what was paid back is not what was owed back"),
    "gap": Words("登记记录缺少前一次变更的通知", "a change of the record was told, but not the one before it"),
    "mortgaged": Words("抵押未注销，须待贷款结清", "a mortgage stands until the loan is paid back"),
}
_HOLDS_OF: Final = {
    ("loan", "B451"): Words(
        "银行未批准贷款，可改全款；逾期未改则撤销销售",
        "the bank declined: cash may be paid instead, or the sale is undone",
    ),
    ("mort", "B451"): Words(
        "银行不同意抵押，登记不撤销，须另行担保",
        "the bank refused the mortgage: the registration stands, other security is needed",
    ),
}
_OWNERS: Final = {
    "sales-desk": Words("销售岗", "sales desk"),
    "miit-desk": Words("工信岗", "MIIT desk"),
    "tax-desk": Words("税务岗", "tax desk"),
    "insurance-desk": Words("保险岗", "insurance desk"),
    "bank-desk": Words("银行岗", "bank desk"),
    "police-desk": Words("车管岗", "police desk"),
    "courier-desk": Words("寄递岗", "courier desk"),
    "commerce-desk": Words("商务岗", "commerce desk"),
    "customs-desk": Words("海关岗", "customs desk"),
    "policy-desk": Words("政策岗", "policy desk"),
    "platform-desk": Words("平台岗", "platform desk"),
    "legal-desk": Words("法务岗", "legal desk"),
    "data-desk": Words("数据岗", "data desk"),
    "dealer": Words("经销商", "dealer"),
    "maker": Words("生产企业", "maker"),
    "exporter": Words("出口企业", "exporter"),
}
_BREAKERS: Final = {
    "closed": Words("正常", "up"),
    "half-open": Words("试探中", "probing"),
    "open": Words("停用", "down"),
    "paused": Words("人工暂缓", "paused"),
}
_SLOWED: Final = Words("限流", "slowing us down")
_RESUMED: Final = Words("已恢复", "resumed")
_TO_BE_PROBED: Final = "resumed, to be probed"
_STANDINGS: Final = {
    "trying": Words("已发出，待答复", "sent, not answered yet"),
    "under-way": Words("尚未就绪，将再次询问", "not there yet, asked again"),
    "answered": Words("已答复，业务尚未跟进", "answered; the case has yet to take it in"),
}
_UNDER_WAY: Final = {
    "held": Words("已提出，待机构恢复", "asked, waits for the organisation"),
    "parked": Words("已提出，稍后重试", "asked, to be tried again"),
    "dead": Words("已提出，投递已停止", "asked, and nobody tries it any more"),
}
_REASONS: Final = {
    "no connection": "无法连接",
    "no answer": "没有答复",
    "answers elsewhere now": "应答地址已切换，重启（tongche down; tongche up）之前不再发往任何一方",
    "who is live cannot be read": "无法读取 live.jsonl，不知应发往何处",
    "status 429": "限流，HTTP 429",
    "not-an-object": "答复不是应有的结构",
    "unknown-refusal": "以未知代码拒绝",
    "too-large": "答复过大",
    "unread-there": "同名文件尚未被读取",
    "not-sealed": "答复没有签名",
    "about-another": "答复的是另一业务",
    "from-another": "答复的发送方不是该机构",
    "definition": "不是答复该业务的报文",
    "taken in, and unknown since": "曾受理，后称无此业务",
    "taken in, not answered yet": "已受理，尚未答复",
    "the look-up knows nothing of it yet": "尚查不到此业务",
    "a call was cut off": "一次调用中断，结果不明",
    "behind another of its vehicle": "同一车辆的上一项未完成",
    _TO_BE_PROBED: "已恢复，待试探",
    "never called": "从未调用",
    "attempts": "尝试记录无法读取",
    "signature": "签名不符，或签名者不在登记之列",
    "no-signature": "没有签名",
    "not-detached": "签名未与内容分离",
    "not-xml": "不是所约定的 XML",
    "no-seal-agreed": "未约定签名方式",
    "certificate-expired": "签名证书已过期",
    "certificate-not-yet-valid": "签名证书尚未生效",
    "unreadable": "无法读取",
    "body:not_a_message": "不是所约定的报文",
    "unread": "已收下，代码或内容不在约定之内",
    "sender:another": "发送方不是该机构",
    "definition:unknown": "不是所约定的答复报文",
    "about:missing": "未说明所答复的业务",
    "about:no_key_of_ours": "所答复的业务编号不是我方的",
    "about:answered_otherwise_before": "此前已答复，内容不同",
    "not-a-command-of-this-agency": "不是该机构的命令",
}
"""What our own processes say of why something waits, in Chinese; English is as they say it."""
_IN_ENGLISH: Final = {
    "unread": "taken in, but its code or its content was never agreed",
    "signature": "signature: by nobody we know, or it was changed since",
    "answers elsewhere now": "it answers elsewhere now, and nobody is told anything until tongche down; tongche up",
    "who is live cannot be read": "live.jsonl cannot be read, so nobody knows whom to tell",
}
"""Where the word itself says too little."""
_REASONS_ABOUT: Final = {
    "status": "HTTP",
    "field": "答复缺少或错填字段",
    "value": "答复的值不合规则",
    "echo": "答复与所问不一致",
    "look-up-refused": "查询被拒绝",
    "unplanned": "程序错误",
}
"""The same of reasons that name what they are about."""
_TOO_LONG: Final = re.compile(r"body:over_(\d+)_bytes")
_ABOUT: Final = re.compile(r"(?P<kind>[a-z-]+)(: ?| )(?P<what>\S+)")
_ACTS: Final = {
    "coc.query": Words("查询合格证", "query the certificate"),
    "invoice.request": Words("开具发票", "issue the invoice"),
    "invoice.reverse": Words("红冲发票", "reverse the invoice"),
    "tax.declare": Words("申报购置税", "declare the tax"),
    "tax.pay": Words("缴纳购置税", "pay the tax"),
    "tax.reclaim": Words("申请退税", "reclaim the tax"),
    "insurance.quote": Words("交强险报价", "quote the cover"),
    "insurance.bind": Words("交强险承保", "bind the cover"),
    "insurance.endorse": Words("保单批改号牌", "put the plate on the policy"),
    "insurance.cancel": Words("撤销保单", "cancel the policy"),
    "loan.apply": Words("申请贷款", "apply for the loan"),
    "loan.withdraw": Words("撤回贷款", "withdraw the loan"),
    "plate.reserve": Words("预留号牌", "reserve a plate"),
    "plate.release": Words("释放号牌", "release the plate"),
    "registration.register": Words("注册登记", "register the vehicle"),
    "registration.deregister": Words("注销登记", "strike the vehicle off"),
    "mortgage.cosign": Words("银行共同申请抵押", "have the lender co-sign"),
    "mortgage.register": Words("抵押登记", "register the mortgage"),
    "mortgage.release": Words("解除抵押", "release the mortgage"),
    "elicence.issue": Words("签发电子行驶证", "issue the e-licence"),
    "elicence.grant": Words("授权电子行驶证", "grant the e-licence"),
    "elicence.verify": Words("核验电子行驶证", "verify the e-licence"),
    "elicence.revoke": Words("撤销电子行驶证", "revoke the e-licence"),
    "plate.dispatch": Words("寄出号牌", "send the plates"),
    "plate.track": Words("号牌寄送状态", "track the plates"),
    "export.qualify": Words("核查出口资质", "check the qualification"),
    "licence.apply": Words("申请出口许可证", "apply for the licence"),
    "export.declare": Words("出口报关", "declare the export"),
    "export.track": Words("离境状态", "track the exit"),
}


def _of(table: dict[str, Words], word: str) -> Words:
    return table.get(word) or Words(word, word)


def agency(name: str) -> Words:
    return _of(_AGENCIES, name)


def organisation(id: str) -> Words:  # noqa: A002 - what it is
    known = ORGANISATIONS.get(id)
    return Words(known.zh, known.en) if known else Words(id, id)


def agency_of(organisation: str) -> str:
    """The agency that an organisation is one of; its id begins with it."""
    known = ORGANISATIONS.get(organisation)
    return known.agency if known else organisation.partition("-")[0]


def headline(word: str) -> Words:
    return _of(_HEADLINES, word)


def unfinished(headline_: str) -> Words:
    """A case that is over, and yet somebody must act."""
    over = headline(headline_)
    return Words(f"{over.zh}，仍须处理", f"{over.en}, but somebody must act")


def kind(word: str) -> Words:
    return _of(_KINDS, word)


def facet(name: str) -> Words:
    return _of(_FACETS, name)


def state(word: str, facet: str = "") -> Words:
    """Where a facet stands, or the case as a whole."""
    return _STATES_OF.get((facet, word)) or _STATES.get(word) or headline(word)


def delivery(word: str) -> Words:
    return _of(_DELIVERIES, word)


def result(word: str) -> Words:
    return _of(_RESULTS, word)


def failure(word: str) -> Words:
    return _of(_FAILURES, word)


def hold(word: str, facet: str = "") -> Words:
    """Why a facet waits: one of our reasons, or an agency's code."""
    return _HOLDS_OF.get((facet, word)) or _HOLDS.get(word) or code(word)


def code(id: str) -> Words:  # noqa: A002 - what it is
    known = CODES.get(id)
    return Words(known.zh, known.en) if known else Words(id, id)


def owner(name: str) -> Words:
    return _of(_OWNERS, name)


def breaker(word: str) -> Words:
    return _of(_BREAKERS, word)


def standing(state: str, paused_by: str | None, reason: str | None) -> Words:
    """How an organisation stands: up, being probed, down, held by a person, down because it bears no more.

    Or held by a person until a moment ago, where no call had shown that it is down.
    """
    if paused_by:
        return breaker("paused")
    if state == "open" and reason == _TO_BE_PROBED:
        return _RESUMED
    return _SLOWED if state == "open" and "status 429" in (reason or "") else breaker(state)


def held(standing_: Words) -> Words:
    """That a command waits with its organisation, which stands like that."""
    return Words(f"暂缓，机构{standing_.zh}", f"held: the organisation is {standing_.en}")


def waiting(word: str) -> Words:
    """How a command stands that has not been answered."""
    return _STANDINGS.get(word) or delivery(word)


def under_way(word: str) -> Words:
    """A facet of which nothing has come yet, but a command for it is under way and stands like that."""
    return _UNDER_WAY.get(word) or Words("已提出，待答复", "asked, not answered yet")


def reason(text: str) -> Words:
    """Why something waits, as dispatch says it: a class of failure, and what exactly; either may be missing."""
    kind, colon, rest = text.partition(": ")
    if colon and kind in _RESULTS:
        said, why = _RESULTS[kind], reason(rest)
        return Words(f"{said.zh}：{why.zh}", f"{said.en}: {why.en}")
    if text in _REASONS:
        return Words(_REASONS[text], _IN_ENGLISH.get(text, text))
    if text in CODES:
        return Words(f"{text} {code(text).zh}", f"{text} {code(text).en}")
    first, comma, last = text.partition(", ")
    if comma and first in CODES:
        return Words(f"{reason(first).zh}，{reason(last).zh}", f"{reason(first).en}, {reason(last).en}")
    return _with_what(text)


def _with_what(text: str) -> Words:
    """A reason that names what it is about, or a person's."""
    if too_long := _TOO_LONG.fullmatch(text):
        return Words(f"报文超过 {too_long[1]} 字节", f"the message is over {too_long[1]} bytes")
    about = _ABOUT.fullmatch(text)
    if about and about["kind"] in _REASONS_ABOUT:
        return Words(f"{_REASONS_ABOUT[about['kind']]} {about['what']}", text)
    return Words(text, text)


def plain(text: str) -> Words:
    """What a person wrote, in whatever language."""
    return Words(text, text)


def command(name: str) -> Words:
    if name in COMMANDS and name not in _ACTS:
        return Words(name, COMMANDS[name].versions.purpose)
    return _of(_ACTS, name)
