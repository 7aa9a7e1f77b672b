"""Which organisations are live: the last act of each holds, and every act stays on record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.runtime.live import Act, Live, UnreadableActsError, acts, addresses, written

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
PROOF = "0" * 64


def act(**told: Any) -> Act:
    return Act.model_validate({"at": NOW, "by": "li", "organisation": "insurer-a"} | told)


GONE = act(url="https://insurer.example/tongche", proof=PROOF)
BACK = act(reason="the trial is over")


def test_the_last_act_of_each_holds(tmp_path: Path) -> None:
    """Live, back, live again elsewhere; others are not concerned."""
    file = tmp_path / "live.jsonl"
    again = act(url="https://other.example", proof=PROOF)
    other = act(organisation="bank-b", url="sftp://bank.example:2222/in", proof=PROOF)
    file.write_text(written((GONE, other, BACK)))
    assert addresses(acts(file)) == {"bank-b": other.url}
    file.write_text(written((*acts(file), again)))
    assert addresses(acts(file)) == {"bank-b": other.url, "insurer-a": again.url}
    assert acts(file) == (GONE, other, BACK, again)


def test_who_asks_again_hears_of_what_was_done_meanwhile(tmp_path: Path) -> None:
    """From the first act on, and after each; who cannot read them knows of nobody where it answers."""
    file, fresh = tmp_path / "live.jsonl", tmp_path / "fresh"
    live = Live(file)

    def told(text: str) -> None:
        fresh.write_text(text)
        fresh.replace(file)

    assert live.address(GONE.organisation) is None
    told(written((GONE,)))
    assert live.address(GONE.organisation) == GONE.url
    told(written((GONE,)) + "{\n")
    for _ in range(2):
        with pytest.raises(UnreadableActsError, match="live.jsonl:2"):
            live.address(GONE.organisation)
    told(written((GONE, BACK)))
    assert (live.address(GONE.organisation), live.address("bank-b")) == (None, None)
    told(written((GONE,)))
    file.unlink()
    assert live.address(GONE.organisation) is None


def test_without_a_file_nobody_is_live(tmp_path: Path) -> None:
    """A fresh installation speaks to the simulator."""
    assert acts(tmp_path / "live.jsonl") == ()


@pytest.mark.parametrize(
    "told",
    [
        {"reason": "back", "stand_in": True},
        {"url": "https://a.example", "proof": PROOF, "vouched": 1},
        {"url": "https://a.example"},
        {"proof": PROOF},
        {},
        {"url": "file:///etc", "proof": PROOF},
        {"reason": ""},
    ],
)
def test_nobody_goes_without_a_proof_or_back_without_a_reason(told: dict[str, str]) -> None:
    """Nor anywhere but over a protocol that we speak."""
    with pytest.raises(ValidationError):
        act(**told)


@pytest.mark.parametrize("text", ["{", "[]", '{"at": "2026-11-22T03:00:00Z"}', "\n"])
def test_a_broken_file_is_named_and_not_passed_over(tmp_path: Path, text: str) -> None:
    """Nobody may guess whom commands would reach."""
    file = tmp_path / "live.jsonl"
    file.write_text(written((GONE,)) + text + "\n")
    with pytest.raises(UnreadableActsError, match="live.jsonl:2"):
        acts(file)
