"""Why a letter was not taken, as people are told, and what they can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from .addresses import FORBIDDEN, NO_TLS


class Reason(NamedTuple):
    """A `Missed.reason` in words; `fix` is in both languages."""

    zh: str
    en: str
    fix: str


REASONS: Final = {
    FORBIDDEN: Reason(
        "该地址不在公网上，不许投递",
        "nothing may be posted there: it is not on the open Internet",
        "对方给公网地址；自有网络则设 TONGCHE_WEBHOOK_NETWORKS=10.20.0.0/16 后重启"
        " / have them name a public one; a network of your own: set it and restart",
    ),
    NO_TLS: Reason(
        "须用 https",
        "it must be https",
        "在 subscribers.toml 改为 https:// / write https:// into subscribers.toml",
    ),
    "no-such-host": Reason(
        "域名无法解析",
        "its name cannot be resolved",
        "核对 subscribers.toml 中的域名与本机 DNS / check the name in subscribers.toml, and DNS here",
    ),
    "tls": Reason(
        "TLS 不成：证书过期、不受信任或域名不符",
        "TLS fails: its certificate has ended, is not trusted, or is another name's",
        "请对方更换证书 / have them mend it: openssl s_client -connect HOST:443",
    ),
    "no-connection": Reason(
        "连接不上", "nobody can be connected to", "核对端口与两边防火墙 / check its port, and the firewalls of both"
    ),
    "no-answer": Reason(
        "限时内无应答",
        "no answer in time",
        "请对方先应答、后处理 / have them answer first and work afterwards",
    ),
    "broken-answer": Reason(
        "应答残缺", "the answer broke off, or is no HTTP", "请对方查其网关日志 / have them look at their gateway's log"
    ),
}
_ASK: Final = "请对方按 webhook-id 查日志 / have them look for the webhook-id in their log"
_STATUSES: Final[Mapping[int, Reason]] = {
    HTTPStatus.UNAUTHORIZED: Reason(
        "对方不认签名", "the signature is not accepted", "核对密钥 / compare secrets: tongche webhook secret NAME"
    ),
    HTTPStatus.FORBIDDEN: Reason(
        "对方不许", "they forbid it", "核对密钥与来源限制 / compare secrets, and ask whom they let in"
    ),
    HTTPStatus.NOT_FOUND: Reason(
        "对方没有这个路径",
        "there is no such path",
        "核对 subscribers.toml 中的路径 / check the path in subscribers.toml",
    ),
    HTTPStatus.GONE: Reason(
        "对方不再接收", "they want nothing more", "与对方商定后 / agreed with them: tongche webhook resume NAME"
    ),
    HTTPStatus.TOO_MANY_REQUESTS: Reason(
        "对方要求放慢", "they ask us to slow down", "自动放慢，无须处理 / it does by itself"
    ),
}
_FAMILIES: Final = {
    3: Reason(
        "对方要求跳转，不予跟随",
        "they point elsewhere, which is not followed",
        "在 subscribers.toml 写最终地址 / write the address itself into subscribers.toml",
    ),
    4: Reason("对方拒收", "they refuse it", _ASK),
    5: Reason("对方出错", "something fails at theirs", _ASK),
}
_ELSE: Final = Reason("未被接收", "it was not taken", _ASK)


def reason(word: str) -> Reason:
    """What a word means; one that is not known here is said as that nothing was taken."""
    status = word.removeprefix("http-")
    if status != word and status.isdecimal():
        return _STATUSES.get(int(status), _FAMILIES.get(int(status) // 100, _ELSE))
    return REASONS.get(word, _ELSE)
