"""How the projection says no to a person: a problem document in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from services.runtime import problems
from services.runtime.store import StoreUnavailable

from .register import AlreadyOver, UnknownGrant
from .webhooks.posting import StillTwo, UnknownWebhook


def install(app: FastAPI) -> None:
    """Have every no of ours answered so."""
    app.exception_handler(UnknownGrant)(_unknown)
    app.exception_handler(UnknownWebhook)(_no_webhook)
    app.exception_handler(StillTwo)(_still_two)
    app.exception_handler(AlreadyOver)(_over)
    app.exception_handler(StoreUnavailable)(_away)
    app.exception_handler(RequestValidationError)(_not_understood)


async def _unknown(_: Request, __: UnknownGrant) -> JSONResponse:
    return _problem(404, "no-grant", "没有这项授权", "there is no such grant")


async def _no_webhook(_: Request, __: UnknownWebhook) -> JSONResponse:
    return _problem(404, "no-webhook", "没有这个推送地址", "there is no such webhook")


async def _still_two(_: Request, two: StillTwo) -> JSONResponse:
    until = datetime.fromtimestamp(two.until, UTC).isoformat(timespec="seconds")
    zh = f"新旧密钥并签至 {until}，订阅方可能仍用旧的；若已泄露，以 0 小时并用立即换新"
    en = f"two secrets sign until {until}, and its subscriber may hold the older; if they leaked: an overlap of 0 hours"
    return _problem(409, "two-secrets", zh, en, until=until)


async def _over(_: Request, __: AlreadyOver) -> JSONResponse:
    return _problem(409, "over", "授权已终止，无可撤销", "the grant is over; there is nothing to revoke")


async def _away(_: Request, why: StoreUnavailable) -> JSONResponse:
    return _problem(503, "unavailable", "数据库暂不可用", "the database cannot be used now", error=str(why))


async def _not_understood(_: Request, wrong: RequestValidationError) -> JSONResponse:
    faults = problems.faults_in(wrong)
    return _problem(422, "not-valid", "请求有误", "the request is not what it must be", faults=faults)


def _problem(status: int, code: str, zh: str, en: str, **more: Any) -> JSONResponse:
    return problems.answer(status, code, detail=problems.both(zh, en), code=code, **more)
