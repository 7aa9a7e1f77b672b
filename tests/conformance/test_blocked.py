"""Where a command itself does not succeed, the cases that rest on it prove nothing, and nobody is sent to mend them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from adapters.registry import ADAPTERS
from services.cli import conformance
from services.conformance import junit, page
from services.conformance.case import Case
from services.conformance.catalogue import cases
from services.conformance.fixtures import fixtures
from services.conformance.run import Result, Run, _settled
from tests.conformance import broken
from tests.conformance.town import Odd, Town, told

PLAIN: Final = "insurer.insurance-bind"
RESTING: Final = tuple(
    f"insurer.insurance.bind.{name}"
    for name in ("same-key", "other-content", "at-once", "other-key", "lost-answer", "half-message", "rare-characters")
)
REFUSED: Final = "HTTP 422, refused D422"
BY_ID: Final = {case.id: case for case in cases(ADAPTERS["insurer"])}
INVOICE: Final = "tax.invoice-request"
SEALS: Final = ("tax.invoice.request.unsealed", "tax.invoice.request.changed", "tax.stranger")
EVERY: Final = tuple(case for adapter in ADAPTERS.values() for case in cases(adapter))


@pytest.fixture(scope="module")
def run(town: Town) -> Run:
    """A run over an insurer that refuses what it has quoted itself."""
    return town.judge(ADAPTERS["insurer"], PLAIN, *RESTING, "insurer.insurance.bind.no-key", odd=Odd(broken.Dearer))


def test_what_rests_on_a_refused_command_is_blocked_by_it(run: Run) -> None:
    """The one case that says so failed; no other, whatever it would have tried with that command."""
    blocked = dict.fromkeys(RESTING, f"blocked: insurance.bind: {REFUSED}")
    assert told(run) == {PLAIN: f"failed: {REFUSED}", **blocked}


def test_nobody_is_sent_to_mend_what_is_blocked(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the shell nor in JSON, nor in what CI and people read: the fix is that of the step before."""
    conformance.show(run)
    texts = (capsys.readouterr().err, str(run.as_json()), junit.document(run).decode(), page.page(run))
    for text in texts:
        assert text.count("nothing is to be mended here: insurance.bind must succeed first") >= len(RESTING)
        assert "claim the key before acting" not in text


def _failed(case: str, came: str) -> Result:
    return Result(BY_ID[case], "failed", "what is demanded", came)


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        (_failed(PLAIN, REFUSED), _failed("insurer.insurance.bind.no-key", "HTTP 200, insurance.bound")),
        (_failed(PLAIN, REFUSED), _failed("insurer.insurance.quote.same-key", REFUSED)),
        (replace(_failed(PLAIN, ""), state="passed"), _failed("insurer.insurance.bind.lost-answer", REFUSED)),
    ],
    ids=["another fault", "another command", "the command succeeds"],
)
def test_a_fault_of_its_own_stays_one(plain: Result, other: Result) -> None:
    """Whatever else is wrong."""
    assert _settled([other, plain]) == [other, plain]


def test_who_refuses_everything_has_not_shown_that_it_looks_at_seals(town: Town) -> None:
    """A no for the business is not the one that was demanded: what is to be mended there is said."""
    resting = "tax.invoice.request.same-key"
    run = town.judge(ADAPTERS["tax"], INVOICE, *SEALS, resting, odd=Odd(broken.Refusing))
    refused = "HTTP 200, refused D422"
    failed = dict.fromkeys((INVOICE, *SEALS), f"failed: {refused}")
    assert told(run) == failed | {resting: f"blocked: invoice.request: {refused}"}
    fixes = {one.case.id: one.fix.en for one in run.results}
    assert {fixes[seal].partition(" ")[0] for seal in SEALS} == {"verify", "trust"}


def _of_command(case: Case) -> Case:
    return next(one for one in EVERY if one.command == case.command and one.is_plain)


@pytest.mark.parametrize("came", [REFUSED, "HTTP 500, ambiguous", "no answer"])
def test_what_demands_a_no_is_never_blocked(came: str) -> None:
    """Whatever came, to it and to the plain command: in no adapter, in no style."""
    demanding = [case for case in EVERY if case.expects_no]
    for case in demanding:
        results = [Result(one, "failed", "what is demanded", came) for one in (_of_command(case), case)]
        assert _settled(results) == results, case.id
    assert {case.kind for case in demanding} >= {"security", "faults", "fixtures", "idempotency", "order", "encodings"}


def test_every_case_that_demands_a_no_first_says_so() -> None:
    """All of security and of bad days, each recorded refusal, and of other kinds those whose first answer is a no."""
    others = {"no-key", "too-early", "nothing-there", "undecodable"}
    recorded = {f"{name}.{one.name}": one for name, adapter in ADAPTERS.items() for one in fixtures(adapter)}
    for case in EVERY:
        if case.id in recorded:
            assert case.expects_no == ("event" not in recorded[case.id].then), case.id
        else:
            is_about_a_no = case.kind in {"security", "faults"} or case.id.rpartition(".")[2] in others
            assert case.expects_no == is_about_a_no, case.id
