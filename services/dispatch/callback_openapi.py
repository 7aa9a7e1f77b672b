"""What the door for call-backs takes and answers, said in OpenAPI.

OpenAPI has no word for a signature within the message: `security` is empty, for there is no token, and `SEAL` says by
what the door is guarded instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Seal

from .door_openapi import problem

SEAL: Final = "x-tongche-seal"


class _Kind(NamedTuple):
    media_type: str
    zh: str
    en: str


_KINDS: Final[Mapping[Seal, _Kind]] = {
    "xmldsig": _Kind(
        "application/xml",
        "XML 签名：根元素的最后一个子元素，enveloped，exclusive C14N，ECDSA 与 SHA-256，覆盖整个文档",
        "an XML signature as the root's last child: enveloped, exclusive C14N, ECDSA over SHA-256, of all the document",
    ),
    "jws": _Kind(
        "application/json",
        "X-JWS-Signature 头中的 JWS：detached，ES256，以 x5t#S256 指明证书，覆盖整个正文",
        "a JWS in the header X-JWS-Signature: detached, ES256, the certificate named by x5t#S256, of all the body",
    ),
    "none": _Kind("application/json", "无签名，一律拒收", "no seal: whatever comes is refused"),
}


def _calling() -> list[Adapter]:
    return [adapter for adapter in ADAPTERS.values() if adapter.calls_back]


def _body(kind: _Kind) -> dict[str, Any]:
    told = f"{kind.zh} / {kind.en}"
    return {"schema": {"type": "string", "contentMediaType": kind.media_type, "description": told}}


BRING: Final[dict[str, Any]] = {
    "description": (
        "机构对此前所受指令的答复；报文写明所答复指令的幂等键，签名用登记在册的机构证书。首次答复为准："
        "再送相同内容仍为 202，内容不同为 422，不必重送。除 408、425、429 外的 4xx 不会因重送而改变。\n\n"
        "An organisation's answer to a command that it took in; the message names the idempotency key of that command, "
        "and is signed with a certificate that we know as the organisation's. The first answer holds: the same again "
        "is 202, another one is 422 and need not come again. A 4xx but 408, 425 and 429 stays what it is however often "
        "the same is brought."
    ),
    "security": [],
    SEAL: [
        {"agency": adapter.name, "kind": adapter.seal, "zh": _KINDS[adapter.seal].zh, "en": _KINDS[adapter.seal].en}
        for adapter in _calling()
    ],
    "requestBody": {
        "required": True,
        "content": {kind.media_type: _body(kind) for kind in (_KINDS[adapter.seal] for adapter in _calling())},
    },
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "durable; the same again gets the same answer"},
    401: problem("RFC 9457: the seal is missing, or proves nothing"),
    422: problem("RFC 9457: it does not say what it answers, or answers otherwise than before"),
    "4XX": problem("RFC 9457: refused"),
    503: problem("RFC 9457: it cannot be checked or stored now; nothing was taken in, bring it again"),
}
