"""The door for answers that an organisation brings of its own accord, late, twice, or before we expect them.

An answer is proved by the organisation's seal, kept durably, and only then acknowledged. What it is the answer to, it
says itself, by the key under which the command was sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from adapters import replies
from adapters.spec import UNREADABLE as NO_MESSAGE
from adapters.spec import Adapter, Reply
from observability import logs, metrics, tracing

from . import door
from .callback_openapi import BRING, RESPONSES
from .calls import Agency
from .door import NO_ORGANISATION, OTHER_CONTENT, UNREADABLE, No, NotTaken, body, digest, fault
from .mailbox import Answer, Mailbox
from .notifiers import UnreadableNotifiersError
from .refusals import UNREAD, Refusals
from .seals.seal import Forged

PATH: Final = "/v1/organisations/{organisation}/callbacks"
LARGEST: Final = 256 * 1024
"""Bytes of a body."""
_NOT_PROVED: Final = No(
    401,
    "unauthenticated",
    "签名缺失或无效：请核对签名覆盖整个报文、签后未改，所用证书为地址中这一机构在我方登记的、在有效期内",
    "the signature is missing, or proves nothing: check that it covers the whole message, which nothing changed "
    "afterwards, and that its certificate is in its time and the one that we know as that of the organisation in the "
    "address",
)
_CANNOT_TELL: Final = No(503, "unavailable", "暂时无法核对签名，未受理", "signatures cannot be checked now")
_ABOUT_NOTHING: Final = No(422, "contract", "未说明所答复的业务", "it does not say what it answers")
_NO_ANSWER: Final = No(
    422, "contract", "不是该机构对我方任一请求的答复", "nothing that we ask of this organisation is answered so"
)
_KEY: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.r[1-9][0-9]{0,5})?")
"""As every key of ours is written: an id of ours, which is a UUIDv7, and an edition.

It is shown to people, so nothing else may stand there: no VIN, nobody's name. Whether we ever sent that key nobody can
tell here: a call is not written down before it is made, and its answer may be faster than all that is known of it.
"""


@dataclass(frozen=True, slots=True)
class CallbackDoor:
    """Takes answers in. `agencies` are those that call back, by their organisations' ids."""

    mailbox: Mailbox
    refusals: Refusals
    agencies: Mapping[str, Agency]

    def route(self, app: FastAPI) -> None:
        """Give it its address."""
        post = app.post(
            PATH,
            status_code=HTTPStatus.ACCEPTED,
            response_class=Response,
            openapi_extra=BRING,
            responses=RESPONSES,
            summary="Bring an answer",
        )
        post(self.take)

    async def take(self, request: Request, organisation: str) -> Response:
        """Take one answer in: 202 once it is durable, and again for the same again."""
        with tracing.span(f"POST {PATH}", "server", parent=request.headers.get("traceparent", "")) as span:
            try:
                await self._take(self._agency(organisation), request)
            except NotTaken as no:
                span.fail(no.no.code)
                raise
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def _take(self, agency: Agency, request: Request) -> None:
        try:
            raw, reply = await self._opened(agency, request)
        except NotTaken as no:
            # Of organisations that there are alone: anybody can write any name into an address.
            metrics.count("tongche_callbacks_total", organisation=agency.organisation.id, result="refused")
            if no.no is not _CANNOT_TELL:
                self.refusals.note(agency.organisation.id, _why(no))
            raise
        if reply.status != HTTPStatus.ACCEPTED:
            await self._keep(agency, raw, reply)

    def _agency(self, organisation: str) -> Agency:
        agency = self.agencies.get(organisation)
        if agency is None:
            raise NotTaken(NO_ORGANISATION)
        return agency

    async def _opened(self, agency: Agency, request: Request) -> tuple[bytes, Reply]:
        """What the organisation has sealed, as bytes and as read. Raises `NotTaken`."""
        came = await body(request, LARGEST)
        try:
            # Not on the loop that all organisations share: a signature takes milliseconds.
            raw = await asyncio.to_thread(agency.sealing.opened, request.headers, came)
        except UnreadableNotifiersError as problem:
            logs.get().error("notifiers.unreadable", problem=str(problem))
            raise NotTaken(_CANNOT_TELL) from None
        except Forged as forged:
            logs.get().warning("callback_forged", organisation=agency.organisation.id, reason=str(forged))
            raise NotTaken(_NOT_PROVED) from forged
        reply = agency.adapter.binding.read(HTTPStatus.OK, {}, raw)
        if reply.body is NO_MESSAGE:
            raise NotTaken(UNREADABLE, fault("body", "not_a_message"))
        if not replies.is_from(reply, agency.organisation.id):
            raise NotTaken(_NO_ANSWER, fault("sender", "another"))
        if not replies.is_known(agency.adapter, reply):
            raise NotTaken(_NO_ANSWER, fault("definition", "unknown"))
        if not reply.about:
            raise NotTaken(_ABOUT_NOTHING, fault("about", "missing"))
        if _KEY.fullmatch(reply.about) is None:
            raise NotTaken(_ABOUT_NOTHING, fault("about", "no_key_of_ours"))
        return raw, reply

    async def _keep(self, agency: Agency, raw: bytes, reply: Reply) -> None:
        organisation, key = agency.organisation.id, str(reply.about)
        answer = Answer(_digest(reply), raw, replies.decides(agency.adapter, reply))
        came = await self.mailbox.put(organisation, key, answer, partial(_decided, agency.adapter))
        metrics.count("tongche_callbacks_total", organisation=organisation, result=came)
        if came == "new" and replies.is_broken(agency.adapter, reply):
            # It is heard, and the command sent again; but who brought it believes that he answered.
            self.refusals.note(organisation, UNREAD)
        if came == "another":
            logs.get().error("callback_contradicts", organisation=organisation, delivery=key)
            raise NotTaken(OTHER_CONTENT, fault("about", "answered_otherwise_before"))


def _why(no: NotTaken) -> str:
    """Why it was refused, in a word of ours."""
    if isinstance(no.__cause__, Forged):
        return str(no.__cause__).partition(":")[0]
    return ", ".join(f"{one.field}:{one.reason}" for one in no.faults) or no.no.code


def described() -> dict[str, Any]:
    """This door in OpenAPI 3.1."""
    return door.described("call-backs", CallbackDoor.__new__(CallbackDoor))


def _decided(adapter: Adapter, kept: bytes) -> bool:
    return replies.decides(adapter, adapter.binding.read(HTTPStatus.OK, {}, kept))


def _digest(reply: Reply) -> str:
    """Of what is said, not of the message around it, which has an id and a moment of its own each time."""
    return digest([reply.status, reply.body])
