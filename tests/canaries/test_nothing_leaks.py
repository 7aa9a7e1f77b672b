"""Marked personal values go through all that can happen, and are found only where the rulebook has them."""

from __future__ import annotations

from typing import Final

import pytest

from contracts.fields import PERSONAL
from tests.canaries.allowed import CONCERNED, SUBSCRIBERS, is_allowed
from tests.canaries.conftest import Aftermath

SEARCHED: Final = frozenset(
    {
        "topic:sale.events:key",
        "topic:sale.events:headers",
        "topic:sale.events.poison:headers",
        "topic:police.commands:value:mortgage.register",
        "topic:police.events:value:elicence.granted",
        "topic:bank.events:value:loan.settled",
        "topic:case.events:value:case.changed",
        "topic:miit.dead:value:delivery.changed",
        "topic:telemetry.spans:value:telemetry.spans",
        "topic:refused.byd:value:sale.refused",
        "topic:refused.platform:value:sale.contested",
        "topic:to.automaker-data.tax.events:value:subscription.ended",
        "topic:to.short.sale.events:value:subscription.ended",
        "topic:to.automaker-data.sale.events:value:subscription.withheld",
        "kafka:__consumer_offsets",
        "kafka:sale.events",
        "log:kafka",
        "log:supervisor",
        "log:dispatch",
        "database:console",
        "database:projection",
        "metrics:dispatch",
        "history:platform",
        "agency:police:registration.register",
        "agency:bank-91110000MAT57WXL1C:loan.apply",
        "door:platform",
        "notices:bank-91110000MAT57WXL1C",
        "operator:console:tail",
        "operator:dispatch:reveal",
        "operator:journey:assign",
        "page:console",
        "process:dispatch:environ",
        "shown:projection",
        "sealed:insurer-one:sale.confirmed",
        "sealed:bank-one:registration.registered",
        "typed:case show",
        "typed:disclosure list",
        "typed:check",
        "export:contracts",
        "export:risk",
        "export:cases",
        "file:evidence/reading.json",
    }
)
"""One of each kind of place in which something could have been found."""
NOT_SAID: Final = frozenset({"account"})
"""What no message of ours has a place for; where somebody says it all the same it is refused."""

pytestmark = pytest.mark.timeout(300)


def test_no_canary_is_where_it_may_not_be(aftermath: Aftermath) -> None:
    """Each hit outside the matrix is told by place, case, field and form; never by its value."""
    outside = {
        f"{place}: {found.canary.field} of {found.canary.case}, {found.form}"
        for place, found in aftermath.found
        if not is_allowed(place, *found)
    }
    assert not outside, "\n".join(sorted(outside))


def test_everything_was_searched(aftermath: Aftermath) -> None:
    """A place that is gone would look clean."""
    assert sorted(SEARCHED - aftermath.places) == []


def test_what_was_put_in_went_through(aftermath: Aftermath) -> None:
    """A canary that never flew proves nothing: all of each case that came in are seen where they may be."""
    flown = [canary for canary in aftermath.canaries if canary.case in CONCERNED]
    assert [(canary.case, canary.field) for canary in flown if not aftermath.seen(canary)] == []


def test_every_personal_field_went_through(aftermath: Aftermath) -> None:
    """Also those that agencies make up."""
    assert {canary.field for canary in aftermath.canaries if aftermath.seen(canary)} >= PERSONAL - NOT_SAID


def test_the_independent_checker_agrees(aftermath: Aftermath) -> None:
    """Strangers' bytes, kills, a revocation and a lapse: it finds nothing either, and has looked at what there was."""
    assert (aftermath.verdict["checker"], aftermath.verdict["findings"]) == ("clean", [])
    assert aftermath.verdict["notes"]["set_aside"] > 0


def test_who_is_entitled_gets_it(aftermath: Aftermath) -> None:
    """Deny by default would pass every search if nothing were ever told: each subscriber heard of a car of its own."""
    heard = {place.split(".")[1] for place, found in aftermath.found if place.startswith("topic:to.")}
    assert heard == SUBSCRIBERS.keys()
    sealed = {place.split(":")[1] for place, found in aftermath.found if place.startswith("sealed:")}
    assert sealed == {"automaker-data", "tax-office", "insurer-one", "shanghai-police", "bank-one"}


def test_who_is_not_entitled_gets_nothing(aftermath: Aftermath) -> None:
    """A grant that asks for too much, one that was revoked and one that has lapsed: only the word that it is over."""
    told = {place for place in aftermath.places if place.startswith(("topic:to.nosy", "topic:to.short"))}
    told |= {place for place in aftermath.places if place.startswith("topic:to.automaker-data.tax")}
    assert {place.rpartition(":")[2] for place in told if ":value:" in place} == {"subscription.ended"}
