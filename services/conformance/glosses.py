"""What the short words of a result mean, for who reads them for the first time: results, reasons and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from contracts.codes import CODES

from .words import Words

_SAID: Final = (
    (r"\ban idempotency key is needed\Z", "以 4xx 拒绝：须带幂等键", ""),
    (r"\AHTTP 4xx: bytes that are no UTF-8\Z", "以 4xx 拒绝：字节不是 UTF-8", ""),
    (r"\bbytes that are no UTF-8\Z", "字节不是 UTF-8", ""),
    (r"\bnobody knows this seal\Z", "以 4xx 拒绝：无人登记的签名", ""),
    (r"\bthe key was used for other content\Z", "以 4xx 拒绝：该键已用于其他内容", ""),
    (r"\bthe seal does not fit the message\Z", "以 4xx 拒绝：签名与报文不符", ""),
    (r"\bwho it is from was not proved\Z", "以 4xx 拒绝：未证明来自谁", ""),
    (r"\bits code for “down”: nothing happened\Z", "HTTP 503 或其停机代码，且未办理", ""),
    (r"\AHTTP 429 with Retry-After\Z", "HTTP 429 并带 Retry-After", ""),
    (r"\Aa refusal, and nothing read from anywhere\Z", "拒绝，且不读取任何资源", ""),
    (r"\bwith what the entity names\Z", "带有实体所指的内容", ""),
    (r"\Aa refusal without a word about a person\Z", "拒绝，且不提及个人", ""),
    (r"\Aa refusal, or “not yet”, by a code that the adapter knows\Z", "以已知代码拒绝，或答暂无资料", ""),
    (r"\bor an answer where (.+) may be absent\Z", "以已知代码拒绝；{0} 可缺时则办结", ""),
    (r"\Aa refusal by a code that the adapter knows(?:, where|:) (.+) is a list\Z", "{0} 为列表，以已知代码拒绝", ""),
    (r"\Aa refusal by a code that the adapter knows: (.+) is missing\Z", "缺 {0}，以已知代码拒绝", ""),
    (r"\Aa refusal by a code that the adapter knows\Z", "以已知代码拒绝", ""),
    (r"\Aa refusal with its code\Z", "带代码的拒绝", ""),
    (r"\Aa refusal: the message id was used for another document\Z", "拒绝：该报文标识已用于另一报文", ""),
    (r"\(413\), or a closed connection\Z", "以 413 拒绝，或断开", ""),
    (r"\band none of the codes of its business\Z", "以 4xx 拒绝，且不带业务代码", ""),
    (r"\bor the answer(?: if it never looks into what it does not know)?\Z", "以 4xx 拒绝，或照办", ""),
    (r"\AHTTP 4xx\Z", "以 4xx 拒绝", ""),
    (r"\bmeanwhile\Z", "同一答复，或暂答 409、429、503", ""),
    (r"\Aone answer for all\Z", "各次同一答复", ""),
    (r"\Aan answer of its own for each key\Z", "每键各有答复", ""),
    (r"\Athe look-up finds nothing, and says so\b.*", "查无此事，并以其代码答复", ""),
    (r"\Athe look-up finds what the answer said\Z", "查到的与答复相同", ""),
    (
        r"\Athe (?:same )?answer (?:that was given before|that was brought|again after 503|each time it is brought)\Z",
        "与先前相同的答复",
        "",
    ),
    (r"\Athe same (?:answer|refusal), however often it is asked for\Z", "取几次都相同", ""),
    (r"\Athe same command, well written, succeeds afterwards\Z", "随后书写无误的同一请求可办成", ""),
    (r"\Ano entry: nobody knows this key\Z", "拒绝登录：无人登记的密钥", ""),
    (r"\Aa host that proves itself by a registered key\b.*", "每次连接，主机均以登记过的密钥证明自己", ""),
    (r"\Ano receipt yet, or a whole one\Z", "尚无回执，或完整的回执", ""),
    (r"\Athe fields of the fixture\Z", "样例的全部字段", ""),
    (r"\Athe namespaces of the fixture\Z", "样例的命名空间", ""),
    (r"\Ataken in\b.*", "先收下（202），或即时答复", ""),
    (r"\Aa call-back (?:under our key )?within ([0-9.]+) s\Z", "{0} 秒内有回调", ""),
    (r"\Athe call-back again within ([0-9.]+) s of our 503\Z", "我方答 503 后 {0} 秒内再来", ""),
    (r"\Acall-backs under the agency's seal\Z", "带该机构签名的回调", ""),
    (r"\Athe key of the command that it answers\Z", "所答复请求的键", ""),
    (r"\Aa message, as \w+ writes them\Z", "约定格式的报文", ""),
    (r"\Aits own code for “nothing is known under this key”\Z", "其“未查到”代码", ""),
    (r"\Aa door for call-backs\Z", "可接收回调的门口", ""),
    (r"\Aan answer in ([0-9.]+) s\Z", "{0} 秒内有答复", ""),
    (r"\Aan answer as it is\b.*", "未压缩的答复", ""),
    (r"\Aan answer with its code\Z", "带代码的答复", ""),
    (r"\Aa fault of the client's\b.*", "客户端 Fault：报头与报文不符", ""),
    (r"\Aone encoding\Z", "同一种编码", ""),
    (r"\Aan encoding that there is\Z", "存在的编码", ""),
    (r"\A[\w.-]+, as it says\Z", "与所声明的编码相符", ""),
    (r"\A(?:UTF-8|gb18030)\Z", "该编码的字节", ""),
    (r"\Aa connection\Z", "能连接", ""),
    (r"\Aa document\Z", "一份 XML 文档", ""),
    (r"\Anone: .*", "没有可读的文档", ""),
    (r"\Aan answer\Z", "有答复", ""),
    (r"\Aanother\Z", "另一种", ""),
    (r"\Ataken in again\b.*", "再次收下，或答复", ""),
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


def bilingual(text: str) -> str:
    """What was expected, in Chinese before the English where there is any."""
    said = gloss(text)
    return text if said is None or not said.zh else f"{said.zh} / {text}"


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
