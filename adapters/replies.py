"""The one place where an HTTP answer becomes an event or a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Never

from pydantic import ValidationError

from contracts.codes import RETRYABLE
from contracts.contract import Contract

from .errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, Unavailable
from .spec import Adapter, Json, Operation, Reply, ResponseMapping


class Unreadable:
    """Stands for a body that is not JSON."""


UNREADABLE: Final = Unreadable()
LONGEST_WAIT: Final = timedelta(days=1)
"""An agency that asks for a longer pause is asked again after this."""
_NOT_YET: Final = "D404"
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def reply(status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
    """Take the bytes of an HTTP answer. Never raises, whatever they are."""
    return Reply(status, _json(raw), {name.lower(): value for name, value in headers.items()})


def answer(adapter: Adapter, operation: Operation, command: Contract, got: Reply) -> Contract:
    """The event that answers `command`.

    Raises one of `adapters.errors` for everything else, whatever JSON came.
    """
    if _is_success(got):
        return _event(operation.response, operation.echoes, command, got)
    raise failure(adapter, got)


def looked_up(adapter: Adapter, operation: Operation, command: Contract, got: Reply) -> Contract | None:
    """What a look-up found: the event if the command was carried out, None if the agency knows nothing of it.

    A "no" to the look-up is none to the command, so it is a broken answer: we know as little as before.
    """
    if operation.lookup is None:
        message = f"{operation.command.versions.name} has no look-up"
        raise LookupError(message)
    if _is_success(got):
        return _event(operation.lookup.response, operation.echoes, command, got)
    wrong = failure(adapter, got)
    if isinstance(wrong, NotYet):
        return None
    if isinstance(wrong, Refused):
        raise BrokenAnswer(f"look-up-refused:{wrong.code}", got.status)
    raise wrong


def _is_success(got: Reply) -> bool:
    return HTTPStatus.OK <= got.status < HTTPStatus.MULTIPLE_CHOICES


def failure(adapter: Adapter, got: Reply) -> AgencyError:
    """What an answer that is not 2xx means."""
    code = _code(adapter, got.body)
    wait = _retry_after(got.headers)
    if got.status in _BUSY or (code in RETRYABLE and code != _NOT_YET):
        return Unavailable(wait, got.status, code)
    if got.status >= HTTPStatus.INTERNAL_SERVER_ERROR or got.status == HTTPStatus.REQUEST_TIMEOUT:
        return Ambiguous(got.status)
    if code is None:
        # A code we do not know, or a refusal by something in between: not a "no" that a journey may act upon.
        return BrokenAnswer("unknown-refusal", got.status)
    return NotYet(code, got.status, wait) if code == _NOT_YET else Refused(code, got.status)


def _event(mapping: ResponseMapping, echoes: tuple[str, ...], command: Contract, got: Reply) -> Contract:
    try:
        event = mapping(command, got)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False, include_context=False)[0]
        raise BrokenAnswer("value:" + ".".join(map(str, first["loc"])), got.status) from None
    except BrokenAnswer as wrong:
        raise BrokenAnswer(wrong.reason, got.status) from None
    for name in echoes:
        if getattr(event, name) != getattr(command, name):
            _not_ours(name, got)
    return event


def _not_ours(name: str, got: Reply) -> Never:
    raise BrokenAnswer(f"echo:{name}", got.status)


def _code(adapter: Adapter, body: Json) -> str | None:
    theirs = body.get(adapter.errors.field) if isinstance(body, dict) else None
    return adapter.errors.codes.get(theirs) if isinstance(theirs, str) else None


def _json(raw: bytes) -> Json:
    try:
        return _JSON.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except (ValueError, RecursionError):
        return UNREADABLE


def _no_constant(name: str) -> Never:
    message = f"{name} is not JSON"
    raise ValueError(message)


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds, or a date that is counted from the answer's own `Date`: the agency's clock, not ours."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)
