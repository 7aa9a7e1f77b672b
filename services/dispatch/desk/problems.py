"""How dispatch says no to a person: a problem document in both languages, which never tells a value back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from contracts.sale import Fault
from observability import redaction
from services.runtime import problems
from services.runtime.store import StoreUnavailable

from .decisions import CannotDecide, Why
from .desk import UnknownDelivery
from .editing import NotValid
from .plans import CannotRepair, UnknownRepair
from .search import UnknownOrganisation


@dataclass(frozen=True, slots=True)
class No:
    """One kind of no."""

    status: int
    zh: str
    en: str


_CANNOT: Final[dict[Why, No]] = {
    "unknown": No(404, "没有等待中的这一投递", "no such delivery waits"),
    "being-tried": No(409, "此刻正在尝试，请稍后再定", "it is being tried at this moment; decide in a minute"),
    "answered": No(409, "已有答复", "it has its answer already"),
    "ended": No(409, "已经了结，无可决定", "it has come to its end; there is nothing to decide"),
    "held": No(
        409,
        "随其机构暂缓，机构恢复后自动继续",
        "it is held with its organisation, and goes on by itself when that is back",
    ),
    "changed": No(409, "已被他人修改，请重新查看", "somebody has changed it since; look again"),
    "unchanged": No(409, "内容没有变化；如需再试请用 retry", "nothing would change; to try it again as it is: retry"),
    "unreadable": No(409, "所存命令无法读取", "the command that is stored cannot be read"),
    "undisputed": No(409, "没有待核实的矛盾答复", "nothing contradicts the answer to it, or that is cleared up"),
    "doubtful": No(
        409,
        "此前的调用可能已经办理；新的幂等键会重复办理。请先向机构核实，确认未办理后加 --not-carried-out",
        "an earlier call may have been carried out, and a new key would do it twice. "
        "Ask the agency first; if it was not, say so: --not-carried-out",
    ),
}
_ORGANISATION: Final = No(404, "没有这个机构", "no such organisation")
_DELIVERY: Final = No(404, "没有这一投递", "no such delivery is known")
_REPAIR: Final = No(404, "没有这个修复计划", "no such repair")
_NOT_VALID: Final = No(422, "内容不符合契约", "the content does not keep its contract")
_NOT_UNDERSTOOD: Final = No(422, "请求内容不符合要求", "the request is not valid")
_AWAY: Final = No(503, "数据库暂不可写，请稍后重试", "the database takes no writes now, try again later")
_STATES: Final = {
    "planned": ("尚未开始", "it has not been started"),
    "done": ("已完成", "it is done"),
    "cancelled": ("已撤销", "it was cancelled"),
}


def install(app: FastAPI) -> None:
    """Have every no of ours answered so."""
    app.exception_handler(CannotDecide)(_cannot)
    app.exception_handler(NotValid)(_not_valid)
    app.exception_handler(CannotRepair)(_cannot_repair)
    app.exception_handler(StoreUnavailable)(_away)
    app.exception_handler(RequestValidationError)(_not_understood)
    for unknown, no, code in (
        (UnknownOrganisation, _ORGANISATION, "no-organisation"),
        (UnknownDelivery, _DELIVERY, "unknown"),
        (UnknownRepair, _REPAIR, "no-repair"),
    ):
        app.exception_handler(unknown)(_always(no, code))


def _always(no: No, code: str) -> Any:
    async def answer(_: Request, __: Exception) -> JSONResponse:
        return _problem(no, code)

    return answer


async def _cannot(_: Request, cannot: CannotDecide) -> JSONResponse:
    return _problem(_CANNOT[cannot.why], cannot.why)


async def _cannot_repair(_: Request, cannot: CannotRepair) -> JSONResponse:
    zh, en = _STATES[cannot.state]
    return _problem(No(409, zh, en), cannot.state)


async def _not_valid(_: Request, wrong: NotValid) -> JSONResponse:
    return _problem(_NOT_VALID, "contract", faults=[_shown(fault) for fault in wrong.faults])


def _shown(fault: Fault) -> dict[str, Any]:
    """A fault as its own words have it; what it suggests is all but what was typed, and as much somebody's car."""
    told = fault.model_dump(exclude_none=True)
    return told | ({"suggestion": redaction.text(fault.suggestion)} if fault.suggestion else {})


async def _not_understood(_: Request, wrong: RequestValidationError) -> JSONResponse:
    return _problem(_NOT_UNDERSTOOD, "not-valid", faults=problems.faults_in(wrong))


async def _away(_: Request, why: StoreUnavailable) -> JSONResponse:
    return _problem(_AWAY, "unavailable", error=str(why))


def _problem(no: No, code: str, **more: Any) -> JSONResponse:
    return problems.answer(no.status, code, detail=problems.both(no.zh, no.en), code=code, **more)
