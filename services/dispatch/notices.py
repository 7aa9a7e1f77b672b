"""The door for what an organisation tells of its own accord: a loan is settled, a mortgage is off the record.

A notice is stored with the message that it becomes in one transaction, then acknowledged; the same id again gets the
same answer and nothing more. Nobody asked for it, so no case is known here: its `subject` is the vehicle's Kafka key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import StringConstraints
from sqlalchemy import Connection, select

from contracts.contract import Contract
from contracts.faults import faults_of
from contracts.keys import vehicle_key
from contracts.registry import UnknownType, resolve
from contracts.sale import Fault
from contracts.topics import NOTICES
from contracts.versions import Versions
from observability import logs, tracing
from services.runtime import outbox, strict_json
from services.runtime.clock import Clock
from services.runtime.sql import insert_once
from services.runtime.store import Store

from . import door
from .door import (
    NO_ORGANISATION,
    NOT_VALID,
    OTHER_CONTENT,
    UNREADABLE,
    No,
    NotTaken,
    body,
    digest,
    fault,
)
from .notice_openapi import GIVE, RESPONSES
from .notifiers import Notifiers, UnreadableNotifiersError
from .tables import notices
from .voice import Voice

PATH: Final = "/v1/organisations/{organisation}/notices"
LARGEST: Final = 64 * 1024
"""Bytes of a body; a notice has a handful of short fields."""
_REALM: Final = 'Bearer realm="tongche notices"'


UNAUTHENTICATED: Final = No(
    401,
    "unauthenticated",
    "缺少令牌或令牌无效：请核对请求头 Authorization: Bearer，须为发给地址中这一机构、尚未作废的令牌",
    "the token is missing or not valid: check the header Authorization: Bearer; it takes the token that was issued to "
    "the organisation in the address, and was not retired",
)
NOT_ENTITLED: Final = No(403, "not-entitled", "无权作此通知", "not entitled to give this notice")
CANNOT_TELL: Final = No(
    503, "unavailable", "暂时无法核对令牌，未受理", "tokens cannot be checked; nothing was taken in"
)


class Notice(Contract):
    """What an organisation posts: its own id for it, the type of a contract, and that contract's data."""

    id: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Examined:
    """A notice that keeps its contract. `content` tells whether another one says the same."""

    id: str
    event: Contract
    vin: str
    content: str


@dataclass(frozen=True, slots=True)
class NoticeDoor:
    """Takes notices in. `voices` are the organisations' by their ids."""

    store: Store
    clock: Clock
    ids: Callable[[], str]
    key_secret: bytes = field(repr=False)
    notifiers: Notifiers
    voices: Mapping[str, Voice]

    def route(self, app: FastAPI) -> None:
        """Give it its address."""
        # For the description only: who it is, `_who` decides.
        bearer = Depends(HTTPBearer(scheme_name="organisation", auto_error=False))
        post = app.post(
            PATH,
            status_code=202,
            dependencies=[bearer],
            openapi_extra=GIVE,
            responses=RESPONSES,
            summary="Give notice",
        )
        post(self.take)

    async def take(self, request: Request, organisation: str) -> JSONResponse:
        """Take one notice in: 202 once it is durable, and the same answer to the same again."""
        with tracing.span(f"POST {PATH}", "server", parent=request.headers.get("traceparent", "")) as span:
            try:
                voice = await self._voice(request, organisation)
                notice = examined(await body(request, LARGEST), voice.organisation.agency)
                id_ = await self.store.run(lambda connection: self._keep(connection, voice, notice, span.traceparent))
            except NotTaken as no:
                span.fail(no.no.code)
                raise
        return JSONResponse({"id": id_}, 202)

    async def _voice(self, request: Request, organisation: str) -> Voice:
        teller = await self._who(request)
        voice = self.voices.get(organisation)
        if voice is None:
            raise NotTaken(NO_ORGANISATION)
        if teller != organisation:
            raise NotTaken(NOT_ENTITLED, _denied("organisation"))
        return voice

    async def _who(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotTaken(UNAUTHENTICATED, WWW_Authenticate=_REALM)
        try:
            teller = await self.notifiers.by_token(token.strip())
        except UnreadableNotifiersError as problem:
            logs.get().error("notifiers.unreadable", problem=str(problem))
            raise NotTaken(CANNOT_TELL) from None
        if teller is None:
            raise NotTaken(UNAUTHENTICATED, WWW_Authenticate=f'{_REALM}, error="invalid_token"')
        return teller

    def _keep(self, connection: Connection, voice: Voice, notice: Examined, traceparent: str) -> str:
        """One transaction: that it came, and what is to be said of it. The id under which it is, or was, said."""
        id_, organisation = self.ids(), voice.organisation.id
        told = {"organisation": organisation, "sourceid": notice.id, "id": id_, "content": notice.content}
        if insert_once(connection, notices, told | {"at": self.clock.now().timestamp()}):
            self._say(connection, voice, notice, id_, traceparent)
            return id_
        same = (notices.c.organisation == organisation) & (notices.c.sourceid == notice.id)
        known = connection.execute(select(notices.c.id, notices.c.content).where(same)).one()
        if known.content != notice.content:
            raise NotTaken(OTHER_CONTENT, fault("id", "used_for_other_content"))
        return str(known.id)

    def _say(self, connection: Connection, voice: Voice, notice: Examined, id_: str, traceparent: str) -> None:
        key = vehicle_key(self.key_secret, notice.vin)
        with tracing.span(f"send {voice.events}", "producer", parent=traceparent) as span:
            told = voice.noticed(key, notice.event, id_=id_, sourceid=notice.id, traceparent=span.traceparent)
            outbox.add_outgoing(connection, told)


def described() -> dict[str, Any]:
    """This door in OpenAPI 3.1."""
    return door.described("notices", NoticeDoor.__new__(NoticeDoor))


def examined(raw: bytes, agency: str) -> Examined:
    """Check everything at once. Raises `NotTaken` with every fault."""
    wanted = _object(raw)
    notice, faults = faults_of(Notice, wanted)
    versions, number = _version(wanted.get("type"))
    if versions is None:
        unknown = () if any(fault.field == "type" for fault in faults) else (fault("type", "unknown_type"),)
        raise NotTaken(NOT_VALID, *faults, *unknown)
    if versions.owner != agency:
        raise NotTaken(NOT_ENTITLED, _denied("type"))
    data = wanted.get("data")
    event, more = faults_of(versions.model(number), data) if isinstance(data, dict) else (None, ())
    if notice is None or event is None:
        within = (fault.model_copy(update={"field": f"data.{fault.field}"}) for fault in more)
        raise NotTaken(NOT_VALID, *faults, *within)
    # Every notice is about one vehicle; a test walks the table.
    return Examined(notice.id, event, str(vars(event)["vin"]), _digest(notice))


def _digest(notice: Notice) -> str:
    """Of what was sent, not of what we read: that grows with its contract, and the same notice must stay the same."""
    return digest([notice.type, notice.data])


def _version(type_: object) -> tuple[Versions | None, int]:
    try:
        versions, number = resolve(type_ if isinstance(type_, str) else "")
    except UnknownType:
        return None, 0
    return (versions, number) if versions.name in NOTICES else (None, 0)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        told = strict_json.loads(raw)
    except strict_json.UnreadableJson as wrong:
        if wrong.reason == "lone_surrogate":
            # JSON can write half a character, and no text has one.
            raise NotTaken(NOT_VALID, fault("data", "string_unicode")) from None
        raise NotTaken(UNREADABLE, fault("body", "not_json")) from None
    if not isinstance(told, dict):
        raise NotTaken(NOT_VALID, fault("body", "not_an_object"))
    return told


def _denied(name: str) -> Fault:
    return Fault(code="A403", field=name, reason="not_entitled")
