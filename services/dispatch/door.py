"""What both doors of dispatch have in common: how a body is read, and how they say no."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from contracts.sale import Fault
from services.runtime import problems


@dataclass(frozen=True, slots=True)
class No:
    """One kind of refusal; `code` is the end of its type URN and stays what it is for ever."""

    status: int
    code: str
    zh: str
    en: str


UNREADABLE: Final = No(400, "unreadable", "无法读取所提交的内容", "cannot be read")
NO_ORGANISATION: Final = No(404, "no-organisation", "没有这个机构", "no such organisation")
OTHER_CONTENT: Final = No(422, "idempotency-conflict", "编号已用于不同内容", "the id was used for other content")
TOO_LARGE: Final = No(413, "too-large", "内容过大", "too large")
NOT_VALID: Final = No(422, "contract", "内容不符合契约", "the notice does not keep its contract")


HEARD_OUT: Final = 8 * 1024 * 1024
"""Bytes of a body that is too large are let come, and forgotten, so that who sends it hears why; more are cut off."""


class NotTaken(Exception):
    """What was brought was refused; faults name fields, never values."""

    def __init__(self, no: No, *faults: Fault, **headers: str) -> None:
        super().__init__(no.code)
        self.no = no
        self.faults = faults
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> JSONResponse:
        """The problem document."""
        told = [fault.model_dump(exclude_none=True) for fault in self.faults]
        members = {"faults": told} if told else {}
        detail = problems.both(self.no.zh, self.no.en)
        return problems.answer(self.no.status, self.no.code, headers=self.headers, detail=detail, **members)


class Door(Protocol):
    """Something that organisations can bring to us over HTTP."""

    def route(self, app: FastAPI) -> None:
        """Give it its address in an application; what it cannot take it refuses by `NotTaken`."""


def install(app: FastAPI, *doors: Door) -> None:
    """Open doors in an application, which says no in their words."""
    app.exception_handler(NotTaken)(_refused)
    for door in doors:
        door.route(app)


def described(title: str, door: Door) -> dict[str, Any]:
    """One door in OpenAPI 3.1, by itself: its route is looked at and never asked."""
    app = FastAPI(title=f"通车 / Tongche: {title}", version="1", docs_url=None, redoc_url=None)
    install(app, door)
    return app.openapi()


async def body(request: Request, largest: int) -> bytes:
    """At most so many bytes, and never more of them in memory. Raises `NotTaken`."""
    read, came = bytearray(), 0
    try:
        async for chunk in request.stream():
            came += len(chunk)
            if came > HEARD_OUT:
                break
            if came <= largest:
                read += chunk
    except ClientDisconnect:
        # Nobody is there to hear it.
        raise NotTaken(UNREADABLE) from None
    if came > largest:
        raise NotTaken(TOO_LARGE, fault("body", f"over_{largest}_bytes"))
    return bytes(read)


def digest(said: Any) -> str:
    """By which it is told whether the same id says the same again. What is stored is compared: it stays as it is."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def fault(name: str, reason: str) -> Fault:
    """What is wrong with one field."""
    return Fault(code="V102", field=name, reason=reason)


async def _refused(_: Request, no: Exception) -> JSONResponse:
    assert isinstance(no, NotTaken)  # noqa: S101 - registered for this class only
    return no.response()
