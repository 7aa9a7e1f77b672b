"""What was proved, signed: it opens the way for one agency, with these fixtures, for thirty days."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.registry import ADAPTERS
from services.conformance.agencies import agency
from services.conformance.result import (
    GOOD_FOR,
    KIT,
    Agency,
    NotProved,
    Proof,
    address,
    fresh_key,
    signed,
    verified,
)

KEY = fresh_key()
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
INSURER = Agency("insurer", "ab" * 32, cases=62, untold=2)
PROOF = Proof(
    agency="insurer",
    organisation="insurer-91110000MAY1GEUH59",
    host="insurer.example:8443",
    address=address("https://insurer.example:8443/test"),
    against="url",
    kit=KIT,
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
        ({"kit": "1", "address": None}, "version of the kit"),
        ({"fixtures": "cd" * 32}, "fixtures have changed"),
        ({"failed": 1}, "1 cases failed"),
        ({"passed": 0}, "0 cases failed"),
        ({"passed": 59}, "not that of all 62 cases"),
        ({"passed": 59, "skipped": 3}, "3 cases were not tested, and only 2 need not be"),
        ({"passed": 1, "skipped": 61}, "61 cases were not tested"),
        ({"at": NOW + timedelta(minutes=6)}, "in the future"),
        ({"at": NOW - GOOD_FOR - timedelta(seconds=1)}, "older than 30 days"),
    ],
)
def test_a_result_opens_no_other_door(change: dict[str, object], why: str) -> None:
    """Another agency, kit, fixture or time, a simulator, or a failure: not proved, and said why."""
    with pytest.raises(NotProved, match=why):
        verified(signed(PROOF.model_copy(update=change), KEY), KEY, INSURER, NOW)


def test_a_stand_in_is_proved_apart() -> None:
    """What a simulator proves is proved of it alone, and what an agency proves of no simulator."""
    simulated = signed(PROOF.model_copy(update={"against": "simulator"}), KEY)
    assert verified(simulated, KEY, INSURER, NOW, stand_in=True).against == "simulator"
    with pytest.raises(NotProved, match="not that of a simulated"):
        verified(signed(PROOF, KEY), KEY, INSURER, NOW, stand_in=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://A.example:443/", True),
        ("https://a.example/test", "https://a.example/prod", False),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("sftp://a.example/in", "sftp://tongche@a.example:22/in/", True),
        ("sftp://test@a.example", "sftp://prod@a.example", False),
        ("sftp://test:one@a.example", "sftp://test:two@a.example", True),
    ],
)
def test_an_address_is_the_whole_of_it(one: str, other: str, *, same: bool) -> None:
    """Scheme, login, host, port and path, each as it is meant; no password."""
    assert (address(one) == address(other)) is same


def test_only_what_nobody_can_bring_about_may_be_left_out() -> None:
    """A mood, or a step that could not be told beforehand: few of each agency."""
    for adapter in ADAPTERS.values():
        found = agency(adapter)
        assert 0 < found.untold < found.cases / 4, adapter.name


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
