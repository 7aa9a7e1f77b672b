"""How the door says no: RFC 9457 problem documents with the rulebook's codes, in Chinese and English.

Nothing a client gave is ever told back: a fault names its field and its reason, never the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import JSONResponse

from contracts.fields import PERSONAL
from contracts.sale import Fault
from services.runtime import problems


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; `name` is the end of its type URN and stays what it is for ever."""

    name: str
    status: int
    zh: str
    en: str

    @property
    def type(self) -> str:
        """The URN that programs compare."""
        return problems.kind(self.name)

    @property
    def title(self) -> str:
        """The same sentence twice, for people."""
        return problems.both(self.zh, self.en)


UNREADABLE: Final = Kind("unreadable", 400, "无法读取所提交的内容", "cannot be read")
NOT_A_CLOUDEVENT: Final = Kind("not-a-cloudevent", 400, "不是有效的 CloudEvent", "not a CloudEvent of version 1.0")
BAD_REQUEST: Final = Kind("bad-request", 400, "请求不正确", "the request is not right")
UNAUTHENTICATED: Final = Kind("unauthenticated", 401, "缺少令牌或令牌无效", "the token is missing or not valid")
NOT_ENTITLED: Final = Kind("not-entitled", 403, "无权以此来源或主体发布", "not entitled to this source or USCC")
NOT_FOUND: Final = Kind("not-found", 404, "没有这个资源", "there is no such thing")
WRONG_METHOD: Final = Kind("method-not-allowed", 405, "不支持该方法", "the method is not allowed here")
IN_FLIGHT: Final = Kind("in-flight", 409, "相同编号的提交正在处理", "the same id is being taken in right now")
TOO_LARGE: Final = Kind("too-large", 413, "内容过大", "too large")
WRONG_MEDIA_TYPE: Final = Kind("wrong-media-type", 415, "不支持该内容类型", "the media type is not supported")
CONTRACT: Final = Kind("contract", 422, "内容不符合契约", "the message does not keep its contract")
IDEMPOTENCY: Final = Kind("idempotency-conflict", 422, "编号已用于不同内容", "the id was used for other content")
UNKNOWN_SALE: Final = Kind("unknown-sale", 422, "没有可更正或取消的销售", "there is no such sale to correct or cancel")
BROKEN: Final = Kind("internal", 500, "内部错误", "an error of ours")
UNAVAILABLE: Final = Kind("unavailable", 503, "暂时无法持久保存，未受理", "cannot store durably; nothing was taken in")


class Problem(Exception):
    """A refusal on its way to whoever must hear it, by HTTP, by Kafka or in an import's report.

    `fix` is a sentence for people that says what to do; `headers` go with the HTTP answer.
    """

    def __init__(
        self,
        kind: Kind,
        *faults: Fault,
        fix: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.faults = faults
        self.fix = fix
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The members of RFC 9457, and `errors`."""
        detail = {"detail": self.fix} if self.fix else {}
        kind = self.kind
        return problems.document(kind.status, kind.name, title=kind.title, errors=errors(self.faults), **detail)

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse(self.document(), self.kind.status, self.headers, media_type=problems.MEDIA_TYPE)


def fault(field: str, reason: str, code: str = "V102", suggestion: str | None = None) -> Fault:
    """One fault; V102 (a field is not valid) unless told otherwise."""
    return Fault.model_validate({"code": code, "field": field, "reason": reason, "suggestion": suggestion})


def errors(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Faults as a document tells them. A suggestion for a personal field would nearly tell the value: left out."""
    return [_error(fault) for fault in faults]


def without_personal(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Faults as they may travel in a message of ours."""
    return tuple(
        fault.model_copy(update={"suggestion": None}) if _leaf(fault.field) in PERSONAL else fault for fault in faults
    )


def _error(fault: Fault) -> dict[str, str]:
    (shown,) = without_personal((fault,))
    return shown.model_dump(exclude_none=True)


def _leaf(field: str) -> str:
    return field.rsplit(".", 1)[-1]
