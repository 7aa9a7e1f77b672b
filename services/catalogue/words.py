"""What the catalogue calls things, in both languages."""

from __future__ import annotations

from typing import Final, NamedTuple

from contracts.fields import Party, Sight
from contracts.purposes import Basis


class Said(NamedTuple):
    """The same in Chinese and in English."""

    zh: str
    en: str


PARTIES: Final[dict[Party, Said]] = {
    "O": Said("经销商和厂商", "dealer or maker"),
    "M": Said("工信部门", "MIIT"),
    "T": Said("税务机关", "tax"),
    "I": Said("保险公司", "insurer"),
    "P": Said("公安交管", "traffic police"),
    "B": Said("银行", "bank"),
    "X": Said("商务部门", "commerce"),
    "C": Said("海关", "customs"),
    "E": Said("出口企业", "exporter"),
}
SIGHTS: Final[dict[Sight, Said]] = {
    "full": Said("全部", "in full"),
    "masked": Said("遮盖", "masked"),
    "hashed": Said("散列", "hashed"),
    "yes_no": Said("是否", "yes or no"),
    "denied": Said("不可见", "denied"),
}
SIGNS: Final[dict[Sight, str]] = {"full": "●", "masked": "◐", "hashed": "#", "yes_no": "?", "denied": "·"}
"""For the matrix, where there is room for one character."""
BASES: Final[dict[Basis, Said]] = {
    "contract": Said("合同所必需", "necessary for a contract"),
    "duty": Said("履行法定职责或义务", "statutory duty"),
    "consent": Said("个人同意", "consent"),
    "none": Said("无需", "none needed"),
}
GRADES: Final = {
    "G1": Said("一般数据，公开或无关个人", "general; public, or about no person"),
    "G2": Said("一般数据，单车业务信息", "general; the business of one vehicle"),
    "G3": Said("一般数据，可识别个人；须加密给接收方", "general; identifies a person; encrypted for its recipient"),
    "G4": Said("一般数据，敏感个人信息；须加密给接收方", "general; sensitive; encrypted for its recipient"),
}
OWNERS: Final = {
    "oem": Said("汽车企业和经销商", "Makers and dealers"),
    "miit": Said("工信部门", "MIIT"),
    "tax": Said("税务机关", "Tax"),
    "insurer": Said("保险公司", "Insurers"),
    "bank": Said("银行", "Banks"),
    "police": Said("公安交管部门", "Traffic police"),
    "commerce": Said("商务部门", "Commerce"),
    "customs": Said("海关", "Customs"),
    "agency": Said("任一机构", "Any agency"),
    "tongche": Said("通车", "Tongche"),
}
ASIDES: Final = {
    "dead": Said("在有人处理之前不再重试。", "Nobody tries again until a person acts."),
    "poison": Said("原样保存的字节，消息头写明原因。", "The bytes as they came, with the reason in a header."),
}
FEATURES: Final = {
    "idempotent": Said(
        "同一幂等键只办一次，答复相同：未得答复时以同键重发",
        "the same key acts once and gets the same answer: without an answer it is sent again under the same key",
    ),
    "queryable": Said("可查是否办过：先查，再决定是否重发", "it can be asked whether it acted: that comes first"),
    "blind": Said("无从得知：由人决定，绝不重发", "nobody can tell: a person decides, nothing is sent again"),
}
SEALS: Final = {
    "none": Said("不签名", "no seal"),
    "jws": Said("分离式 JWS（ES256），覆盖报文字节", "a detached JWS (ES256) over the bytes of the body"),
    "xmldsig": Said("内嵌 XML 签名（ECDSA、SHA-256）", "an enveloped XML signature (ECDSA with SHA-256)"),
}
LATER: Final = {
    "called-back": Said("受理后由其回调告知", "taken in, and called back to us"),
    "fetched": Said("受理后由我方查询", "taken in, and asked for by us"),
}
THEN: Final = {
    "final": Said("最终答复", "final"),
    "retried": Said("稍后再试", "tried again"),
    "slows": Said("暂停整个机构", "slows us down"),
}
KINDS: Final = {
    "plain": Said("办结", "done"),
    "oddity": Said("特例", "oddity"),
    "refused": Said("拒绝", "refused"),
    "retried": Said("尚未", "not yet"),
    "slows": Said("暂停", "slows us down"),
    "hostile": Said("不可信", "hostile"),
}
RESULTS: Final = {
    "refused": Said("最终拒绝，由业务流程决定下一步", "a final no; the case decides what follows"),
    "not-yet": Said("什么都没有发生，或仅受理：稍后再问", "nothing happened, or it was only taken in: asked later"),
    "unavailable": Said("什么都没有发生：整个机构暂停，稍后再试", "nothing happened: it is left in peace for a while"),
    "ambiguous": Said("办没办不得而知：按其承诺处理", "nobody can tell whether it happened: its promise decides"),
    "broken-answer": Said("答复不可信，不据此办理", "an answer that nobody believes; no case acts upon it"),
    "unknown": Said("机构未受理过：重新发送", "it was never taken in: sent again"),
}
"""What follows where no event does."""
