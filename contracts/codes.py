"""The codes that organisations answer with, and what each of them means for us (rulebook §5).

`RETRYABLE` is the whole list of codes that may be tried again without a person: an agency that is
down (`*503`), a reference that has not arrived yet (D404), and time-outs, which have no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """One answer code, explained for people."""

    id: str
    zh: str
    en: str
    retryable: bool = False


_ROWS: Final = (
    Code("0", "成功", "accepted"),
    Code("1", "重复，已返回相同结果", "duplicate, same result returned"),
    Code("V101", "车架号无效", "the VIN is not valid"),
    Code("V102", "字段无效", "a field is not valid"),
    Code("D404", "尚无所引用的资料", "the referenced record is not there yet", retryable=True),
    Code("D422", "资料不一致，无法核实", "the data does not match the reference and cannot be verified"),
    Code("C409", "该车架号已有办理中的业务", "the VIN already has a live case"),
    Code("C410", "版本已过期", "the version is stale"),
    Code("T422", "税额不一致", "the tax amount does not match"),
    Code("T408", "逾期申报", "declared late"),
    Code("I503", "保险机构暂不可用", "the insurer is down", retryable=True),
    Code("B451", "银行不同意", "the bank declined"),
    Code("B503", "银行暂不可用", "the bank is down", retryable=True),
    Code("M503", "工信部系统暂不可用", "MIIT is down", retryable=True),
    Code("T503", "税务系统暂不可用", "the tax office is down", retryable=True),
    Code("P409", "号牌已被占用", "the plate is taken"),
    Code("P410", "号牌预留已过期", "the plate reservation has expired"),
    Code("P412", "前置条件未满足", "a precondition is not met"),
    Code("P423", "车辆被查封扣押", "the vehicle is seized"),
    Code("P503", "公安交管系统暂不可用", "the traffic police are down", retryable=True),
    Code("L423", "存在未解除的抵押", "there is an unreleased lien"),
    Code("R429", "违反转让次数规定", "the resale rule forbids it"),
    Code("X403", "没有出口许可或无资格", "no export licence, or not entitled"),
    Code("X409", "数量不符", "the quantity does not match"),
    Code("X422", "缺少单证", "a document is missing"),
    Code("X503", "商务或海关系统暂不可用", "commerce or customs are down", retryable=True),
    Code("A403", "无权获得该字段", "not entitled to the field"),
    Code("A410", "授权已过期", "the grant has expired"),
)

CODES: Final = {code.id: code for code in _ROWS}
RETRYABLE: Final = frozenset(code.id for code in _ROWS if code.retryable)
