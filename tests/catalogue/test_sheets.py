"""The sheets open in a spreadsheet, say what the tables say, and run nothing there."""

from __future__ import annotations

import csv
import io
from typing import Final

import pytest

from contracts.fields import FIELDS
from contracts.purposes import PURPOSES
from contracts.registry import CONTRACTS
from services.catalogue.dictionary import dictionary
from services.catalogue.installation import Used
from services.catalogue.sheets import harmless, sheets
from services.catalogue.topics import entries
from tests.catalogue.conftest import installation

NAMES: Final = ("topics.csv", "contracts.csv", "dictionary.csv", "occurrences.csv", "grants.csv")


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_opens_with_its_chinese(exported: dict[str, bytes], name: str) -> None:
    """UTF-8 with its mark, lines as RFC 4180 has them, every row as long as its head."""
    content = exported[name]
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\r\n")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) > 1


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_a_formula(exported: dict[str, bytes], name: str) -> None:
    """Not even one that an operator's file would have brought in."""
    cells = [cell for row in _rows(exported[name]) for cell in row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_what_would_be_calculated_is_text(text: str) -> None:
    """An apostrophe stands before it; all else stays as it is."""
    assert harmless(text) == f"'{text}"
    assert harmless("a=b") == "a=b"
    assert harmless(None) == ""
    assert harmless(("a", 1)) == "a; 1"


def test_topics_say_who_why_and_how_long(exported: dict[str, bytes]) -> None:
    """Every topic, with everything that the rulebook's section 4 asks of one."""
    rows = {row["topic"]: row for row in _rows(exported["topics.csv"])}
    assert set(rows) == {topic.name for topic in installation().topics()}
    for row in rows.values():
        assert all(row[name] for name in ("zh", "en", "owner", "class", "retention_days", "partitions"))
        assert row["contracts"] or row["kind"] == "poison"
        assert row["basis"] or row["kind"] == "poison"
    assert rows["sale.events"]["readers"] == "journey; projection"
    assert rows["sale.events"]["basis"] == "necessary for a contract: Personal Information Protection Law, Art. 13"
    assert rows["telemetry.spans"]["basis"] == "none needed"
    assert rows["to.tax-office.sale.events"]["basis"].startswith("PTL 3-6, 12; TCL 6;")


def test_contracts_and_fields_are_all_there(exported: dict[str, bytes]) -> None:
    """Each version on a line, each field on a line, and the matrix beside it."""
    versions = sum(each.newest for each in CONTRACTS.values())
    assert len(_rows(exported["contracts.csv"])) == versions
    fields = {row["field"]: row for row in _rows(exported["dictionary.csv"])}
    assert list(fields) == list(FIELDS)
    assert fields["buyer_id_no"]["I"] == "full"
    assert fields["buyer_id_no"]["M"] == "denied"
    assert fields["coc_hash"]["I"] == "hashed"
    assert fields["loan_contract_no"]["only_in"] == "P=mortgage.register"
    assert {row["basis"] for row in _rows(exported["contracts.csv"])} == {row.basis for row in PURPOSES.values()}


def test_a_grant_tells_what_was_really_disclosed() -> None:
    """By field; zero where nothing was, and nothing at all where nobody could be asked."""
    used = {"bank-one-tax": Used(7, {"vin": 7, "tax_paid_at": 6})}

    def grants(whose: dict[str, Used] | None) -> dict[tuple[str, str], str]:
        """What the sheet says was disclosed, by grant and field."""
        house = installation(whose)
        rows = _rows(sheets(house, entries(house), dictionary())["grants.csv"])
        return {(row["grant"], row["field"]): row["disclosed"] for row in rows}

    told = grants(used)
    assert told["bank-one-tax", "tax_paid_at"] == "6"
    assert told["tax-office-returns", "vin"] == "0"
    assert set(grants(None).values()) == {""}
