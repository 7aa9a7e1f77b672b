"""What statuses, headers and codes mean, in the one place that says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters import replies
from adapters.bindings.rest import REST
from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, Unavailable
from adapters.spec import Endpoint, Lookup, Operation, Reply, operations
from contracts.export import ExportTrackV1
from tests.plain_customs import CUSTOMS

TRACK = CUSTOMS.operations["export.track"]
COMMAND = ExportTrackV1(vin="LZZTEST05TA000001", decl_no="223320260000012345")
EXITED = {"vinNo": COMMAND.vin, "entryId": COMMAND.decl_no, "exitDate": "20260305"}
QUERYABLE = replace(TRACK, lookup=Lookup(Endpoint("POST", "/export/exits"), TRACK.request, TRACK.response))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (408, {}, Ambiguous),
        (429, {}, Unavailable),
        (500, {}, Ambiguous),
        (502, {}, Ambiguous),
        (503, {}, Unavailable),
        (504, {}, Ambiguous),
        (404, {}, BrokenAnswer),
        (404, {"returnCode": "HG404"}, NotYet),
        (400, {"returnCode": "HG503"}, Unavailable),
        (409, {"returnCode": "HG409"}, Refused),
        (500, {"returnCode": "HG409"}, Ambiguous),
        (422, {"returnCode": "IDEMPOTENCY"}, BrokenAnswer),
        (401, {"error": "token"}, BrokenAnswer),
    ],
)
def test_a_status_and_a_code_mean_one_failure(status: int, body: Any, kind: type[AgencyError]) -> None:
    """Only a known code on a 4xx is a no; a 5xx may have happened; 429 and 503 did not."""
    assert type(replies.failure(CUSTOMS, Reply(status, body))) is kind


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("5", timedelta(seconds=5)),
        ("0", timedelta()),
        ("999999999999", timedelta(days=1)),
        ("soon", None),
        ("-5", None),
        ("٥", None),
        ("", None),
        ("Sun, 01 Mar 2026 01:01:30 GMT", timedelta(seconds=90)),
        ("Sun, 01 Mar 2026 00:00:00 GMT", timedelta()),
        ("Sun, 01 Mar 2026 01:01:30", None),
        ("Sun, 99 Mar 2026", None),
    ],
)
def test_retry_after_is_read_with_care(text: str, wait: timedelta | None) -> None:
    """Seconds or a date by the agency's clock, never negative, at most a day; nonsense is no wait at all."""
    headers = {"Retry-After": text, "Date": "Sun, 01 Mar 2026 01:00:00 GMT"}
    wrong = replies.failure(CUSTOMS, REST.read(503, headers, b""))
    assert isinstance(wrong, Unavailable)
    assert wrong.retry_after == wait


def test_a_look_up_finds_the_event_or_nothing() -> None:
    """2xx is what happened, D404 is that nothing did."""
    assert replies.looked_up(CUSTOMS, QUERYABLE, COMMAND, Reply(200, EXITED)) is not None
    assert replies.looked_up(CUSTOMS, QUERYABLE, COMMAND, Reply(404, {"returnCode": "HG404"})) is None


def test_a_look_up_that_fails_knows_nothing() -> None:
    """A look-up that is not answered leaves the question open."""
    with pytest.raises(Ambiguous):
        replies.looked_up(CUSTOMS, QUERYABLE, COMMAND, Reply(500, {}))


def test_only_queryable_operations_are_looked_up() -> None:
    """Asking for a look-up that was not declared is a mistake of ours."""
    with pytest.raises(LookupError):
        replies.looked_up(CUSTOMS, TRACK, COMMAND, Reply(200, EXITED))


def test_a_command_has_one_operation() -> None:
    """An adapter that declares a command twice does not load."""
    twice: tuple[Operation, ...] = (TRACK, TRACK)
    with pytest.raises(ValueError, match="two operations"):
        operations(*twice)


def test_an_endpoint_stands_below_its_organisation() -> None:
    """The path is the agency's, the address the organisation's."""
    assert TRACK.endpoint.url("http://host:1/", "customs") == "http://host:1/customs/export/exits"
