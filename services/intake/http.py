"""The door over HTTP: the routes, and how every refusal becomes a problem document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, Protocol

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from observability import tracing
from observability.tracing import SpanHandle
from services.intake import body, cloudevents, problems, states, uploads
from services.intake.cloudevents import Submission
from services.intake.door import Door, Item, unavailable
from services.intake.files.columns import template
from services.intake.files.reading import File
from services.intake.importing import Import, Progress
from services.intake.ledger import Acknowledged, Origin
from services.intake.media import BATCH, DATA, EVENT, check_charset, media_type
from services.intake.openapi import FIND, IMPORT, PUBLISH, RESPONSES, SHOW, TEMPLATE
from services.intake.problems import Problem, fault
from services.intake.publishers import Publisher, Publishers
from services.runtime.store import StoreUnavailable

LINES: Final = "application/x-ndjson"
_FILES_AT_ONCE: Final = 2
"""Each file is held in memory while it is read; more of them wait before their bodies are."""

_SALES: Final = "/v1/sales"
_REALM: Final = 'Bearer realm="tongche"'
_TO_BE_SAVED: Final = {"Content-Disposition": 'attachment; filename="tongche-sales.csv"'}


@dataclass(frozen=True, slots=True)
class Routes:
    """The door's routes, as methods that know its parts."""

    door: Door
    publishers: Publishers
    _files: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_FILES_AT_ONCE))

    def router(self) -> APIRouter:
        """All of them; the import stands before the ids, which would match it too."""
        # For the description only: who it is, `_who` decides.
        bearer = Depends(HTTPBearer(scheme_name="publisher", auto_error=False))
        router = APIRouter(responses=RESPONSES, tags=["sales"], dependencies=[bearer])
        router.post(_SALES, status_code=202, openapi_extra=PUBLISH, summary="Publish sales")(self.publish)
        router.post(f"{_SALES}/import", openapi_extra=IMPORT, summary="Import a file")(self.import_file)
        router.get(f"{_SALES}/import/template", openapi_extra=TEMPLATE, summary="An empty file")(self.template)
        router.get(_SALES, openapi_extra=FIND, summary="Find sales by order number")(self.find)
        router.get(f"{_SALES}/{{id}}", openapi_extra=SHOW, summary="What became of a sale")(self.show)
        return router

    async def publish(self, request: Request) -> Response:
        """Take in one CloudEvent, or a batch of at most 1,000 with a result for each."""
        publisher = self._who(request)
        kind = media_type(request)
        check_charset(request)
        with _span(f"POST {_SALES}", request) as span:
            if kind == BATCH:
                return await self._batch(request, publisher, span)
            submission = await _one(request, kind)
            return _accepted(await self.door.take(submission, publisher, Origin(span.traceparent)))

    async def _batch(self, request: Request, publisher: Publisher, span: SpanHandle) -> Response:
        events = await asyncio.to_thread(cloudevents.json_value, await body.read(request, body.BULK_LIMIT))
        if not isinstance(events, list):
            raise Problem(problems.NOT_A_CLOUDEVENT, fault("body", "not_an_array"))
        items = await self.door.take_batch(events, publisher, Origin(span.traceparent, alone=False))
        return JSONResponse({"results": [_result(item) for item in items]})

    async def import_file(
        self, request: Request, dated: Literal["today"] | None = None, filename: str = ""
    ) -> Response:
        """Take in a dealer's file. With `Accept: application/x-ndjson` it tells how far it is, line by line.

        A file has 50,000 rows at most; after 1,000 refused rows it is given up. `stopped` tells where.
        """
        publisher = self._who(request)
        day = self.door.ledger.clock.today() if dated else None
        if LINES in request.headers.get("accept", ""):
            return await self._import_by_lines(request, publisher, filename, day)
        async with self._files:
            with _span(f"POST {_SALES}/import", request) as span:
                work = await self._import(request, publisher, filename, day, span)
                report = Report(work)
                async for progress in work.run():
                    report.add(progress)
        return JSONResponse(report.told())

    async def _import_by_lines(
        self, request: Request, publisher: Publisher, filename: str, day: date | None
    ) -> Response:
        # Held until the last line is out; the first rows are stored before we answer, so that a file or a store
        # that fails as a whole still gets its own status.
        await self._files.acquire()
        try:
            with _span(f"POST {_SALES}/import", request) as span:
                work = await self._import(request, publisher, filename, day, span)
                steps = work.run()
                first = await anext(steps, None)
        except BaseException:
            self._files.release()
            raise
        return _Lines(_told_by_lines(work, first, steps), self._files)

    async def _import(
        self, request: Request, publisher: Publisher, filename: str, day: date | None, span: SpanHandle
    ) -> Import:
        upload = await uploads.receive(request, filename)
        file = await asyncio.to_thread(uploads.opened, upload)
        origin = Origin(span.traceparent, alone=False)
        return Import(self.door.store, self.door.ledger, publisher, file, day, origin, request.is_disconnected)

    async def template(self, request: Request) -> Response:
        """An empty file with the headings of all columns, as Excel opens it."""
        self._who(request)
        return Response(template(), media_type="text/csv; charset=utf-8", headers=_TO_BE_SAVED)

    async def show(self, request: Request, id: str) -> Response:  # noqa: A002 - the name in the path
        """What became of a sale, a correction or a cancellation that was acknowledged to this publisher."""
        publisher = self._who(request)
        sale = await self.door.store.read(lambda connection: states.one(connection, publisher.name, id))
        if sale is None:
            raise Problem(problems.NOT_FOUND)
        return JSONResponse(sale)

    async def find(self, request: Request, order_no: str) -> Response:
        """The publisher's sales with an order number."""
        publisher = self._who(request)
        sales = await self.door.store.read(lambda connection: states.by_order(connection, publisher.name, order_no))
        return JSONResponse({"sales": sales})

    def _who(self, request: Request) -> Publisher:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token.strip():
            fix = "Authorization: Bearer <令牌 / token>"
            raise Problem(problems.UNAUTHENTICATED, fix=fix, headers={"WWW-Authenticate": _REALM})
        publisher = self.publishers.by_token(token.strip()) if scheme.lower() == "bearer" else None
        if publisher is None:
            headers = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
            raise Problem(problems.UNAUTHENTICATED, headers=headers)
        return publisher


class _Lines(StreamingResponse):
    """JSON lines, and the place among the files that is given back once they are out, or the client is gone.

    Given back here and not by the generator, which never runs at all for a client that left in time.
    """

    def __init__(self, lines: AsyncIterator[bytes], place: asyncio.Semaphore) -> None:
        super().__init__(lines, media_type=LINES)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.release()


@dataclass(slots=True)
class Counts:
    """How many rows of an import came in and did not, and how its file was read."""

    work: Import
    accepted: int = 0
    replayed: int = 0
    refused: int = 0

    def add(self, progress: Progress) -> None:
        """Count some rows."""
        self.refused += len(progress.refused)
        self.accepted += sum(each.status == "accepted" for _, each in progress.acknowledged)
        self.replayed += sum(each.status == "replayed" for _, each in progress.acknowledged)

    def told(self) -> dict[str, Any]:
        """`stopped` says where and why the file was not read to its end, if it was not."""
        return {
            "accepted": self.accepted,
            "replayed": self.replayed,
            "refused": self.refused,
            "format": self.work.file.format,
            "encoding": self.work.file.encoding,
            "unknown_columns": list(self.work.file.unknown),
            "stopped": self.work.stopped.told() if self.work.stopped else None,
        }


@dataclass(slots=True)
class Report(Counts):
    """An import, told at its end: `rows` are the refused ones, `sales` the others."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    sales: list[dict[str, Any]] = field(default_factory=list)

    def add(self, progress: Progress) -> None:
        """Count some rows, and keep what is told of them."""
        Counts.add(self, progress)
        self.rows += [each.told() for each in progress.refused]
        self.sales += [{"line": line, "id": each.id, "status": each.status} for line, each in progress.acknowledged]

    def told(self) -> dict[str, Any]:
        """All of it."""
        return Counts.told(self) | {"rows": self.rows, "sales": self.sales}


class Routed(Protocol):
    """Something with routes."""

    def router(self) -> APIRouter:
        """All of them."""
        ...


def application(*routed: Routed) -> FastAPI:
    """The application with its routes and its refusals."""
    app = FastAPI(title="通车 / Tongche: intake", version="1", docs_url=None, redoc_url=None)
    for each in routed:
        app.include_router(each.router())
    for kind, handler in _HANDLERS:
        app.add_exception_handler(kind, handler)
    return app


async def _one(request: Request, kind: str) -> Submission:
    if kind == EVENT:
        content = await body.read(request, body.EVENT_LIMIT)
        return cloudevents.structured(await asyncio.to_thread(cloudevents.json_value, content))
    if kind == DATA and any(name.startswith("ce-") for name in request.headers):
        return cloudevents.binary(request.headers.items(), await body.read(request, body.EVENT_LIMIT))
    fix = (
        f"Content-Type: {EVENT} | {BATCH}；或 {DATA} 加 ce-specversion、ce-id、ce-source、ce-type 头"
        f" / or {DATA} with the headers ce-specversion, ce-id, ce-source, ce-type"
    )
    raise Problem(problems.WRONG_MEDIA_TYPE, fault("Content-Type", "not_a_cloudevent"), fix=fix)


def _accepted(done: Acknowledged) -> Response:
    url = f"{_SALES}/{done.id}"
    answer = {"id": done.id, "case_id": done.case_id, "status_url": url, "code": done.code}
    return JSONResponse(answer, status_code=202, headers={"Location": url})


def _result(item: Item) -> dict[str, Any]:
    if isinstance(item.outcome, Problem):
        return {"id": item.sourceid, **item.outcome.document()}
    done = item.outcome
    location = f"{_SALES}/{done.id}"
    return {"id": item.sourceid, "status": 202, "sale_id": done.id, "location": location, "code": done.code}


async def _told_by_lines(work: Import, first: Progress | None, steps: AsyncIterator[Progress]) -> AsyncIterator[bytes]:
    counts = Counts(work)
    try:
        if first is not None:
            counts.add(first)
            yield _line(_rows(first, work.file))
        async for progress in steps:
            counts.add(progress)
            yield _line(_rows(progress, work.file))
    except StoreUnavailable:
        # The status line is out; the last line says it instead, and what was told before stays true.
        yield _line({"event": "problem", **unavailable().document()})
    except ClientDisconnect:
        # Nobody is there to be told; what was taken in stays, and the same file again takes in the rest.
        return
    else:
        yield _line({"event": "end", **counts.told()})


def _rows(progress: Progress, file: File) -> dict[str, Any]:
    return {
        "event": "rows",
        "line": progress.line,
        "lines": file.lines,
        "acknowledged": [
            {
                "line": line,
                "id": each.id,
                "source": each.source,
                "sourceid": each.sourceid,
                "vin": each.vin,
                "status": each.status,
            }
            for line, each in progress.acknowledged
        ],
        "refused": [each.told() for each in progress.refused],
    }


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


@contextmanager
def _span(name: str, request: Request) -> Iterator[SpanHandle]:
    with tracing.span(name, "server", parent=request.headers.get("traceparent", "")) as span:
        try:
            yield span
        except Problem as problem:
            span.fail(problem.kind.name)
            raise


async def _refusal(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101 - registered for this class only
    return problem.response()


async def _starlette(_request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, HTTPException)  # noqa: S101 - registered for this class only
    kind = {404: problems.NOT_FOUND, 405: problems.WRONG_METHOD, 401: problems.UNAUTHENTICATED}.get(
        wrong.status_code, problems.BAD_REQUEST
    )
    return Problem(kind, headers=wrong.headers).response()


async def _invalid(_request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, RequestValidationError)  # noqa: S101 - registered for this class only
    faults = [fault(".".join(map(str, error["loc"][1:])) or "request", error["type"]) for error in wrong.errors()]
    return Problem(problems.BAD_REQUEST, *faults).response()


async def _no_store(_request: Request, _wrong: Exception) -> Response:
    return unavailable().response()


async def _gone(_request: Request, _wrong: Exception) -> Response:
    return Problem(problems.BAD_REQUEST).response()


async def _broken(_request: Request, _wrong: Exception) -> Response:
    return Problem(problems.BROKEN).response()


_HANDLERS: Final = (
    (Problem, _refusal),
    (HTTPException, _starlette),
    (RequestValidationError, _invalid),
    (StoreUnavailable, _no_store),
    (OperationalError, _no_store),
    (ClientDisconnect, _gone),
    (Exception, _broken),
)
