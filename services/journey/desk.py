"""The operators' interface: see a case, give it away, let it go on, call it off; and the export for the checker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from contracts.case import CaseChangedV1
from contracts.numbers import vin as vins
from contracts.types import Vin
from services.runtime import forms, problems
from services.runtime.face import Runtime
from services.runtime.forms import Form, Name, Said
from services.runtime.operator import operator

from . import store
from .process import NoSuchCase, Process
from .repair import NotPossible
from .snapshot import snapshot
from .world import Act, Assign, Cancel, Resume, Secure

_PAGE: Final = 500


class Reasoned(forms.Reasoned):
    """An act, and why it was done: it goes into the case's story."""

    reason: Annotated[Said, Field(max_length=400)]


class Assignment(Reasoned):
    """To whom a case is given."""

    owner: Name


class Search(Form):
    """By VIN, in a body: a VIN does not belong into an address or its log."""

    vin: Vin


def mount(app: FastAPI, runtime: Runtime, process: Process) -> None:
    """Add the interface and its way of saying no."""
    app.include_router(_routes(runtime, process))
    app.add_exception_handler(NoSuchCase, _no_such_case)
    app.add_exception_handler(NotPossible, _not_possible)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _refused)


def _routes(runtime: Runtime, process: Process) -> APIRouter:
    router = APIRouter(prefix="/v1", dependencies=[Depends(operator(runtime.secrets))])
    _add_acts(router, runtime, process)

    @router.get("/cases/{case_id}")
    async def show(case_id: str) -> JSONResponse:
        case = await runtime.store.read(partial(store.seen, case_id=case_id))
        if case is None:
            raise NoSuchCase(case_id)
        return _shown(case_id, snapshot(case))

    @router.post("/cases/search")
    async def search(form: Search) -> dict[str, Any]:
        found = await runtime.store.read(partial(store.by_vin, memory=store.Memory(), vin=vins.compact(form.vin)))
        return {"cases": [_content(kept.case.id, snapshot(kept.case)) for kept in found]}

    @router.get("/export/cases")
    async def export() -> StreamingResponse:
        return StreamingResponse(_lines(runtime), media_type="application/x-ndjson")

    @router.get("/stats")
    async def stats() -> dict[str, Any]:
        return _stats(await runtime.store.read(store.counts))

    return router


def _add_acts(router: APIRouter, runtime: Runtime, process: Process) -> None:
    async def act(case_id: str, what: Act) -> JSONResponse:
        told = await runtime.store.run(partial(process.act, case_id=case_id, act=what))
        return _shown(case_id, told)

    @router.post("/cases/{case_id}/assign")
    async def assign(case_id: str, form: Assignment) -> JSONResponse:
        return await act(case_id, Assign(form.owner, form.reason, form.by))

    @router.post("/cases/{case_id}/resume")
    async def resume(case_id: str, form: Reasoned) -> JSONResponse:
        return await act(case_id, Resume(form.reason, form.by))

    @router.post("/cases/{case_id}/secure")
    async def secure(case_id: str, form: Reasoned) -> JSONResponse:
        return await act(case_id, Secure(form.reason, form.by))

    @router.post("/cases/{case_id}/cancel")
    async def cancel(case_id: str, form: Reasoned) -> JSONResponse:
        return await act(case_id, Cancel(form.reason, form.by))


async def _lines(runtime: Runtime) -> AsyncIterator[str]:
    """All cases, a page at a time: memory does not grow with their number."""
    after = ""
    while rows := await runtime.store.read(partial(_page, after=after)):
        after = rows[-1]["id"]
        for row in rows:
            yield json.dumps(row, ensure_ascii=False) + "\n"


def _page(connection: Connection, after: str) -> list[dict[str, Any]]:
    return list(store.exported(store.page(connection, after, _PAGE)))


def _stats(found: Any) -> dict[str, Any]:
    headlines = {name: number for name, number in found.items() if name not in {"TIMERS", "UNPLACED"}}
    ended = {"CLOSED", "CANCELLED", "REFUSED"}
    return {
        "open": sum(number for name, number in headlines.items() if name not in ended),
        "closed": headlines.get("CLOSED", 0),
        "manual": headlines.get("MANUAL", 0),
        "hold": headlines.get("HOLD", 0),
        "cancelling": headlines.get("CANCELLING", 0),
        "cancelled": headlines.get("CANCELLED", 0),
        "refused": headlines.get("REFUSED", 0),
        "total": sum(headlines.values()),
        "timers": found["TIMERS"],
        "unplaced": found["UNPLACED"],
    }


def _content(case_id: str, told: CaseChangedV1) -> dict[str, Any]:
    return {"id": case_id, **told.model_dump(mode="json", exclude_none=True)}


def _shown(case_id: str, told: CaseChangedV1) -> JSONResponse:
    return JSONResponse(_content(case_id, told))


def _problem(status: int, code: str, zh: str, en: str, **more: Any) -> JSONResponse:
    return problems.answer(status, code, title=problems.both(zh, en), code=code, **more)


async def _no_such_case(_request: Request, _error: Exception) -> JSONResponse:
    return _problem(404, "not-found", "没有这个业务", "there is no such case")


async def _not_possible(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, NotPossible):
        raise error
    return _problem(409, error.code, error.zh, error.en)


async def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return _problem(
        422, "not-valid", "请求内容不符合要求", "the request is not valid", errors=problems.faults_in(error)
    )


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    problem = _problem(error.status_code, "refused", "未受理", str(error.detail))
    problem.headers.update(error.headers or {})
    return problem
