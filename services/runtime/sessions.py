"""Who is logged in at one of our pages: a signed cookie, the token against forged forms, and a brake on guessing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from .clock import Clock
from .settings import Secrets

COOKIE: Final = "tongche_session"
LASTS_SECONDS: Final = 12 * 3600
TRIES: Final = 5
TRIES_OF_ALL: Final = 30
WINDOW_SECONDS: Final = 60.0
_REMEMBERED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in. `csrf` must come back with every form."""

    id: str
    csrf: str


class Sessions:
    """Signs and reads sessions. Nothing is stored: a new password or token ends them all."""

    def __init__(self, operator: Secrets, clock: Clock) -> None:
        self._user = operator.operator_user
        self._password = operator.operator_password
        self._key = _sign(operator.operator_token.encode(), f"console session {operator.operator_password}").encode()
        self._clock = clock
        self._ended: OrderedDict[str, None] = OrderedDict()

    def knows(self, user: str, password: str) -> bool:
        """Whether this is the operator; takes equally long for every wrong answer."""
        right_user = hmac.compare_digest(_digest(user), _digest(self._user))
        right_password = hmac.compare_digest(_digest(password), _digest(self._password))
        return right_user and right_password

    def begin(self) -> str:
        """Make the cookie of a new session."""
        text = f"{secrets.token_urlsafe(16)}.{int(self._now()) + LASTS_SECONDS}"
        return f"{text}.{_sign(self._key, text)}"

    def read(self, cookie: str | None) -> Session | None:
        """Return the session that a cookie stands for, if we signed it and it has not ended."""
        text, _, signature = (cookie or "").rpartition(".")
        if not hmac.compare_digest(_sign(self._key, text).encode(), signature.encode()):
            return None
        id_, _, until = text.partition(".")
        if int(until) <= self._now() or id_ in self._ended:
            return None
        return Session(id_, _sign(self._key, f"csrf {id_}"))

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def end(self, session: Session) -> None:
        """Refuse its cookie from now on."""
        self._ended[session.id] = None
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)


class Brake:
    """Counts failed log-ins, by address and in all, in a window of time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: list[tuple[float, str]] = []

    def holds(self, address: str) -> bool:
        """Whether this address has to wait before it may try again."""
        self._failures = [each for each in self._failures if each[0] > self._now() - WINDOW_SECONDS]
        own = sum(1 for _, failed in self._failures if failed == address)
        return own >= TRIES or len(self._failures) >= TRIES_OF_ALL

    def failed(self, address: str) -> None:
        """Remember a failure. Never more than the limit of all: beyond it nobody gets this far."""
        self._failures.append((self._now(), address))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def same(token: str, session: Session) -> bool:
    """Whether a form came from a page of this session."""
    return hmac.compare_digest(token.encode(), session.csrf.encode())


def _sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
