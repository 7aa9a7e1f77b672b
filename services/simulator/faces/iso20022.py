"""Banks: business messages after ISO 20022, signed both ways, whose answers are called back.

Modelled on the public descriptions of ISO 20022 and on what banks do with messages that take time: a receipt at once,
the decision as a message of its own to the address of who asked, again and again until that has it, or has refused it
for good. Definitions and namespaces are ours. What is called back is the answer that the book keeps, so that it is the
same each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from http import HTTPStatus
from io import BytesIO
from itertools import chain, repeat
from typing import Final, NoReturn

import aiohttp
from lxml import etree

from contracts.types import instant_text
from observability import logs
from services.runtime.identities import Identities, ours
from services.runtime.ids import new_id
from services.simulator.country import code_of
from services.simulator.faces import business, loans
from services.simulator.faces.business import Header, NoMessage, NotSealed
from services.simulator.faces.face import Letter, Oddities, Premises, Unread, Written
from services.simulator.faces.rest import Rest
from services.simulator.inbox import Taken
from services.simulator.mishaps import Mishap
from services.simulator.world import Asked, Outcome, Unknown

PATH: Final = "/messages"
COUNTER: Final = "/auto-loans/settlements"
"""Where borrowers pay back: people stand there, and no interface of ours is asked for it."""
_HEADERS: Final = {"Content-Type": "application/xml; charset=utf-8"}
_ODDITIES: Final = Oddities(
    _HEADERS["Content-Type"],
    garbage=b"<BizMsg><AppHdr>\xff\xfe<Document></BizMsg",
    wrong_schema=b'<?xml version="1.0"?><Wthr xmlns="urn:weather"><Temp>21</Temp></Wthr>',
    opening=b'<?xml version="1.0"?><BizMsg xmlns="urn:tongche:simulated:banks">',
)
_DECIDES_S: Final = 0.1
"""So long a bank thinks."""
_PAUSES_S: Final = (0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)
"""Before each next call-back; the last one repeats."""
_TIMEOUT_S: Final = 10.0
_UNHEARD: Final = 0
"""The status where nobody answered, or where what was brought decides nothing."""
_MAY_PASS: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals of a moment, and not of what was brought."""
_TOO_LARGE: Final = 1024 * 1024
_KEYS_NO: Final = {"respCode": "B0400", "respMsg": "报文有误"}
_SEALS_NO: Final = {"respCode": "B0401", "respMsg": "签名无效"}
_OUR_CODE: Final = "91310115MATNGCHE3G"


@dataclass
class Iso20022:
    """All banks. Call it as every face; `run` calls back."""

    premises: Premises
    oddities: Oddities = _ODDITIES
    _calling: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _last: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def _counter(self) -> Rest:
        return Rest(self.premises.world)

    @cached_property
    def _identities(self) -> Identities:
        return Identities(self.premises.settings)

    # -- what comes in

    def asked(self, letter: Letter) -> Asked:
        if letter.path == COUNTER:
            return self._counter.asked(letter)
        if letter.path != PATH:
            raise Unread(Written(HTTPStatus.NOT_FOUND, b"", _HEADERS))
        if letter.method != "POST":
            raise Unread(Written(HTTPStatus.METHOD_NOT_ALLOWED, b"", {"Allow": "POST"}))
        try:
            came = business.message(self._opened(business.parsed(letter.raw)))
        except NoMessage:
            self._refuse(letter, HTTPStatus.BAD_REQUEST, _KEYS_NO)
        except NotSealed:
            self._refuse(letter, HTTPStatus.UNAUTHORIZED, _SEALS_NO)
        header, wanted = came.header, loans.DEFINITIONS.get(came.header.definition)
        if wanted is None or header.receiver != code_of(letter.organisation):
            self._refuse(letter, HTTPStatus.BAD_REQUEST, _KEYS_NO, header.key)
        return Asked(letter.organisation, wanted.path, header.key, wanted.heard(came.document))

    def _opened(self, root: etree._Element) -> etree._Element:
        """What we have sealed, with any of our keys that counts at the moment. Raises `NotSealed`."""
        for one in ours(self._identities):
            with suppress(NotSealed):
                return business.opened(root, one.certificate)
        raise NotSealed

    def _refuse(self, letter: Letter, status: HTTPStatus, no: dict[str, str], key: str = "") -> NoReturn:
        asked = Asked(letter.organisation, letter.path, key, None)
        raise Unread(self.written(asked, Outcome(status, no, "")))

    async def outcome(self, asked: Asked) -> Outcome:
        if asked.path == COUNTER:
            return await self._counter.outcome(asked)
        inbox, world = self.premises.inbox, self.premises.world
        operation = world.operation(asked)
        if not asked.key:
            return Outcome(HTTPStatus.BAD_REQUEST, _KEYS_NO, operation)
        if world.foretold(asked) not in {None, HTTPStatus.OK}:
            # Only answers are called back. What was recorded with another status was said at once.
            return await world.handle(asked.organisation, asked.path, asked.key, asked.body)
        fresh = inbox.find(asked.organisation, asked.key) is None
        taken = await inbox.take(asked)
        if taken is None:
            no = {"respCode": "IDEMPOTENCY", "respMsg": "同一报文标识的内容不同"}
            return Outcome(HTTPStatus.UNPROCESSABLE_ENTITY, no, operation)
        if not fresh:
            # Whoever asks again has not got the answer: it is called back again.
            await inbox.reopen(taken)
        self._news.set()
        return Outcome(HTTPStatus.ACCEPTED, {}, operation, fresh=fresh)

    def written(self, asked: Asked, outcome: Outcome) -> Written:
        if asked.path == COUNTER:
            return self._counter.written(asked, outcome)
        if isinstance(outcome.said, bytes):
            return Written(outcome.status, outcome.said, {**_HEADERS, **outcome.headers})
        message = self._message(asked, outcome)
        if outcome.status == HTTPStatus.ACCEPTED:
            # A receipt decides nothing: it goes unsealed.
            raw = business.plain(message)
        else:
            raw = business.sealed(message, self._identities[asked.organisation])
        return Written(outcome.status, raw, {**_HEADERS, **outcome.headers})

    def _message(self, asked: Asked, outcome: Outcome) -> etree._Element:
        """An outcome as a message. Raises `NoMessage` where it is recorded as something that is none."""
        if isinstance(outcome.said, bytes):
            return business.about(business.parsed(outcome.said), asked.key)
        definition, body = _document(asked.path, outcome)
        header = Header(code_of(asked.organisation), _OUR_CODE, new_id(), definition)
        return business.written(header, asked.key, instant_text(self.premises.world.country.clock.now()), body)

    # -- what goes out

    async def run(self) -> None:
        """Call back what is decided, for as long as the simulator lives; what it was killed over first."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, headers=_HEADERS) as http, asyncio.TaskGroup() as calling:
            while True:
                self._news.clear()
                for taken in self._waiting():
                    key = taken.asked.organisation, taken.asked.key
                    if key not in self._calling:
                        self._calling[key] = task = calling.create_task(self._called_back(http, taken))
                        task.add_done_callback(partial(self._done, key))
                await self._news.wait()

    def _waiting(self) -> Iterator[Taken]:
        banks = (name for name, kind in self.premises.world.kinds.items() if kind == "bank")
        return chain.from_iterable(map(self.premises.inbox.waiting, banks))

    def _done(self, key: tuple[str, str], _: asyncio.Task[None]) -> None:
        # It may have been asked for again just as it was settled.
        del self._calling[key]
        self._news.set()

    async def _called_back(self, http: aiohttp.ClientSession, taken: Taken) -> None:
        refused: int | None = None
        for pause in chain((_DECIDES_S,), _PAUSES_S, repeat(_PAUSES_S[-1])):
            await self.premises.mishaps.pause(pause)
            status = await self._tried(http, taken.asked)
            refused = status if _is_refused(status) else None
            if refused is not None or _is_taken(status):
                break
            await asyncio.sleep(0)
        if refused is not None:
            logs.get().warning("call_back_refused", organisation=taken.asked.organisation, status=refused)
            self.premises.world.unheard(taken.asked, refused)
        await self.premises.inbox.settle(taken, refused)

    async def _tried(self, http: aiohttp.ClientSession, asked: Asked) -> int:
        """Decide, or find what was decided, and bring it; what who asked says to that."""
        fate = self.premises.mishaps.fate(asked.organisation)
        if fate.faults.down is not None:
            return _UNHEARD
        try:
            outcome = await self.premises.world.handle(asked.organisation, asked.path, asked.key, asked.body)
        except Unknown as wrong:
            # A script names a record that there is not. It may end; other banks, and this one's other answers, go on.
            logs.get().warning("nothing_to_call_back", organisation=asked.organisation, reason=str(wrong))
            return _UNHEARD
        mishap = await fate.after(outcome)
        if mishap is Mishap.HANG or outcome.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _UNHEARD
        raw = self._signed(asked, outcome)
        if mishap is Mishap.DUPLICATE:
            await self._brought(http, asked.organisation, self._last.get(asked.organisation, raw))
        elif mishap is not None:
            # What is said to nonsense is said to nobody's decision.
            await self._brought(http, asked.organisation, self._odd(mishap))
            return _UNHEARD
        self._last[asked.organisation] = raw
        status = await self._brought(http, asked.organisation, raw)
        if _is_taken(status):
            return status if outcome.status != HTTPStatus.ACCEPTED else _UNHEARD
        # Somebody's script put other words into its mouth, and may end.
        return _UNHEARD if isinstance(outcome.said, bytes) else status

    def _signed(self, asked: Asked, outcome: Outcome) -> bytes:
        """The answer as it is brought; what is recorded as no message at all nobody can sign: it goes as it stands."""
        try:
            return business.sealed(self._message(asked, outcome), self._identities[asked.organisation])
        except NoMessage:
            if not isinstance(outcome.said, bytes):
                raise
            return outcome.said

    def _odd(self, mishap: Mishap) -> bytes:
        if mishap is Mishap.ENDLESS:
            return self.oddities.opening + b" " * _TOO_LARGE
        return self.oddities.garbage if mishap is Mishap.GARBAGE else self.oddities.wrong_schema

    async def _brought(self, http: aiohttp.ClientSession, organisation: str, raw: bytes) -> int:
        url = f"{self.premises.settings.dispatch_url.rstrip('/')}/v1/organisations/{organisation}/callbacks"
        try:
            # Not as bytes: over a mebibyte of those, which a knob wants, aiohttp complains.
            async with http.post(url, data=BytesIO(raw)) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return _UNHEARD


def _is_taken(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _is_refused(status: int) -> bool:
    """Whether the same would be refused however often it is brought."""
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _MAY_PASS


def _document(path: str, outcome: Outcome) -> tuple[str, business.Content]:
    """The definition of what is said, and its document."""
    said, wanted = outcome.said, loans.BY_PATH.get(path)
    assert not isinstance(said, bytes)  # noqa: S101 - those go out as they stand
    if outcome.status == HTTPStatus.ACCEPTED:
        return loans.RECEIPT, loans.receipt("RCVD")
    if outcome.status != HTTPStatus.OK or wanted is None:
        return loans.REJECTION, loans.rejection(said)
    return wanted.answer, wanted.said(said) if "vin" in said else loans.oddity(said)
