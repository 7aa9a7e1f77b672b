"""What dealers' systems export goes all the way: every file of the samples, through a whole installation.

The checker judges it once, with everything else that this installation went through: `test_other_clients.py`.
"""

from __future__ import annotations

import csv
import http.client
import json
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.road import librdkafka
from tests.road.installation import SAMPLES, OwnInstallation, Typed

CLOSED_WITHIN_S = 60

pytestmark = pytest.mark.timeout(500)


def published_orders(installation: OwnInstallation) -> list[str]:
    """The order numbers in the raw topic, each as often as it was published."""
    records = librdkafka.records(installation.kafka, ["sale.events"])
    return sorted(json.loads(record.value() or b"")["order_no"] for record in records)


def test_all_sales_of_the_file_close(samples: Typed, installation: OwnInstallation) -> None:
    """400 accepted, 400 closed; none waits for a person."""
    assert (samples.code, samples.answer) == (0, {"accepted": 400, "replayed": 0, "refused": 0, "rows": []})
    cases = installation.cases()
    assert cases["closed"] >= 400
    assert {name: count for name, count in cases.items() if count and name != "closed"} == {}


@pytest.mark.parametrize(("name", "rows"), [("sales.jsonl", 400), ("sales-gb18030.csv", 100)])
def test_another_writing_of_the_same_sales_creates_nothing(
    samples: Typed, installation: OwnInstallation, name: str, rows: int
) -> None:
    """Recognised row by row: the same id and content, so nothing is published and no case is opened."""
    orders, cases = published_orders(installation), installation.cases()
    typed = installation.type_in("sale", "publish", str(SAMPLES / name), "--dated", "today")
    assert (typed.code, typed.answer) == (0, {"accepted": 0, "replayed": rows, "refused": 0, "rows": []})
    assert (published_orders(installation), installation.cases()) == (orders, cases)


def test_bad_rows_get_their_code_and_the_others_close(installation: OwnInstallation) -> None:
    """Each row its expected code; what is refused is not published, what is coded 0 is, and closes."""
    rows = bad_rows()
    expected = [{"line": line, "codes": [row["期望代码"]]} for line, row in rows.items() if row["期望代码"] != "0"]
    before = installation.cases()["closed"]

    typed = installation.type_in("sale", "publish", str(SAMPLES / "bad.csv"), "--dated", "today")

    assert typed.code == 1
    assert typed.answer == {"accepted": 3, "replayed": 0, "refused": 27, "rows": expected}
    installation.until_closed(before + 3, CLOSED_WITHIN_S)
    wanted = {row["销售单号"] for row in rows.values() if row["期望代码"] == "0"}
    assert {row["销售单号"] for row in rows.values()} & set(published_orders(installation)) == wanted


def test_the_risk_report_counts_the_sales_that_were_made(
    samples: Typed, installation: OwnInstallation, tmp_path: Path
) -> None:
    """As many persons as there were cases, wherever buyers are known; what is told holds no word of any sale."""
    assert samples.code == 0
    accepted = sum(installation.cases()[name] for name in ("open", "closed", "cancelled", "refused"))
    typed = installation.type_in("risk", "report", "--to", str(tmp_path / "risk.html"))
    assert (typed.code, typed.answer["persons"]) == (0, accepted)
    persons = {store["store"]: store["persons"] for store in typed.answer["stores"]}
    for store in ("journey", "dispatch", "sale.events", "to.tax-office.sale.events"):
        assert persons[store] == accepted, store
    assert (persons["intake"], persons["console"], persons["projection"]) == (0, 0, 0)
    assert {told["subscriber"]: told["vehicles"] for told in typed.answer["recipients"]}["tax-office"] == accepted
    text = "".join((tmp_path / name).read_text(encoding="utf-8") for name in ("risk.html", "risk.json"))
    assert [
        word for row in sample_rows() for word in (row["购车人"], row["车架号"], row["手机号"]) if word in text
    ] == []


@pytest.mark.parametrize("service", ["door", "journey", "dispatch", "projection", "console"])
def test_what_a_service_holds_is_told_to_operators_alone(installation: OwnInstallation, service: str) -> None:
    """Even numbers only; the console, which has pages, shows others the way to its login."""
    address = urlsplit(installation.stack.urls[service])
    with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)) as connection:
        connection.request("GET", "/holdings")
        assert connection.getresponse().status == (303 if service == "console" else 401)


def sample_rows() -> list[dict[str, str]]:
    with (SAMPLES / "sales.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def bad_rows() -> dict[int, dict[str, Any]]:
    """By physical line, the header being 1."""
    with (SAMPLES / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        return {reader.line_num: row for row in reader}  # noqa: B035 - it moves with each row
