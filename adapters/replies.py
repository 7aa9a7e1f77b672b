"""The one place where an answer becomes an event or a failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Never

from pydantic import ValidationError

from contracts.contract import Contract

from .errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, TakenIn, Unavailable
from .spec import UNREADABLE, Adapter, Json, Means, Operation, Reply, ResponseMapping, code_of

LONGEST_WAIT: Final = timedelta(days=1)
"""An agency that asks for a longer pause is asked again after this."""
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def answer(adapter: Adapter, operation: Operation, command: Contract, got: Reply) -> Contract:
    """The event that answers `command`, at once or later.

    Raises one of `adapters.errors` for everything else, whatever came.
    """
    if operation.later is not None and got.status == HTTPStatus.ACCEPTED:
        raise TakenIn(_retry_after(got.headers) or operation.later.every, got.status)
    if not _is_success(adapter, got):
        raise failure(adapter, got)
    if got.body is not UNREADABLE and not _is_defined(operation, got):
        reason = "definition"
        raise BrokenAnswer(reason, got.status)
    return _event(operation.response, operation.echoes, command, got)


def ours(got: Reply, organisation: str, key: str | None) -> Reply:
    """The same. Raises `BrokenAnswer` where it says itself that it answers something else, or is somebody else's."""
    if got.about not in {None, key}:
        reason = "about-another"
        raise BrokenAnswer(reason, got.status)
    if not is_from(got, organisation):
        reason = "from-another"
        raise BrokenAnswer(reason, got.status)
    return got


def is_from(got: Reply, organisation: str) -> bool:
    """Whether it does not say itself that another organisation sent it."""
    return got.sender in {None, code_of(organisation)}


def is_known(adapter: Adapter, got: Reply) -> bool:
    """Whether what was called back is of a kind that may answer any command at all."""
    if got.status == HTTPStatus.ACCEPTED or not _is_success(adapter, got):
        return True
    return any(_is_defined(one, got) for one in adapter.operations.values() if one.called_back)


def _is_defined(operation: Operation, got: Reply) -> bool:
    """Whether it says of itself that it is what answers this operation, or nothing at all where nothing is agreed."""
    return operation.endpoint.answer in {"", got.definition}


def fetched(adapter: Adapter, operation: Operation, command: Contract, got: Reply) -> Contract | None:
    """What came of asking for the answer to a command that was taken in: as `answer`.

    None where the agency does not know that it was: then it was not, or was forgotten.
    """
    if got.status == HTTPStatus.NOT_FOUND and isinstance(failure(adapter, got), NotYet):
        return None
    return answer(adapter, operation, command, got)


def looked_up(adapter: Adapter, operation: Operation, command: Contract, got: Reply) -> Contract | None:
    """What a look-up found: the event if the command was carried out, None if the agency knows nothing of it.

    A "no" to the look-up is none to the command, so it is a broken answer: we know as little as before.
    """
    if operation.lookup is None:
        message = f"{operation.command.versions.name} has no look-up"
        raise LookupError(message)
    if _is_success(adapter, got):
        return _event(operation.lookup.response, operation.echoes, command, got)
    wrong = failure(adapter, got)
    if isinstance(wrong, NotYet):
        return None
    if isinstance(wrong, Refused):
        raise BrokenAnswer(f"look-up-refused:{wrong.code}", got.status)
    raise wrong


def claims(adapter: Adapter, got: Reply) -> bool:
    """Whether an answer gives itself out for a yes or a no. Whoever seals what he decides must have sealed it."""
    if got.status == HTTPStatus.ACCEPTED or got.body is UNREADABLE:
        return False
    return _is_success(adapter, got) or isinstance(failure(adapter, got), Refused)


def decides(adapter: Adapter, got: Reply) -> bool:
    """Whether an answer that was called back is a yes or a no, as far as that can be told without the command.

    Everything else, "not yet" and nonsense alike, may be followed by another answer.
    """
    if not claims(adapter, got):
        return False
    brought = (one for one in adapter.operations.values() if one.called_back)
    return not _is_success(adapter, got) or any(_can_be_read(one, got) for one in brought)


def is_broken(adapter: Adapter, got: Reply) -> bool:
    """Whether what was called back is neither an answer nor a "not yet" to any command at all."""
    if claims(adapter, got):
        return not decides(adapter, got)
    return got.status != HTTPStatus.ACCEPTED and isinstance(failure(adapter, got), BrokenAnswer)


def _can_be_read(operation: Operation, got: Reply) -> bool:
    """Whether it is an answer to some command of this operation."""
    if not _is_defined(operation, got):
        return False
    try:
        operation.response(None, got)
    except Refused:
        return True
    except (AgencyError, ValidationError):
        return False
    except (AttributeError, TypeError):
        # A mapping that looks at the command, which is not here: only whoever has it can tell.
        return True
    return True


def _is_success(adapter: Adapter, got: Reply) -> bool:
    if not HTTPStatus.OK <= got.status < HTTPStatus.MULTIPLE_CHOICES:
        return False
    return not adapter.errors.done or _theirs(adapter, got.body) in adapter.errors.done


def failure(adapter: Adapter, got: Reply) -> AgencyError:
    """What an answer means that is no success."""
    means = _means(adapter, got.body)
    wait = _retry_after(got.headers)
    if got.status in _BUSY or (means and means.then == "slows"):
        return Unavailable(wait, got.status, means and means.code)
    if got.status >= HTTPStatus.INTERNAL_SERVER_ERROR or got.status == HTTPStatus.REQUEST_TIMEOUT:
        return Ambiguous(got.status)
    if means is None:
        return BrokenAnswer(_unknown(adapter, got), got.status)
    return NotYet(means.code, got.status, wait) if means.then == "retried" else Refused(means.code, got.status)


def _unknown(adapter: Adapter, got: Reply) -> str:
    """Why an answer is neither a yes nor a no."""
    if got.status < HTTPStatus.MULTIPLE_CHOICES and _theirs(adapter, got.body) is None:
        # Where only a code says that something was done, an answer without one says nothing.
        return f"field:{adapter.errors.field}" if isinstance(got.body, dict) else "not-an-object"
    # A code we do not know, or a refusal by something in between: not a "no" that a journey may act upon.
    return "unknown-refusal"


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


def _means(adapter: Adapter, body: Json) -> Means | None:
    theirs = _theirs(adapter, body)
    return adapter.errors.codes.get(theirs) if theirs is not None else None


def _theirs(adapter: Adapter, body: Json) -> str | None:
    """The agency's own code, if one stands where codes stand."""
    for name in adapter.errors.field.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, str) else None


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
