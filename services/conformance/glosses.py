"""What the short words of a result mean, for who reads them for the first time: results, reasons and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from contracts.codes import CODES

from .words import Words

_SAID: Final = (
    (r"\bnot-yet taken in\b", "只受理，尚无结果", "it was taken in, and no result came"),
    (r"\bnot-yet\b", "暂无所需资料，可稍后再来", "not yet: to be asked again later"),
    (r"\brefused\b", "以约定的代码拒绝", "refused, by a code that was agreed"),
    (r"\bunavailable\b", "停机或限流，未办理", "down or throttling: nothing was done"),
    (r"\bambiguous\b", "无法得知是否已办", "nobody can tell whether it was done"),
    (r"\becho:(\w+)", "答复的 {0} 与请求不同", "{0} of the answer is not that of the request"),
    (r"\bfield:([\w.]+)", "字段 {0} 缺失或类型、格式不符", "{0} is absent, or of another type or form"),
    (r"\bvalue:([\w.]+)", "{0} 的取值不合约定", "{0} has a value that was not agreed"),
    (r"\bunknown-refusal\b", "拒绝时没有约定过的代码", "a refusal without a code that was agreed"),
    (r"\babout-another\b", "答复写明的是另一请求", "the answer says that it is to another request"),
    (r"\bnot-an-object\b", "读不出约定格式的报文", "no message of the agreed style could be read"),
    (r"\bno connection\b", "连接不上", "nobody listens there"),
    (r"\bno answer\b", "时限内没有答复", "nothing came in the time agreed"),
    (r"\bconnection broke\b", "连接中断", "the connection ended before the answer did"),
    (r"\bno call-back\b", "没有回调到达我方门口", "nothing was brought to the kit's door"),
    (r"\A([\w.]+) before it\Z", "须先办成 {0}", ""),
    (r"\Anone\Z", "没有", ""),
    (r"\Aanother answer\b|\Adifferent answers to one key\Z", "前后答复不同", ""),
    (r"\Aone answer for two keys\Z", "不同的键得到同一答复", ""),
    (r"\bit came once, and never again\Z", "只来过一次，遇 503 后未再来", ""),
    (r"\bone that nobody we know sealed\Z", "签名者不是登记过的证书", ""),
    (r"\ba call-back that names no key\Z", "回调没有写明所答复的键", ""),
    (r"\ba key under which nobody asked", "回调写的不是我方为此车所用的键", ""),
    (r"\bare no message of that style\Z", "回调的内容不是约定格式的报文", ""),
    (r"\bthe beginning of one\Z", "读到写了一半的回执", ""),
    (r"\Aa fault, ", "以 Fault 答复", ""),
    (r"\babsent or of another kind", "所列字段缺失或类型不同", ""),
    (r"\banother namespace, or none", "所列元素的命名空间不符或缺失", ""),
    (r"\bname different ones\Z", "Content-Type 与 XML 声明的编码不一致", ""),
    (r"\bbytes that are no ", "字节与所声明的编码不符", ""),
    (r"\bContent-Type: ", "内容类型不符", ""),
    (r"\bContent-Encoding: ", "未经要求而压缩", ""),
    (r"\bwithout Retry-After\Z", "未告知何时再来", ""),
    (r"\bwith personal data\Z", "答复中带有个人信息", ""),
    (r"\bcannot be brought into this state\b", "从此处无法造成所需状态", "nobody outside can bring it about"),
)
_CODE: Final = re.compile(r"\b[A-Z][0-9]{3}\b")


def gloss(text: str) -> Words | None:
    """What a result says, in words: nothing in English where it says so itself. None where there is nothing to add."""
    found = [*_words(text), *(Words(f"{code} {CODES[code].zh}", f"{code} {CODES[code].en}") for code in _codes(text))]
    if not found:
        return None
    return Words("；".join(one.zh for one in found), "; ".join(one.en for one in found if one.en))


def _words(text: str) -> Iterator[Words]:
    rest = text
    for pattern, zh, en in _SAID:
        match = re.search(pattern, rest)
        if match is not None:
            # What was explained whole is not explained by its parts again.
            rest = rest.replace(match[0], "")
            yield Words(zh.format(*match.groups()), en.format(*match.groups()))


def _codes(text: str) -> list[str]:
    return [code for code in dict.fromkeys(_CODE.findall(text)) if code in CODES]
