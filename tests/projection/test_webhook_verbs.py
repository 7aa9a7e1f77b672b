"""`tongche webhook`: what the projection says is shown, and what a person wants is asked of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from contracts.types import CHINA
from services.cli import application
from services.cli.asking import Projection
from services.cli.stack import lost, webhooks

HOOK: Final = {
    "subscriber": "small-dealer",
    "host": "dealer.example",
    "topics": ["to.small-dealer.sale.events"],
    "state": "paused",
    "failing_since": 1_790_000_000.0,
    "failure": "http-500",
    "paused_at": 1_790_400_000.0,
    "who": "tongche",
    "reason": "nothing taken for days",
    "waiting": 7,
    "oldest": 1_790_000_000.0,
    "again": None,
    "held": None,
    "secrets": 2,
    "old_until": 1_790_500_000.0,
    "lost": {
        "number": 3,
        "ranges": [
            {
                "topic": "to.small-dealer.sale.events",
                "partition": 2,
                "first": 12,
                "last": 17,
                "number": 3,
                "since": 1_787_000_000.0,
                "noted_at": 1_790_000_000.0,
                "messages": ["m-1", "m-2", "m-3"],
            }
        ],
    },
}

LOST: Final = ("3 lost", "to.small-dealer.sale.events/2  12–17", "m-2", "webhook acknowledge small-dealer")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """What the verbs ask of a projection that knows one subscriber without Kafka."""
    heard: list[tuple[str, str, Any]] = []

    def ask(_: Projection, method: str, path: str, body: Any = None, *, about: str | None = None) -> Any:
        heard.append((method, path, body))
        if path == "/v1/webhooks":
            return {"webhooks": [HOOK]}
        return HOOK | {"secret": "whsec_abc", "queued": 21, "acknowledged": 3}

    monkeypatch.setattr(Projection, "__init__", lambda _, __: None)
    monkeypatch.setattr(Projection, "ask", ask)
    return heard


def _run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(application(), ["webhook", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_the_list_says_what_is_wrong_and_who_paused_it(asked: list[tuple[str, str, Any]]) -> None:
    """All that an operator needs at night, in one place."""
    _, said = _run("list")
    for words in (
        "small-dealer  dealer.example  已暂停 / paused",
        "tongche",
        "http-500: 对方出错 / something fails at theirs  自 / since",
        "7 wait",
        "two secrets",
        *LOST,
    ):
        assert words in said


def _hour(moment: Any) -> str:
    return datetime.fromtimestamp(moment, CHINA).strftime("%H:%M:%S")


def test_the_list_says_until_when_nothing_is_posted_and_who_asked_for_it(
    asked: list[tuple[str, str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what ends it sooner, and when what waits goes again."""
    held = {"until": 1_790_003_600.0, "why": "http-503 Retry-After"}
    failing = {"state": "failing", "failure": "http-503", "paused_at": None, "held": held, "again": 1_790_007_200.0}
    monkeypatch.setitem(globals(), "HOOK", HOOK | failing)
    _, said = _run("list")
    assert "nothing is posted until then: 对方所请 / as they asked: http-503 Retry-After" in said
    assert f"{_hour(held['until'])} 不再投递" in said
    assert "tongche webhook resume small-dealer" in said
    assert f"{_hour(failing['again'])}\n" in said


def test_nobody_works_for_having_been_resumed(
    asked: list[tuple[str, str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verb says so, too."""
    monkeypatch.setitem(globals(), "HOOK", HOOK | {"state": "resumed", "failure": None, "paused_at": None})
    _, said = _run("resume", "small-dealer")
    assert "resumed, nothing was taken since" in said
    assert "working" not in said


def test_an_address_that_will_never_be_posted_to_is_shown_with_what_to_do(
    asked: list[tuple[str, str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything failed there, so without a since."""
    never = {"state": "forbidden", "failure": "address-forbidden", "failing_since": None, "paused_at": None}
    monkeypatch.setitem(globals(), "HOOK", HOOK | never)
    _, said = _run("list")
    assert "不许投递 / nothing may be posted there" in said
    assert "address-forbidden: 该地址不在公网上，不许投递 / nothing may be posted there: it is not on the open" in said
    assert "→ 对方给公网地址；自有网络则设 TONGCHE_WEBHOOK_NETWORKS=10.20.0.0/16" in said


@pytest.mark.parametrize(
    ("words", "path", "body", "said"),
    [
        (("pause", "small-dealer", "--reason", "they move"), "pause", {"reason": "they move"}, "paused"),
        (("resume", "small-dealer"), "resume", {}, "small-dealer"),
        (
            ("acknowledge", "small-dealer", "--reason", "sent by hand"),
            "acknowledge",
            {"reason": "sent by hand"},
            "3 acknowledged",
        ),
        (("rotate", "small-dealer", "--overlap-hours", "2"), "rotate", {"overlap_s": 7200}, "whsec_abc"),
        (
            ("replay", "small-dealer", "--since", "2026-11-21T08:00"),
            "replay",
            {"since": "2026-11-21T08:00:00+08:00"},
            "21 to be posted again",
        ),
    ],
)
def test_each_act_is_asked_for_in_somebodys_name(
    asked: list[tuple[str, str, Any]], words: tuple[str, ...], path: str, body: dict[str, Any], said: str
) -> None:
    """A moment without a zone is one in China."""
    code, found = _run(*words)
    assert (code, said in found) == (0, True)
    method, address, told = asked[-1]
    assert (method, address) == ("POST", f"/v1/webhooks/small-dealer/{path}")
    assert {name: value for name, value in told.items() if name != "by"} == body


def test_the_status_counts_how_they_stand() -> None:
    """Those that are paused are seen without being looked for."""
    told = {"webhooks": [{"state": "paused"}, {"state": "working"}, {"state": "working"}]}
    assert webhooks(told) == {"paused": 1, "working": 2}


def test_the_status_counts_what_was_lost() -> None:
    """Over all of them, so that it is seen without being looked for."""
    assert lost({"webhooks": [{"lost": None}, {"lost": {"number": 3}}, {"lost": {"number": 4}}]}) == 7


def test_the_secret_is_shown_to_who_asks_for_it(asked: list[tuple[str, str, Any]]) -> None:
    """By itself on a line, to be copied."""
    _, said = _run("secret", "small-dealer")
    assert said.strip() == "whsec_abc"
    assert asked == [("GET", "/v1/webhooks/small-dealer/secret", None)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay", "small-dealer", "--since", "yesterday"), "须为时刻"),
        (("rotate", "small-dealer", "--overlap-hours", "721"), "from 0 to 720"),
        (("pause", "small-dealer", "--reason", " "), "须写明原因"),
        (("pause", "small/dealer", "--reason", "why"), "this is no id"),
    ],
)
def test_what_was_mistyped_is_said_before_anybody_is_asked(
    asked: list[tuple[str, str, Any]], words: tuple[str, ...], said: str
) -> None:
    """In both languages."""
    code, found = _run(*words)
    assert (code, said in found, asked) == (2, True, [])
