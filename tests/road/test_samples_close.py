"""What dealers' systems export goes all the way: every file of the samples, through a whole installation.

The checker judges it once, with everything else that this installation went through: `test_other_clients.py`.
"""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from tests.road import librdkafka
from tests.road.installation import SAMPLES, OwnInstallation, Typed

CLOSED_WITHIN_S = 60

pytestmark = pytest.mark.timeout(300)


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


def bad_rows() -> dict[int, dict[str, Any]]:
    """By physical line, the header being 1."""
    with (SAMPLES / "bad.csv").open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        return {reader.line_num: row for row in reader}  # noqa: B035 - it moves with each row
