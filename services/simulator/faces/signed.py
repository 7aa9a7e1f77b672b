"""Sealed requests that are taken in, carried out a moment later, and asked for until then: the tax office's style.

Modelled on public descriptions of asynchronous tax and e-invoice interfaces (a submission is acknowledged, and polled
for by the caller's own serial number) and on the detached JWS of Open Banking. All names and codes are invented.

A request is an envelope, `{"baoWenTou": {"jieShouFang", "fuWu", "faSongShiJian", "liuShuiHao"}, "yeWuShuJu": {…}}`; the
header `x-jws-signature` holds a JWS over its bytes, detached, ES256. Who did not sign, or signed it for another office
or service, gets 401, and nothing happens. What it says of the time is not judged: clocks differ, and the serial number
is what makes a replayed request do nothing. Every answer repeats it; 202 adds the number of acceptance. What came of a
request, a refusal too, is said with 200 and a result code to whoever asks for it, or sends it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Never

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from services.runtime.identities import Identities, ours
from services.runtime.settings import Settings
from services.simulator.faces.face import Letter, Oddities, Premises, Unread, Written
from services.simulator.faces.rest import parsed
from services.simulator.inbox import Taken
from services.simulator.world import Asked, Outcome, Unknown

QUERY: Final = "/liushui/chaxun"
"""Where it is asked, by serial number, what came of a request."""
SIGNATURE: Final = "x-jws-signature"
DONE: Final = "SW0000"
_TAKEN_IN: Final = ("SW0202", "已受理，办理中")
_UNSIGNED: Final = ("SW4010", "签名缺失、无效或并非为此签署")
_UNREADABLE: Final = ("SW4000", "报文无法解析")
_NOT_FOUND: Final = ("SW4041", "未查到该流水号")
_USED: Final = ("SW4090", "流水号已用于其他内容")
_LONGEST_SERIAL: Final = 128
_TAKES_S: Final = 0.15
"""So long the office takes over a request."""

_ODDITIES: Final = Oddities(
    "application/json",
    garbage=b"\x00\x1f{]}<<<\xff\xfe not an answer",
    wrong_schema=b'{"jieGuoMa":"SW0000","yeWuShuJu":{"rows":[[1,2],[3,4]]}}',
)
_NOT_ALLOWED: Final = Written(HTTPStatus.METHOD_NOT_ALLOWED, b"", {"Allow": "POST"})

_Place = tuple[str, str]
"""Organisation and serial number."""


@dataclass(slots=True)
class SignedRest:
    """An office with a counter, where requests are taken in, and a desk behind it, where they are worked off."""

    premises: Premises
    kind: str
    """Whose organisations these are."""
    oddities: Oddities = _ODDITIES
    _registered: _Registered = field(init=False)
    _to_do: asyncio.Queue[Taken] = field(default_factory=asyncio.Queue)
    _in_hand: set[_Place] = field(default_factory=set)
    _untold: dict[_Place, Outcome] = field(default_factory=dict)
    """What came of requests, until it is told. A deed is the world's to remember, and a refusal binds nobody."""

    def __post_init__(self) -> None:
        self._registered = _Registered(self.premises.settings)

    def asked(self, letter: Letter) -> Asked:
        if letter.method != "POST":
            raise Unread(_NOT_ALLOWED)
        if not self._registered.signed(letter.headers.get(SIGNATURE, ""), letter.raw):
            _turn_away(HTTPStatus.UNAUTHORIZED, _UNSIGNED)
        envelope = parsed(letter.raw)
        head, matter = (envelope.get("baoWenTou"), envelope.get("yeWuShuJu")) if isinstance(envelope, dict) else (0, 0)
        if not isinstance(head, dict) or not isinstance(matter, dict):
            _turn_away(HTTPStatus.BAD_REQUEST, _UNREADABLE)
        if (head.get("jieShouFang"), head.get("fuWu")) != (letter.organisation, letter.path):
            _turn_away(HTTPStatus.UNAUTHORIZED, _UNSIGNED)
        serial = (matter if letter.path == QUERY else head).get("liuShuiHao")
        if not isinstance(serial, str) or not 0 < len(serial) <= _LONGEST_SERIAL:
            _turn_away(HTTPStatus.BAD_REQUEST, _UNREADABLE)
        return Asked(letter.organisation, letter.path, serial, matter)

    async def outcome(self, asked: Asked) -> Outcome:
        if asked.path == QUERY:
            return await self._told(asked)
        if not self.premises.world.operation(asked):
            raise Unknown(asked.organisation + asked.path)
        return await self._taken_in(asked)

    async def _taken_in(self, asked: Asked) -> Outcome:
        place = asked.organisation, asked.key
        is_new = self.premises.inbox.find(*place) is None
        taken = await self.premises.inbox.take(asked)
        if taken is None:
            return Outcome(HTTPStatus.UNPROCESSABLE_ENTITY, _head(_USED), "")
        if not is_new and self.premises.world.faults(asked.organisation).forgetful:
            self._untold.pop(place, None)
        if place in self._untold:
            return self._untold.pop(place)
        if place not in self._in_hand:
            self._take_in_hand(taken)
        return replace(self._acknowledged(taken), fresh=is_new)

    def _take_in_hand(self, taken: Taken) -> None:
        self._in_hand.add((taken.asked.organisation, taken.asked.key))
        self._to_do.put_nowait(taken)

    def _acknowledged(self, taken: Taken) -> Outcome:
        # Whole seconds, and it takes less than one: soon.
        head = _head(_TAKEN_IN) | {"shouLiHao": _number(taken)}
        return Outcome(HTTPStatus.ACCEPTED, head, "", {"Retry-After": str(int(_TAKES_S))})

    async def _told(self, asked: Asked) -> Outcome:
        """What came of a request, if that is known yet."""
        place = asked.organisation, asked.key
        taken = self.premises.inbox.find(*place)
        if taken is None:
            return Outcome(HTTPStatus.NOT_FOUND, _head(_NOT_FOUND), "")
        if place in self._in_hand:
            return self._acknowledged(taken)
        if place not in self._untold:
            return await self._carried_out(taken)
        if self.premises.world.faults(asked.organisation).forgetful:
            # It would not know that it has acted on it already.
            return self._untold[place]
        return self._untold.pop(place)

    async def _carried_out(self, taken: Taken) -> Outcome:
        """Do it; what was done before is only said again. A refusal is an answer like any other here."""
        asked = taken.asked
        outcome = await self.premises.world.handle(asked.organisation, asked.path, asked.key, asked.body)
        is_answer = isinstance(outcome.said, dict)
        return replace(outcome, status=HTTPStatus.OK if is_answer else outcome.status, fresh=False)

    async def run(self) -> None:
        """Work off what was taken in, and first what was left from before."""
        for organisation in (name for name, kind in self.premises.world.kinds.items() if kind == self.kind):
            for taken in self.premises.inbox.waiting(organisation):
                self._take_in_hand(taken)
        async with asyncio.TaskGroup() as desk:
            while True:
                desk.create_task(self._worked_off(await self._to_do.get()))

    async def _worked_off(self, taken: Taken) -> None:
        place = taken.asked.organisation, taken.asked.key
        await self.premises.mishaps.pause(_TAKES_S)
        try:
            outcome = await self._carried_out(taken)
        except Unknown:
            # A script of somebody's that cannot be played: whoever asks is told.
            return
        finally:
            self._in_hand.discard(place)
        if not outcome.silent:
            self._untold[place] = outcome
        await self.premises.inbox.settle(taken)

    def written(self, asked: Asked, outcome: Outcome) -> Written:
        raw = outcome.said if isinstance(outcome.said, bytes) else _json(self._envelope(asked, outcome.said))
        return Written(outcome.status, raw, outcome.headers)

    def _envelope(self, asked: Asked, said: Mapping[str, Any]) -> dict[str, Any]:
        tongue = self.premises.world.country.agencies[asked.organisation].tongue
        if tongue.code_field in said:
            head = _head((said[tongue.code_field], said[tongue.text_field]))
        elif "jieGuoMa" in said or "error" in said:
            head = dict(said)
        else:
            head = _head((DONE, "成功")) | {"yeWuShuJu": said}
        return {"liuShuiHao": asked.key, **head}


@dataclass(slots=True)
class _Registered:
    """Whose signature counts: ours, by the certificates in the secrets file, which may be exchanged while we work."""

    settings: Settings
    _known: Identities | None = None

    def signed(self, signature: str, raw: bytes) -> bool:
        """Whether it is a signature over these bytes."""
        # The library would believe a content that came along with the signature, and not look at the body.
        return ".." in signature and any(_is_by(key, signature, raw) for key in self._keys())

    def _keys(self) -> Iterator[ECKey]:
        if self._known is None:
            self._known = Identities(self.settings)
        return (_public(one.certificate) for one in ours(self._known))


def _is_by(key: ECKey, signature: str, raw: bytes) -> bool:
    try:
        jws.deserialize_compact(signature, key, algorithms=["ES256"], payload=raw)
    except (JoseError, ValueError, RecursionError):
        return False
    return True


@lru_cache(16)
def _public(certificate: str) -> ECKey:
    read = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    pem, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return ECKey.import_key(read.public_bytes(pem, form))


def _number(taken: Taken) -> str:
    """The number of acceptance: whoever brings the same again gets the same."""
    digest = hashlib.sha256(f"{taken.asked.organisation} {taken.asked.key}".encode()).hexdigest()
    return f"SL{taken.at:%Y%m%d}{int(digest[:12], 16) % 10**10:010d}"


def _head(result: tuple[str, str]) -> dict[str, Any]:
    code, text = result
    return {"jieGuoMa": code, "jieGuoXinXi": text}


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def _turn_away(status: HTTPStatus, result: tuple[str, str]) -> Never:
    raise Unread(Written(status, _json(_head(result))))
