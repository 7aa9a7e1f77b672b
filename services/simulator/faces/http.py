"""The agencies' doors over HTTP: a request goes through what may go wrong with it, whatever its style."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Never

from aiohttp import web

from services.simulator.faces.face import Face, Letter, Unread, Written
from services.simulator.mishaps import Fate, Mishap, Mishaps
from services.simulator.world import Asked, Outcome, Unknown, World

LONGEST: Final = 10 * 1024**3
"""Bytes of an answer without end."""
_BLOCK: Final = 65_536
_UNANSWERED: Final = 0
"""The status in the list of requests where no answer was sent."""
_SERVER_ERROR: Final = Written(
    500, b"<html><body><h1>500 Internal Server Error</h1></body></html>", {"Content-Type": "text/html"}
)
_THROTTLED: Final = Written(429, b"", {"Retry-After": "1"})


@dataclass(slots=True)
class HttpDoors:
    """One door an organisation, by its face."""

    mishaps: Mishaps
    faces: Mapping[str, Face]
    _last: dict[str, Written] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.mishaps.world

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to `/{organisation}/{path}`."""
        organisation = request.match_info["organisation"]
        face = self.faces.get(organisation)
        if face is None:
            return web.json_response({"error": "unknown organisation"}, status=404)
        fate = self.mishaps.fate(organisation)
        return await _Call(self, request, face, fate, await _letter(request)).answered()

    def previous(self, organisation: str, written: Written) -> Written:
        """The answer before this one, which takes its place for the next time."""
        before = self._last.get(organisation, written)
        self._last[organisation] = written
        return before


async def _letter(request: web.Request) -> Letter:
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = "/" + request.match_info["path"]
    return Letter(request.match_info["organisation"], request.method, path, headers, await request.read())


@dataclass(slots=True)
class _Call:
    """One request at one organisation's door."""

    doors: HttpDoors
    request: web.Request
    face: Face
    fate: Fate
    letter: Letter
    asked: Asked = field(init=False)
    refused: Written | None = None
    is_listed: bool = False

    def __post_init__(self) -> None:
        """Read it, for even what is not answered is listed with its key."""
        try:
            self.asked = self.face.asked(self.letter)
        except Unread as no:
            self.asked = Asked(self.letter.organisation, self.letter.path, "", None)
            self.refused = no.written

    async def answered(self) -> web.StreamResponse:
        """Go through what may go wrong before, then the agency, then what may go wrong after."""
        try:
            return await self._course()
        except asyncio.CancelledError:
            if not self.is_listed:
                self.doors.world.left(self.asked)
            raise

    async def _course(self) -> web.StreamResponse:
        early = await self.fate.before()
        if early is not None:
            return await self._spoilt(early, _SERVER_ERROR)
        if self.refused is not None:
            return self._respond(self.refused)
        try:
            outcome = await self.face.outcome(self.asked)
        except Unknown:
            return self._respond(self._written(404, {"error": "unknown service"}))
        return await self._after(outcome)

    async def _after(self, outcome: Outcome) -> web.StreamResponse:
        written = self.face.written(self.asked, outcome)
        before = self.doors.previous(self.asked.organisation, written)
        late = await self.fate.after(outcome)
        return self._respond(written) if late is None else await self._spoilt(late, before)

    async def _spoilt(self, mishap: Mishap, before: Written) -> web.StreamResponse:
        if mishap in {Mishap.CUT, Mishap.HANG}:
            return await self._unanswered(mishap)
        if mishap is Mishap.ENDLESS:
            return await self._endless()
        return self._respond(self._instead(mishap, before), mishap)

    def _instead(self, mishap: Mishap, before: Written) -> Written:
        if mishap is Mishap.BUSY:
            return self._busy()
        odd = self.face.oddities
        return {
            Mishap.THROTTLED: _THROTTLED,
            Mishap.ERROR: _SERVER_ERROR,
            Mishap.GARBAGE: Written(200, odd.garbage),
            Mishap.WRONG_SCHEMA: Written(200, odd.wrong_schema),
            Mishap.DUPLICATE: before,
        }[mishap]

    def _busy(self) -> Written:
        """That it is down, in the agency's own words: every one has a code for it."""
        tongue = self.doors.world.country.agencies[self.asked.organisation].tongue
        _, answer = tongue.refusal(next(code for code in tongue.words if code.endswith("503")))
        pause = self.fate.faults.retry_after_s
        return self._written(503, answer, {} if pause is None else {"Retry-After": str(pause)})

    def _written(self, status: int, said: dict[str, str], headers: Mapping[str, str] | None = None) -> Written:
        operation = self.doors.world.operation(self.asked)
        return self.face.written(self.asked, Outcome(status, said, operation, headers or {}))

    def _respond(self, written: Written, mishap: Mishap | None = None) -> web.Response:
        self._note(written.status, mishap)
        headers = {"Content-Type": self.face.oddities.content_type} | _titled(written.headers)
        return web.Response(status=written.status, body=written.raw, headers=headers)

    async def _endless(self) -> web.StreamResponse:
        """So much before an answer that nobody will see."""
        self._note(200, Mishap.ENDLESS)
        odd = self.face.oddities
        answer = web.StreamResponse(headers={"Content-Type": odd.content_type})
        await answer.prepare(self.request)
        block = odd.filler * (_BLOCK // len(odd.filler))
        await answer.write(odd.opening + block)
        for _ in range(LONGEST // len(block)):
            await answer.write(block)
        return answer

    async def _unanswered(self, mishap: Mishap) -> Never:
        self._note(_UNANSWERED, mishap)
        if mishap is Mishap.CUT and self.request.transport is not None:
            self.request.transport.abort()
        await _forever()

    def _note(self, status: int, mishap: Mishap | None) -> None:
        self.is_listed = True
        told = self.letter.headers.get("traceparent")
        self.doors.world.note(self.asked, status, told, mishap.value if mishap else None)


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    """One spelling for each header, so that a later one replaces an earlier."""
    return {name.title(): value for name, value in headers.items()}


async def _forever() -> Never:
    """Until the caller gives up: its going cancels us."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
