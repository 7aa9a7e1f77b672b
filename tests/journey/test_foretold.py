"""MIIT tells of a certificate before it is asked, while it is, after it was, twice, or of a car that nobody sold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.certificate import CocConfirmedV1, CocQueryV1
from services.journey.world import Cancel, Resume, Told
from tests.journey.road import EXPORT, LOAN, Road, sale


def notice(road: Road, **twist: Any) -> CocConfirmedV1:
    """What MIIT has on record of that car, told by itself."""
    asked = next(sent.data for sent in road.asked if isinstance(sent.data, CocQueryV1))
    told = road.agencies.answer(asked)
    assert isinstance(told, CocConfirmedV1)
    return told.model_copy(update=twist)


@pytest.mark.parametrize("of", [sale("BEV", loan=LOAN), sale("BEV", export=EXPORT)], ids=["at home", "for export"])
def test_a_certificate_that_is_told_is_not_waited_for(of: Any) -> None:
    """The case goes on at once, and no longer waits for the answer to its question."""
    road = Road(of)
    road.told(notice(road))
    assert (road.state("coc"), [ask for ask in road.case.asks.values() if ask.facet == "coc"]) == ("AVAILABLE", [])
    assert road.names.count("coc.query") == 1
    road.run("coc.query")
    assert road.case.headline == "CLOSED"


@pytest.mark.parametrize("late", ["answer", "refuse", "die"])
def test_what_comes_of_the_question_after_that_changes_nothing(late: str) -> None:
    """Its answer, a no, or that nobody could be asked: recorded at most."""
    road = Road()
    road.told(notice(road))
    facets = road.case.facets
    match late:
        case "answer":
            road.answer("coc.query")
        case "refuse":
            road.refuse("coc.query", "D422")
        case _:
            road.die("coc.query")
    assert road.case.facets == facets
    road.run("coc.query")
    assert (road.case.headline, road.names.count("coc.query")) == ("CLOSED", 1)


def test_a_certificate_told_after_its_answer_or_twice_is_no_news() -> None:
    """Recorded as unasked each time."""
    road = Road()
    road.answer("coc.query")
    facets = road.case.facets
    for _ in range(2):
        road.told(notice(road))
        assert (road.case.facets, road.steps[-1].rule) == (facets, "UNASKED")


@pytest.mark.parametrize(
    "wrong", [{"engine_no": "4G150000000"}, {"motor_no": "TZ000000"}, {"coc_no": "LS5994237258179"}]
)
def test_a_certificate_that_does_not_match_holds_as_a_polled_one_does(wrong: dict[str, str]) -> None:
    """The same reason, the same owner, the same words."""
    told, polled = Road(), Road()
    told.told(notice(told, **wrong))
    polled.answer("coc.query", **wrong)
    assert (told.state("coc"), told.held("coc")) == (polled.state("coc"), polled.held("coc")) == ("NONE", "D422")
    assert told.case.facets["coc"].hold == polled.case.facets["coc"].hold
    told.sleep(timedelta(days=10))
    assert told.case.owner == "maker"


def test_the_right_certificate_ends_a_hold_whoever_brings_it() -> None:
    """The maker has mended it: a notice, or the answer to the question that was still on its way."""
    for by_itself in (True, False):
        road = Road()
        road.told(notice(road, engine_no="4G150000000"))
        assert road.held("coc") == "D422"
        _ = road.told(notice(road)) if by_itself else road.answer("coc.query")
        assert (road.state("coc"), road.held("coc")) == ("AVAILABLE", None)


def test_the_wrong_certificate_told_again_is_no_second_hold() -> None:
    """A person has looked, and lets it go on: until the answer comes the same word counts for nothing."""
    road = Road()
    wrong = notice(road, engine_no="4G150000000")
    road.told(wrong)
    road.hear(Resume("the maker says that it is mended", "li"))
    road.told(wrong)
    assert (road.held("coc"), road.names.count("coc.query")) == (None, 1)
    road.answer("coc.query")
    assert road.state("coc") == "AVAILABLE"


def test_a_sale_that_is_over_hears_of_no_certificate() -> None:
    """Called off, or refused from the start: recorded."""
    over, refused = Road(), Road(taken=True)
    told = notice(over)
    over.hear(Cancel("buyer left", "li"))
    over.run()
    for road in (over, refused):
        facets = road.case.facets
        road.told(told)
        assert (road.case.facets, road.steps[-1].rule) == (facets, "UNASKED")


def test_only_miit_has_a_say_about_certificates() -> None:
    """Another organisation's word is recorded, and not believed."""
    road = Road()
    decision = road.hear(Told(notice(road), "notice-1", by="tax"))
    assert ([step.rule for step in decision.steps], road.state("coc")) == (["A403"], "NONE")
    road.hear(Told(notice(road), "notice-2", by="miit"))
    assert road.state("coc") == "AVAILABLE"
