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
