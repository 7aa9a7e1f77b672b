"""What each service says that it holds of persons: every table is declared, and what is counted is what is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import MetaData, insert

from contracts.fields import FIELDS, PERSONAL
from services.console import holdings as console
from services.console import tables as console_tables
from services.dispatch import holdings as dispatch
from services.dispatch import tables as dispatch_tables
from services.intake import holdings as intake
from services.intake import tables as intake_tables
from services.journey import holdings as journey
from services.journey import tables as journey_tables
from services.projection import holdings as projection
from services.projection import tables as projection_tables
from services.runtime import holdings, tables
from services.runtime.database import open_store
from services.runtime.holdings import Holding
from services.runtime.settings import Settings

DECLARED: Final[dict[str, tuple[MetaData, tuple[Holding, ...]]]] = {
    "intake": (intake_tables.metadata, intake.HOLDINGS),
    "journey": (journey_tables.metadata, journey.HOLDINGS),
    "dispatch": (dispatch_tables.metadata, dispatch.holdings(Settings())),
    "projection": (projection_tables.metadata, projection.HOLDINGS),
    "console": (console_tables.metadata, console.holdings(timedelta(days=7))),
}
KEEPING_NO_MESSAGE: Final = {"begun", "owner", "breaker"}


@pytest.mark.parametrize("service", DECLARED)
def test_every_table_of_a_service_says_what_it_holds(service: str) -> None:
    """Once each, in both languages, in words of the dictionary."""
    metadata, declared = DECLARED[service]
    assert sorted(holding.table.name for holding in declared) == sorted(metadata.tables)
    for holding in declared:
        assert holding.zh
        assert holding.en
        assert holding.fields <= FIELDS.keys()


def test_the_runtimes_tables_that_keep_messages_are_declared() -> None:
    """The others keep ids and moments."""
    declared = {holding.table.name for holding in holdings.of_the_runtime(frozenset())}
    assert declared | KEEPING_NO_MESSAGE == set(tables.metadata.tables)


def test_the_journey_says_that_it_knows_buyers_and_the_console_that_it_does_not() -> None:
    """By the fields that the dictionary marks as personal."""
    personal = {
        service: PERSONAL.intersection(*([set(PERSONAL), set().union(*(holding.fields for holding in declared))]))
        for service, (_, declared) in DECLARED.items()
    }
    assert {"buyer_name", "buyer_id_no", "phone", "loan_contract_no"} <= personal["journey"]
    assert {"buyer_name", "buyer_id_no", "phone", "loan_contract_no"} <= personal["dispatch"]
    assert personal["console"] == personal["intake"] == personal["projection"] == set()


def _case(number: int) -> dict[str, Any]:
    return {
        "id": f"case-{number}",
        "vin": f"LZZTEST05TA00000{number}",
        "order_no": f"XS{number}",
        "kind": "new-car",
        "headline": "OPEN",
        "version": 1,
        "opened_at": f"2026-11-0{number}T01:00:00.000Z",
        "changed_at": f"2026-11-0{number}T01:00:00.000Z",
        "key": f"{number}",
        "source": "urn:test",
        "state": "{}",
    }


def _unplaced(number: int, subject: str) -> dict[str, Any]:
    return {"id": f"m-{number}", "type": "t", "subject": subject, "at": "2026-11-09T01:00:00.000Z"}


def _ledger(number: int, outputs: bytes | None) -> dict[str, Any]:
    return {"consumer": "journey", "id": f"m-{number}", "outputs": outputs, "at": 1.0}


def _told(settings: Settings) -> dict[str, Any]:
    store = open_store(settings, "journey")
    try:
        with store.writer.begin() as connection:
            connection.execute(insert(journey_tables.cases), [_case(3), _case(2)])
            waiting = [_unplaced(1, "case-3"), _unplaced(2, "case-7"), _unplaced(3, "case-7")]
            connection.execute(insert(journey_tables.unplaced), waiting)
            connection.execute(insert(tables.ledger), [_ledger(1, b"[]"), _ledger(2, None)])
        with store.reader.begin() as connection:
            return holdings.counted(connection, (*journey.HOLDINGS, *holdings.of_the_runtime(journey.MESSAGES)))
    finally:
        store.writer.dispose()
        store.reader.dispose()


def test_distinct_cases_are_counted_over_all_tables_and_rows_where_none_is_named(settings: Settings) -> None:
    """Cases 2, 3 and 7 once each, and the one stored outcome that may be somebody else's."""
    told = _told(settings)
    assert (told["persons"], told["cases"]) == (4, 4)
    by_name = {table["table"]: table for table in told["tables"]}
    assert (by_name["cases"]["rows"], by_name["cases"]["cases"]) == (2, 2)
    assert (by_name["unplaced"]["rows"], by_name["unplaced"]["cases"]) == (3, 2)
    assert (by_name["ledger"]["rows"], by_name["ledger"]["cases"]) == (1, 1)
    assert by_name["cases"]["oldest"] == "2026-11-02T01:00:00.000Z"
    assert by_name["ledger"]["oldest"] == "1970-01-01T00:00:01.000Z"
    assert by_name["timers"] | {"fields": []} == {
        "table": "timers",
        "zh": "定时器",
        "en": "timers",
        "fields": [],
        "rows": 0,
        "cases": 0,
        "oldest": None,
        "kept_days": None,
    }
