"""`tongche grant` and `tongche disclosure`: a file is tried before it counts, and what the projection says is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.views.subscriber import Subscribers
from services.cli import application
from services.cli.asking import Projection
from services.cli.stack import subscriptions
from services.cli.trial import ending, tried
from services.stack.trouble import TroubleError
from tests.projection.people import grant, subscriber
from tests.projection.stage import toml

GRANT = {
    "id": "tax",
    "subscriber": "tax-office",
    "title": "a sample",
    "contract": "sale.confirmed",
    "version": 3,
    "state": "in-force",
    "purpose": "collecting the tax",
    "legal_basis": "PTL 3",
    "from": None,
    "until": "2099-01-01T00:00:00+08:00",
    "jurisdiction": ["31"],
    "topics": ["to.tax-office.sale.events"],
    "fields": {"vin": "full", "phone": "masked", "buyer_id_no": "full"},
    "sealed": ["buyer_id_no"],
    "faults": [{"code": "A403", "field": "loan_amount", "reason": "denied", "zh": "不允许", "en": "denied"}],
    "revoked_at": 1_790_000_000.0,
    "who": "li",
    "reason": "over",
    "ended_at": None,
}
DISCLOSURE = {
    "at": 1_790_000_000.0,
    "subscriber": "tax-office",
    "grant": "tax",
    "contract": "sale.confirmed",
    "version": 3,
    "fields": {"vin": "full", "phone": "masked"},
    "purpose": "collecting the tax",
    "legal_basis": "PTL 3",
    "case": "case-1",
    "vehicle": "a" * 32,
    "message": "m-1",
}


def _run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(application(), list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_a_file_is_tried_without_anything_running(tmp_path: Path) -> None:
    """Each refusal is named with its code; a script sees it by the exit code."""
    file = tmp_path / "subscribers.toml"
    greedy = subscriber("I", grant("sale.confirmed", 2, "vin", "loan_amount", "no_such", id="greedy"))
    file.write_text(toml([greedy, subscriber("T", grant(id="modest"))]), encoding="utf-8")
    code, said = _run("grant", "check", str(file), "--json", "--data", str(tmp_path / "none"))
    assert code == 1
    assert "A403 loan_amount" in said
    told = json.loads(said.splitlines()[-1])
    assert [(one["id"], one["granted"]) for one in told["grants"]] == [("greedy", False), ("modest", True)]
    assert [one["field"] for one in told["grants"][0]["faults"]] == ["loan_amount", "no_such"]
    file.write_text(toml([subscriber("T", grant(id="modest"))]), encoding="utf-8")
    assert _run("grant", "check", str(file), "--data", str(tmp_path / "none"))[0] == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "localhost", "[::1]", "0", "2130706433"])
def test_an_address_to_which_nothing_would_be_posted_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """As before each post, by the same rules: a network of the installation's own is none to refuse."""
    file = tmp_path / "subscribers.toml"
    words = ("grant", "check", str(file), "--json", "--data", str(tmp_path / "none"))
    webhook = {"url": f"https://{host}/hook"}
    file.write_text(toml([subscriber("T", grant(id="tax"), webhook=webhook)]), encoding="utf-8")
    code, said = _run(*words)
    told = json.loads(said.splitlines()[-1])
    assert (code, told["webhooks"][0]["forbidden"], told["grants"][0]["granted"]) == (1, "address-forbidden", True)
    assert "不许投递" in said
    assert "TONGCHE_WEBHOOK_NETWORKS" in said
    monkeypatch.setenv("TONGCHE_WEBHOOK_NETWORKS", "0.0.0.0/0, ::/0")
    assert _run(*words)[0] == 0


def _standing(**grants: Any) -> dict[str, dict[str, Any]]:
    plain = {"subscriber": "party-t", "contract": "sale.confirmed", "ended_at": None, "opened_at": 1.0}
    return {id_: plain | {"id": id_} | told for id_, told in grants.items()}


def test_a_file_is_compared_with_what_is_in_force() -> None:
    """What it would add, what it would end for good, whose id is spent, what is over, and what lasts for very long."""
    file = Subscribers(
        subscribers=(
            subscriber(
                "T",
                grant(id="goes-on", until="2027-01-01T00:00:00+08:00"),
                grant("sale.cancelled", 1, id="moved", until="2027-01-01T00:00:00+08:00"),
                grant("sale.returned", 1, id="prolonged", until="2027-01-01T00:00:00+08:00"),
                grant("tax.paid", 1, id="past", until="2026-01-01T00:00:00+08:00"),
                grant("tax.refunded", 1, id="added", until="2037-01-01T00:00:00+08:00"),
            ),
        )
    )
    standing = _standing(
        **{
            "goes-on": {"state": "in-force"},
            "moved": {"state": "in-force"},
            "prolonged": {"state": "lapsed", "ended_at": 2.0, "contract": "sale.returned"},
            "past": {"state": "lapsed", "ended_at": 2.0, "contract": "tax.paid"},
            "gone": {"state": "in-force"},
            "gone-before": {"state": "removed", "ended_at": 2.0},
        }
    )
    trials = list(tried(file, standing, datetime(2026, 11, 21, tzinfo=UTC)))
    assert {one.grant: (one.verdict, one.is_long, one.is_new) for one in trials} == {
        "goes-on": ("granted", False, False),
        "moved": ("spent", False, False),
        "prolonged": ("spent", False, False),
        "past": ("over", False, False),
        "added": ("granted", True, True),
    }
    assert ending(trials, standing) == ["moved", "gone"]


def test_a_file_that_gives_nothing_says_so(tmp_path: Path) -> None:
    """A blank line would look like a yes."""
    file = tmp_path / "subscribers.toml"
    file.write_text("subscribers = []\n", encoding="utf-8")
    code, said = _run("grant", "check", str(file), "--data", str(tmp_path / "none"))
    assert (code, "the file gives no grant" in said, "nothing runs" in said) == (0, True, True)


def test_a_file_that_cannot_be_read_is_a_trouble(tmp_path: Path) -> None:
    """It says where, and not what stood there."""
    file = tmp_path / "subscribers.toml"
    file.write_text('[[subscribers]]\nname = "UPPER CASE"\n', encoding="utf-8")
    with pytest.raises(TroubleError) as trouble:
        _run("grant", "check", str(file), "--data", str(tmp_path / "none"))
    assert "subscribers 1: name" in trouble.value.en
    assert "UPPER" not in trouble.value.en


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """What the verbs ask of a projection that knows one grant and one disclosure."""
    heard: list[tuple[str, str, Any]] = []

    def ask(_: Projection, method: str, path: str, body: Any = None, *, about: str | None = None) -> Any:
        heard.append((method, path, body))
        if path == "/v1/grants":
            return {"grants": [GRANT], "problem": "subscribers.toml: broken"}
        return {"disclosures": [DISCLOSURE], "next": None} if "disclosures" in path else GRANT | {"state": "revoked"}

    monkeypatch.setattr(Projection, "__init__", lambda _, __: None)
    monkeypatch.setattr(Projection, "ask", ask)
    return heard


def test_grants_are_listed_with_what_is_wrong(asked: list[tuple[str, str, Any]]) -> None:
    """How each stands, why it is refused, and that the file is not in force."""
    _, said = _run("grant", "list")
    assert "tax  tax-office  sale.confirmed v3  生效 / in force" in said
    assert "A403 loan_amount" in said
    assert "subscribers.toml: broken" in said


def test_the_status_counts_grants_and_tells_of_a_file_that_is_not_in_force() -> None:
    """How many stand how, whose ids are spent."""
    grants = [{"state": "in-force", "spent": False}, {"state": "lapsed", "spent": True}]
    assert subscriptions({"grants": grants, "problem": "broken"}) == {
        "grants": {"in-force": 1, "lapsed": 1},
        "spent": 1,
        "problem": "broken",
    }


def test_a_grant_is_shown_field_by_field(asked: list[tuple[str, str, Any]]) -> None:
    """Its purpose, its basis, its end, what is masked and what is sealed."""
    _, said = _run("grant", "show", "tax")
    for words in ("collecting the tax", "PTL 3", "2099-01-01", "遮盖 / masked", "加密 / sealed", "li", "31"):
        assert words in said


def test_revoking_needs_a_reason_and_names_who(asked: list[tuple[str, str, Any]]) -> None:
    """The reason goes with the name of whoever is logged in."""
    assert _run("grant", "revoke", "tax")[0] == 2
    code, said = _run("grant", "revoke", "tax", "--reason", "the agreement is over")
    assert (code, "revoked" in said) == (0, True)
    method, path, body = asked[-1]
    assert (method, path, body["reason"]) == ("POST", "/v1/grants/tax/revoke", "the agreement is over")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("disclosure", "list", "--since", "yesterday"), "须为日期"),
        (("disclosure", "list", "--vin", "NOPE"), "this is no VIN"),
        (("disclosure", "list", "-n", "0"), "from 1 to 500"),
        (("grant", "revoke", "tax", "--reason", " "), "须写明原因"),
    ],
)
def test_what_was_mistyped_is_said_in_both_languages(
    asked: list[tuple[str, str, Any]], words: tuple[str, ...], said: str
) -> None:
    """Before anybody is asked."""
    code, found = _run(*words)
    assert (code, said in found, asked) == (2, True, [])


def test_disclosures_are_asked_for_in_a_body(asked: list[tuple[str, str, Any]]) -> None:
    """A VIN never stands in an address; a day begins in China."""
    _, said = _run("disclosure", "list", "--vin", "LZZTEST05TA000001", "--subscriber", "tax", "--since", "2026-11-21")
    method, path, body = asked[-1]
    assert (method, path) == ("POST", "/v1/disclosures/search")
    assert body == {
        "vin": "LZZTEST05TA000001",
        "subscriber": "tax",
        "since": "2026-11-21T00:00:00+08:00",
        "most": 20,
    }
    assert "vin phone(masked)" in said
    assert "PTL 3" in said
