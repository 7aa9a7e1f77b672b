"""Policies at the operators' interface, on a real store."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.policy import load, read_packs
from services.journey import policy_desk
from services.journey.outlook import outlook
from tests.journey.drafts import DRAFT
from tests.journey.road import BUYER, CASE, VIN, Road, sale
from tests.journey.shell import Shell, play

_OTHER: Final = "0190a000-0000-7000-8000-000000000002"
_THIRD: Final = "0190a000-0000-7000-8000-000000000003"


async def _try(shell: Shell, text: str) -> tuple[int, Any]:
    """What a draft would change, line by line; a problem document as one line."""
    return await shell.call("POST", "/v1/policies/trial", {"pack": text}, lines=True)


def test_the_packs_are_told_with_all_that_their_files_say(tmp_path: Path) -> None:
    """Retracted ones too: people may look at them, and only they."""

    async def scene(shell: Shell) -> None:
        status, told = await shell.call("GET", "/v1/policies")
        packs = {pack["id"]: pack for pack in told["packs"]}
        assert status == 200
        assert packs["RESALE-6M"]["status"] == "RETRACTED"
        assert {name: packs["NEV-26"][name] for name in ("rule", "status", "supersedes", "approved_by")} == {
            "rule": "purchase-tax",
            "status": "IN_FORCE",
            "supersedes": "NEV-24",
            "approved_by": "rulebook",
        }
        assert packs["NEV-26"]["params"]["relieved_fuel_kinds"] == ["BEV", "EREV", "FCEV", "PHEV"]
        assert {"title", "effective_from", "effective_to", "scope", "source"} <= {*packs["NEV-26"]}

    play(tmp_path, scene)


def test_a_case_is_explained_pack_by_pack_without_its_buyer(tmp_path: Path) -> None:
    """Decided and ahead, with dates, amounts and sources."""

    async def scene(shell: Shell) -> None:
        shell.agencies.of = sale("BEV", 22_600_000)
        await shell.tell(shell.agencies.of)
        await shell.run("registration.register")
        status, told = await shell.call("GET", f"/v1/cases/{CASE}/policies")
        assert (status, told["case"], told["kind"]) == (200, CASE, "new-car")
        questions = {question["rule"]: question for question in told["questions"]}
        tax = questions["purchase-tax"]
        assert (tax["stage"], tax["pack"], tax["field"], tax["date"]) == (
            "decided",
            "NEV-26",
            "invoice_date",
            "2026-05-04",
        )
        assert tax["fen"]["payable"] == 10_000_00
        number = "财政部 税务总局 工业和信息化部公告2023年第10号；工业和信息化部 财政部 税务总局公告2025年第24号"
        assert tax["source"]["number"] == number
        assert (questions["e-licence"]["stage"], questions["e-licence"]["assumed"]) == ("ahead", True)
        packs = {pack["id"]: pack for pack in told["packs"]}
        assert (packs["NEV-26"]["status"], packs["NEV-26"]["stage"]) == ("IN_FORCE", "decided")
        assert packs["NEV-26"]["source"]["number"] == tax["source"]["number"]
        assert packs["ELIC-NATIONAL"]["stage"] == "ahead"
        assert {*packs} == {pack for each in told["questions"] if (pack := each["pack"])}
        for personal in (BUYER.buyer_name, BUYER.buyer_id_no, BUYER.phone, VIN):
            assert personal not in str(told)

    play(tmp_path, scene)


def test_explaining_names_what_the_case_remembers_and_what_only_annotates() -> None:
    """A pack that priced beside another one, or was retracted since, is told as having decided; a signal never is."""
    road = Road(sale("BEV", buyer=BUYER.model_copy(update={"region": "120104"}), sold_on=date(2026, 7, 1)))
    remembered = road.case.model_copy(update={"packs": ("PTL-2019", "RESALE-6M", "FORGOTTEN")})
    packs = policy_desk.told(outlook(remembered, load(), date(2026, 7, 2)), read_packs())["packs"]
    stages = {pack["id"]: (pack["status"], pack["stage"]) for pack in packs}
    assert len(stages) == len(packs)
    assert stages["PTL-2019"] == ("IN_FORCE", "decided")
    assert stages["RESALE-6M"] == ("RETRACTED", "decided")
    assert stages["PILOT-40"] == ("SIGNAL", "annotates")
    assert stages["FORGOTTEN"] == (None, "decided")


def test_a_case_that_is_not_here_cannot_be_explained(tmp_path: Path) -> None:
    """404, as everywhere."""

    async def scene(shell: Shell) -> None:
        status, problem = await shell.call("GET", f"/v1/cases/{CASE}/policies")
        assert (status, problem["code"]) == (404, "not-found")

    play(tmp_path, scene)


def test_a_draft_is_tried_on_open_cases_and_changes_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page: how many there are, each that would change, how far it is, and the sum."""
    monkeypatch.setattr(policy_desk, "PAGE", 1)

    async def scene(shell: Shell) -> None:
        shell.agencies.of = sale("BEV", 22_600_000)
        await shell.tell(shell.agencies.of)
        await shell.run()
        second = "LZZTEST0XTA000009"
        await shell.tell(sale("BEV", 22_600_000, vin=second, order_no="XS2"), subject=_OTHER)
        await shell.tell(sale("BEV", 22_600_000, vin=second, order_no="XS3"), subject=_THIRD)
        before = len(shell.sent)
        status, lines = await _try(shell, DRAFT)
        assert status == 200
        assert lines[0] == {"open": 1}
        assert [line["case"]["id"] for line in lines if "case" in line] == [_OTHER]
        # After a page of one, after the empty one behind it, and in the sum.
        assert [line["checked"] for line in lines if "checked" in line] == [1, 1, 1]
        assert lines[-1] == {"done": True, "checked": 1, "changed": 1, "gaps": {"closed": 0, "opened": 0}}
        (question,) = lines[1]["case"]["questions"]
        amounts = [question[side]["fen"]["payable"] for side in ("before", "after")]
        assert (question["rule"], amounts, question["gap"]) == ("purchase-tax", [10_000_00, 20_000_00], None)
        assert [question[side]["pack"] for side in ("before", "after")] == ["NEV-26", "NEV-T"]
        assert BUYER.buyer_name not in str(lines)
        assert second not in str(lines)
        assert len(shell.sent) == before
        explained = (await shell.call("GET", f"/v1/cases/{_OTHER}/policies"))[1]
        assert "NEV-T" not in str(explained)

    play(tmp_path, scene)


def test_gaps_that_a_draft_would_open_are_counted(tmp_path: Path) -> None:
    """A draft that ends before the cars are sold leaves them without a pack."""

    async def scene(shell: Shell) -> None:
        await shell.tell(sale("BEV"))
        text = DRAFT.replace("2027-12-31", "2026-05-02")
        lines = (await _try(shell, text))[1]
        assert lines[-1]["gaps"] == {"closed": 0, "opened": 1}
        gaps = {question["rule"]: question["gap"] for question in lines[1]["case"]["questions"]}
        assert gaps["purchase-tax"] == "opened"

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("id =", 1),
        (DRAFT.replace('rate = "0.10"', "rate = 0.1\nrat = 1").replace('["CN"]', '["China"]'), 3),
        (DRAFT.replace("2026-05-01", "2028-05-01").replace("2027-12-31", "2029-12-31"), 2),
        (DRAFT.replace('supersedes = "NEV-26"\n', ""), 1),
        (DRAFT.replace('"DRAFT"', '"RETRACTED"'), 1),
    ],
    ids=["no TOML", "unknown and wrong entries", "a hole and a late successor", "beside another", "retracted"],
)
def test_a_bad_draft_gets_every_fault_named(tmp_path: Path, text: str, faults: int) -> None:
    """As a problem document, in both languages, before any case is looked at."""

    async def scene(shell: Shell) -> None:
        status, (problem,) = await _try(shell, text)
        assert (status, problem["code"], len(problem["faults"])) == (422, "bad-pack", faults)
        assert all(fault["zh"] and fault["en"] for fault in problem["faults"])

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/policies", None),
        ("GET", f"/v1/cases/{CASE}/policies", None),
        ("POST", "/v1/policies/trial", {"pack": DRAFT}),
    ],
)
def test_nothing_of_policies_is_shown_without_the_token(tmp_path: Path, method: str, path: str, body: Any) -> None:
    """401 before anything else is looked at."""

    async def scene(shell: Shell) -> None:
        status, told = await shell.call(method, path, body, token="guess")
        assert status == 401, told

    play(tmp_path, scene)


def test_a_body_that_is_no_draft_is_not_valid(tmp_path: Path) -> None:
    """Also one of a size that no pack has."""

    async def scene(shell: Shell) -> None:
        for body in ({}, {"pack": 1}, {"pack": "x" * 100_001}, {"pack": DRAFT, "force": True}):
            status, problem = await shell.call("POST", "/v1/policies/trial", body)
            assert (status, problem["code"]) == (422, "not-valid"), json.dumps(body)[:40]

    play(tmp_path, scene)
