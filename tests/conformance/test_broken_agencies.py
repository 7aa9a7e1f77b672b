"""Every deliberately broken agency is caught, by the case that names its fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.registry import ADAPTERS
from adapters.spec import Adapter
from services.conformance.properties import PROPERTIES
from services.simulator.faces.table import FACES, Build
from tests.conformance import broken, callers, offices
from tests.conformance.callers import Punctual
from tests.conformance.town import Faithful, Odd, Town, told

PATIENCE_S = 1.0
"""So long the kit asks for what will not come."""

CAUGHT = [
    (broken.Forgetful, "insurer.insurance.bind.same-key", "refused D422"),
    (broken.Careless, "insurer.insurance.bind.other-content", "HTTP 200"),
    (broken.Racing, "insurer.insurance.bind.at-once", "refused D422"),
    (broken.Keyless, "insurer.insurance.bind.no-key", "HTTP 200"),
    (broken.ShortKeys, "insurer.insurance.quote.other-key", "HTTP 422"),
    (broken.Overnight, "commerce.licence.apply.looked-up", "unknown"),
    (broken.ByExporter, "commerce.licence.apply.not-looked-up", "echo:vin"),
    (broken.ForgetsWhoHangsUp, "insurer.insurance.bind.lost-answer", "refused D422"),
    (broken.ClaimsTooEarly, "insurer.insurance.quote.half-message", "HTTP 409"),
    (broken.Mixing, "insurer.many-at-once", "echo:vin"),
    (broken.Resentful, "miit.coc.query.too-early", "D404"),
    (broken.Eager, "commerce.unknown-path", "not-yet D404"),
    (broken.Html, "insurer.answer-in-json", "text/html"),
    (broken.Gbk, "miit.answer-in-json", "no UTF-8"),
    (broken.Packed, "commerce.not-packed", "gzip"),
    (broken.Crashing, "commerce.unreadable", "HTTP 500"),
    (broken.Shallow, "miit.deep", "HTTP 500"),
    (broken.Greedy, "commerce.huge", "HTTP 200"),
    (broken.Lenient, "insurer.nan", "HTTP 200"),
    (broken.Gossip, "insurer.insurance.bind.tells-nobody", "personal data"),
    (broken.OtherCode, "insurer.insurance-bind-other-price", "refused V102"),
    (broken.AnotherCar, "insurer.insurance-quote", "echo:vin"),
    (broken.Numbers, "insurer.insurance-quote", "field:compulsoryPremium"),
    (broken.AlwaysFine, "commerce.licence-apply-document-missing", "HTTP 200"),
    (broken.FirstPlane, "insurer.insurance.bind.rare-characters", "HTTP 500"),
    (broken.Unchecking, "insurer.insurance.quote.wrong-vin", "HTTP 200"),
    (broken.Brittle, "insurer.insurance.quote.missing-fields", "HTTP 500"),
    (broken.Maintained, "miit.down", "HTTP 200"),
    (broken.Curt, "commerce.throttled", "without Retry-After"),
    (broken.Pedantic, "insurer.charset", "HTTP 415"),
    (broken.Getting, "insurer.get", "HTTP 200"),
    (broken.Trusting, "tax.invoice.request.unsealed", "HTTP 202"),
    (broken.Trusting, "tax.stranger", "HTTP 202"),
    (broken.Gullible, "tax.invoice.request.changed", "HTTP 202"),
    (broken.TellsOnce, "tax.invoice.request.asked-twice", "unknown"),
    (broken.Vague, "tax.invoice.request.nothing-there", "HTTP 202"),
    (broken.LosesRefusals, "tax.invoice.request.refused-later", "unknown"),
    (broken.Wordless, "tax.invoice.request.refused-later", "HTTP 200"),
    (broken.Mumbling, "tax.invoice.request.same-key", "about-another"),
    (broken.Guessing, "commerce.undecodable", "HTTP 200"),
    (broken.Throwing, "police.no-fault", "a fault"),
    (broken.BySoapAction, "police.soap-action", "HTTP 200"),
    (broken.Mislabelled, "police.answer-in-xml", "no utf-8"),
    (broken.Renumbered, "police.plate.reserve.wrong-vin", "unknown-refusal"),
    (broken.Nameless, "police.namespaces", "another namespace, or none: Envelope"),
]


@pytest.mark.parametrize(("kind", "case", "came"), CAUGHT, ids=[kind.__name__ for kind, _, _ in CAUGHT])
def test_a_broken_agency_is_caught_by_the_case_that_names_its_fault(
    kind: type[Faithful], case: str, came: str, town: Town
) -> None:
    """Its case fails, not for a step before it, and says what came."""
    run = town.judge(ADAPTERS[case.partition(".")[0]], case, odd=Odd(kind), patience_s=PATIENCE_S)
    assert told(run).keys() == {case}
    assert told(run)[case].startswith("failed: ")
    assert came in told(run)[case]


TYPES = ("police.entity-bomb", "police.external-type", "police.external-entity")
OFTEN: list[tuple[type[Faithful], dict[str, str]]] = [
    (broken.Resolving, dict.fromkeys(TYPES, "HTTP 500")),
    (broken.Quoting, dict.fromkeys(TYPES, "with what the entity names")),
    (broken.AnyType, dict.fromkeys(TYPES, "HTTP 200")),
    (broken.Endless, {"police.deep-document": "HTTP 500", "police.huge-document": "HTTP 200"}),
    (broken.Utf8Only, {"police.gb18030": "HTTP 500"}),
    (
        broken.ByHand,
        {
            "insurer.utf-8": "HTTP 500",
            "insurer.member-order": "HTTP 500",
            "insurer.insurance.quote.wrong-types": "HTTP 500",
            "insurer.no-object": "HTTP 500",
            "insurer.empty": "HTTP 500",
            "insurer.long-key": "HTTP 500",
        },
    ),
]


@pytest.mark.parametrize(("kind", "cases"), OFTEN, ids=[kind.__name__ for kind, _ in OFTEN])
def test_an_agency_that_is_broken_in_one_way_is_caught_by_every_case_that_names_it(
    kind: type[Faithful], cases: dict[str, str], town: Town
) -> None:
    """Each of them fails, not for a step before it, and says what came."""
    adapter = ADAPTERS[next(iter(cases)).partition(".")[0]]
    found = told(town.judge(adapter, *cases, odd=Odd(kind), patience_s=PATIENCE_S))
    assert {case: said for case, said in found.items() if not said.startswith("failed: ")} == {}
    assert {case: came for case, came in cases.items() if came not in found.get(case, "passed")} == {}


CALLERS = [
    (callers.FaintHearted, "bank.loan.apply.brought-again", "once, and never again"),
    (callers.Unregistered, "bank.loan.apply.brought", "nobody we know sealed"),
    (callers.Selfish, "bank.our-key", "a key under which nobody asked"),
    (callers.Keyless, "bank.our-key", "names no key"),
    (callers.Wavering, "bank.loan.apply.one-answer", "different answers to one key"),
    (callers.InItsOwnOrder, "bank.any-order", "echo:vin"),
    (callers.Gateway, "bank.a-message", "no message"),
    (callers.Typed, "bank.a-message", "no message"),
]


@pytest.mark.parametrize(("kind", "case", "came"), CALLERS, ids=[kind.__name__ for kind, _, _ in CALLERS])
def test_a_bank_that_calls_back_wrongly_is_caught_by_the_case_that_names_its_fault(
    kind: type[Punctual], case: str, came: str, town: Town
) -> None:
    """Its case fails, not for a step before it, and says what came."""
    run = town.judge(ADAPTERS["bank"], case, odd=Odd(caller=kind), patience_s=PATIENCE_S)
    assert told(run).keys() == {case}
    assert told(run)[case].startswith("failed: ")
    assert came in told(run)[case]


def test_a_bank_that_thinks_better_of_it_is_caught_however_late(town: Town) -> None:
    """Who takes a command in once more is waited for as long as any agency is."""
    case = "bank.loan.apply.one-answer"
    run = town.judge(ADAPTERS["bank"], case, odd=Odd(caller=callers.Afterwards))
    assert told(run) == {case: "failed: different answers to one key"}


def test_a_bank_that_never_calls_back_is_caught(town: Town) -> None:
    """It took the command in, and we wait in vain."""
    case = "bank.loan.apply.brought"
    run = town.judge(ADAPTERS["bank"], case, odd=Odd(caller=callers.Mute), patience_s=0.1)
    assert told(run) == {case: "failed: none"}


def test_a_bank_that_calls_back_through_another_is_not_caught(town: Town) -> None:
    """What stands between the bank and our door changes nothing of itself."""
    cases = "bank.loan.apply.brought", "bank.loan.apply.brought-again", "bank.any-order", "bank.a-message"
    assert told(town.judge(ADAPTERS["bank"], *cases, odd=Odd(caller=Punctual))) == {}


CUSTOMS: list[tuple[Build, str, str]] = [
    (offices.HalfWritten, "customs.export.declare.whole-receipt", "the beginning of one"),
    (offices.Misfiled, "customs.any-order", "about-another"),
    (offices.twice, "customs.export.declare.put-down-again", "refused X409"),
    (offices.twice, "customs.export.declare.other-document", "HTTP 200, ExportReleased"),
    (offices.Utf8Only, "customs.in-gb18030", "refused V102"),
]


@pytest.mark.parametrize(("style", "case", "came"), CUSTOMS, ids=[case for _, case, _ in CUSTOMS])
def test_customs_that_put_down_wrong_receipts_are_caught(style: Build, case: str, came: str, town: Town) -> None:
    """Its case fails, not for a step before it, and says what came."""
    run = town.judge(ADAPTERS["customs"], case, odd=Odd(styles={**FACES, "customs": style}))
    assert told(run).keys() == {case}
    assert told(run)[case].startswith("failed: ")
    assert came in told(run)[case]


def test_customs_that_let_in_whoever_has_a_key_are_caught(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that nobody registered opens their door."""
    monkeypatch.setattr("services.simulator.faces.sftp._Porter.validate_public_key", lambda *_: True)
    case = "customs.strangers-key"
    assert told(town.judge(ADAPTERS["customs"], case))[case].startswith("failed: HTTP 20")


def test_customs_with_a_host_that_nobody_knows_are_caught(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two behind their address proves itself by a key that was never registered; we were led to the other."""
    monkeypatch.setattr("services.simulator.faces.files.Door", offices.TwoHosts)
    case = "customs.registered-host"
    assert told(town.judge(ADAPTERS["customs"], case)) == {case: "failed: no connection"}


def test_police_that_answer_in_gb18030_and_say_so_are_not_caught(town: Town) -> None:
    """Both ways the encoding is what is declared."""
    cases = "police.answer-in-xml", "police.gb18030", "police.plate-reserve", "police.namespaces"
    assert told(town.judge(ADAPTERS["police"], *cases, odd=Odd(broken.Chinese))) == {}


def test_customs_that_give_no_receipt_are_caught(town: Town) -> None:
    """The declaration was taken away, and we wait in vain."""
    case, odd = "customs.export.declare.taken-in", Odd(styles={**FACES, "customs": offices.Unanswering})
    run = town.judge(ADAPTERS["customs"], case, odd=odd, patience_s=0.1)
    assert told(run) == {case: "failed: HTTP 202, not-yet taken in, not answered yet"}


def test_an_agency_that_never_answers_is_caught(town: Town) -> None:
    """The time-out that the adapter declares ends the wait."""
    run = town.judge(_impatient(ADAPTERS["miit"]), "miit.coc.query.in-time", odd=Odd(broken.Silent))
    assert told(run) == {"miit.coc.query.in-time": "failed: no answer in 0.2 s"}


def _impatient(adapter: Adapter) -> Adapter:
    hurried = {
        name: replace(one, endpoint=replace(one.endpoint, timeout=timedelta(seconds=0.2)))
        for name, one in adapter.operations.items()
    }
    return replace(adapter, operations=hurried)


def test_an_agency_that_passes_everything_on_is_not_caught(town: Town) -> None:
    """What stands between the kit and the agency changes nothing of itself."""
    run = town.judge(ADAPTERS["commerce"], odd=Odd(Faithful))
    assert told(run) == {}


APART = {
    "customs.strangers-key",
    "customs.registered-host",
    "customs.export.declare.taken-in",
    "bank.loan.apply.brought",
    "miit.coc.query.in-time",
}
"""Those that have a test of their own."""
IN_ROWS = {case for _, case, _ in (*CAUGHT, *CALLERS, *CUSTOMS)} | {case for _, cases in OFTEN for case in cases}
SEEN = {case.rpartition(".")[2] for case in APART | IN_ROWS}
NEVER_SEEN: set[str] = set()
"""Properties that no broken agency was ever caught by: this list may shrink, and never grows."""


def test_every_property_was_seen_to_fail() -> None:
    """What never fails may be asking nothing."""
    assert {one.id for one in PROPERTIES} - SEEN == NEVER_SEEN
