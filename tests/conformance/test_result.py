"""What was proved, signed: it opens the way for one agency, with these fixtures, for thirty days."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.registry import ADAPTERS
from services.conformance.fixtures import agency
from services.conformance.result import GOOD_FOR, Agency, NotProved, Proof, fresh_key, signed, verified

KEY = fresh_key()
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
INSURER = Agency("insurer", "ab" * 32)
PROOF = Proof(
    agency="insurer",
    organisation="insurer-91110000MAY1GEUH59",
    host="insurer.example:8443",
    against="url",
    kit="1",
    fixtures="ab" * 32,
    passed=60,
    failed=0,
    skipped=2,
    at=NOW,
)


def test_a_good_result_is_verified() -> None:
    """What was signed comes back as it was."""
    assert verified(signed(PROOF, KEY), KEY, INSURER, NOW) == PROOF


def test_the_public_half_of_the_key_is_enough_to_verify() -> None:
    """Whoever looks at a result need not be able to make one."""
    public = {name: value for name, value in KEY.items() if name != "d"}
    assert verified(signed(PROOF, KEY), public, INSURER, NOW) == PROOF


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"agency": "bank"}, "that of bank"),
        ({"against": "simulator"}, "simulated"),
        ({"kit": "0"}, "version of the kit"),
        ({"fixtures": "cd" * 32}, "fixtures have changed"),
        ({"failed": 1}, "1 cases failed"),
        ({"passed": 0}, "0 cases failed"),
        ({"at": NOW + timedelta(minutes=6)}, "in the future"),
        ({"at": NOW - GOOD_FOR - timedelta(seconds=1)}, "older than 30 days"),
    ],
)
def test_a_result_opens_no_other_door(change: dict[str, object], why: str) -> None:
    """Another agency, kit, fixture or time, a simulator, or a failure: not proved, and said why."""
    with pytest.raises(NotProved, match=why):
        verified(signed(PROOF.model_copy(update=change), KEY), KEY, INSURER, NOW)


def test_on_the_last_day_a_result_is_still_good() -> None:
    """Thirty days, and not a second less."""
    assert verified(signed(PROOF, KEY), KEY, INSURER, NOW + GOOD_FOR) == PROOF


def _forged(claims: dict[str, object]) -> str:
    header, _, signature = signed(PROOF, KEY).split(".")
    told = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{told}.{signature}"


def _unsigned() -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"tongche-conformance+jws"}').rstrip(b"=").decode()
    return f"{header}.{signed(PROOF, KEY).split('.')[1]}."


@pytest.mark.parametrize(
    "text",
    [
        signed(PROOF, fresh_key()),
        _forged(PROOF.model_dump(mode="json") | {"failed": 0, "passed": 99}),
        _unsigned(),
        "",
        "a.b.c",
        "{}",
    ],
    ids=["other-key", "changed", "alg-none", "empty", "no-token", "json"],
)
def test_what_was_not_signed_here_proves_nothing(text: str) -> None:
    """Another key, changed claims, no signature, no token."""
    with pytest.raises(NotProved, match="signature"):
        verified(text, KEY, INSURER, NOW)


def test_the_digest_follows_the_fixtures() -> None:
    """Each agency has its own, the same however often it is asked for."""
    digests = {name: agency(adapter).fixtures for name, adapter in ADAPTERS.items()}
    assert len(set(digests.values())) == len(ADAPTERS)
    assert digests == {name: agency(adapter).fixtures for name, adapter in ADAPTERS.items()}
