"""Dealers' files: the samples, and what Excel and older systems do to them."""

from __future__ import annotations

import csv
import io
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

Rows = list[dict[str, str]]


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def write(rows: Sequence[dict[str, str]], **dialect: Any) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def counts(answer: Any) -> tuple[int, int, int]:
    assert answer.status == 200, answer.body
    return answer.json["accepted"], answer.json["replayed"], answer.json["refused"]


@pytest.fixture
def rows(samples: Path) -> Rows:
    """The first five sales of the samples, as a CSV has them."""
    return read(samples / "sales.csv")[:5]


def test_the_samples_come_in_once_whatever_they_are_written_in(house: Any, samples: Path) -> None:
    """400 sales by CSV; JSON lines and GB18030 after it create nothing new."""
    assert counts(house.upload((samples / "sales.csv").read_bytes(), query="?dated=today")) == (400, 0, 0)
    assert counts(house.upload((samples / "sales.jsonl").read_bytes(), "application/x-ndjson")) == (0, 400, 0)
    gb18030 = house.upload((samples / "sales-gb18030.csv").read_bytes())
    assert counts(gb18030) == (0, 100, 0)
    assert gb18030.json["encoding"] == "gb18030"
    assert len(house.sent) == 400
    assert {message.data.sold_on.isoformat() for message in house.messages()} == {"2026-11-02"}


def test_the_samples_come_in_by_lines_first_as_well(house: Any, samples: Path) -> None:
    """Which file comes first does not matter."""
    assert counts(house.upload((samples / "sales.jsonl").read_bytes(), "application/x-ndjson")) == (400, 0, 0)
    assert counts(house.upload((samples / "sales.csv").read_bytes())) == (0, 400, 0)


def test_a_row_says_who_sold_and_under_which_number(house: Any, rows: Rows) -> None:
    """Source and id are the dealer's, whoever uploads the file."""
    house.upload(write(rows[:1]).encode())
    house.upload(write(rows[:1]).encode(), publisher="changan")
    (message,) = house.messages()
    dealer = rows[0]["经销商统一社会信用代码"]
    assert message.envelope.source == f"urn:tongche:dealer:{dealer}"
    assert message.envelope.sourceid == f"{dealer}:{rows[0]['销售单号']}"
    assert (message.data.amount_incl, message.data.amount_excl, message.data.vat) == (17100050, 15132788, 1967262)
    for publisher in ("platform", "changan"):
        assert house.send("GET", f"/v1/sales/{message.envelope.id}", publisher=publisher).status == 200


@pytest.mark.parametrize("query", ["", "?dated=today"])
def test_every_bad_row_gets_its_code_and_no_other(house: Any, samples: Path, query: str) -> None:
    """The rows that must be accepted are published, the others are not."""
    answer = house.upload((samples / "bad.csv").read_bytes(), query=query)
    expected = {line: row["期望代码"] for line, row in enumerate(read(samples / "bad.csv"), start=2)}
    refused = {row["line"]: row["codes"] for row in answer.json["rows"]}
    assert refused == {line: [code] for line, code in expected.items() if code != "0"}
    assert len(house.sent) == answer.json["accepted"] == 3
    assert answer.json["unknown_columns"] == ["期望代码", "说明"]


def test_a_formula_in_a_text_is_text(house: Any, samples: Path) -> None:
    """Free text comes back byte for byte; numbers are normalised."""
    house.upload((samples / "bad.csv").read_bytes())
    models = {message.data.model for message in house.messages()}
    assert '=HYPERLINK("x")' in models
    assert all(message.data.vin.isascii() and message.data.vin.isupper() for message in house.messages())


def test_no_report_repeats_what_a_row_said(house: Any, samples: Path) -> None:
    """Names, identity numbers, phones and wrong VINs of refused rows are nowhere in the answer."""
    answer = house.upload((samples / "bad.csv").read_bytes()).body.decode()
    for row in read(samples / "bad.csv"):
        for column in ("购车人", "证件号码", "手机号"):
            assert row[column] not in answer
        if row["期望代码"] == "V101" and row["车架号"]:
            assert row["车架号"] not in answer


DIALECTS = {
    "plain": lambda rows: write(rows).encode(),
    "with a mark": lambda rows: write(rows).encode("utf-8-sig"),
    "line feeds only": lambda rows: write(rows, lineterminator="\n").encode(),
    "semicolons": lambda rows: write(rows, delimiter=";").encode(),
    "Excel's separator line": lambda rows: b"sep=;\r\n" + write(rows, delimiter=";").encode(),
    "everything quoted": lambda rows: write(rows, quoting=csv.QUOTE_ALL).encode(),
    "tabs in UTF-16, as Excel's Unicode text": lambda rows: write(rows, delimiter="\t").encode("utf-16"),
    "UTF-16 of the other kind": lambda rows: b"\xfe\xff" + write(rows, delimiter="\t").encode("utf-16-be"),
    "GB18030": lambda rows: write(rows).encode("gb18030"),
    "columns backwards": lambda rows: write([dict(reversed(row.items())) for row in rows]).encode(),
    "text guards": lambda rows: write([{k: f'="{v}"' for k, v in row.items()} for row in rows]).encode(),
    "trailing tabs": lambda rows: write(
        [{k: f"{v}\t" if v[:1].isdigit() else v for k, v in row.items()} for row in rows]
    ).encode(),
    "trailing empty columns": lambda rows: b"\r\n".join(line + b",,," for line in write(rows).encode().splitlines()),
    "blank lines": lambda rows: b"\r\n" + write(rows).encode().replace(b"\r\n", b"\r\n\r\n") + b",,,\r\n",
    "slashed dates": lambda rows: write(
        [_dates(row, lambda y, m, d: f"{y}/{int(m)}/{int(d)}") for row in rows]
    ).encode(),
    "dates without marks": lambda rows: write([_dates(row, lambda y, m, d: y + m + d) for row in rows]).encode(),
    "Chinese dates": lambda rows: write(
        [_dates(row, lambda y, m, d: f"{y}年{int(m)}月{int(d)}日") for row in rows]
    ).encode(),
    "dates with midnight": lambda rows: write(
        [_dates(row, lambda y, m, d: f"{y}-{m}-{d} 00:00:00") for row in rows]
    ).encode(),
    "thousands": lambda rows: write([row | {"价税合计": f"{float(row['价税合计']):,.2f}"} for row in rows]).encode(),
    "yuan signs": lambda rows: write([row | {"价税合计": "￥" + row["价税合计"]} for row in rows]).encode(),
    "English headers": lambda rows: write([{_english(k): v for k, v in row.items()} for row in rows]).encode(),
    "spaced headers": lambda rows: write([{f" {k} ": v for k, v in row.items()} for row in rows]).encode(),
}


def _dates(row: dict[str, str], shape: Any) -> dict[str, str]:
    return row | {name: shape(*row[name].split("-")) for name in ("制造日期", "销售日期")}


def _english(header: str) -> str:
    from services.intake.files.columns import recognise

    column = recognise(header)
    assert column is not None
    return column.name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_changes_nothing(house: Any, rows: Rows, dialect: str) -> None:
    """However a system writes the same sales, they are the same sales."""
    assert counts(house.upload(write(rows).encode())) == (5, 0, 0)
    assert counts(house.upload(DIALECTS[dialect](rows))) == (0, 5, 0)


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "text/plain"])
def test_json_comes_as_array_object_or_lines(house: Any, samples: Path, kind: str) -> None:
    """An array, one object and lines tell the same sales; without a telling type the content decides."""
    lines = (samples / "sales.jsonl").read_bytes().splitlines()[:3]
    objects = [json.loads(line) for line in lines]
    assert counts(house.upload(json.dumps(objects).encode(), kind)) == (3, 0, 0)
    assert counts(house.upload(json.dumps(objects[0], indent=1).encode(), kind)) == (0, 1, 0)
    lines_kind = "application/x-ndjson" if kind == "application/json" else kind
    assert counts(house.upload(b"\n".join(lines), lines_kind)) == (0, 3, 0)


def test_whole_events_may_stand_in_a_file(house: Any, event: dict[str, Any]) -> None:
    """A maker's file of CloudEvents comes in as if each had been posted."""
    assert house.publish(event).status == 202
    two = [event, event | {"id": "order-2"}]
    assert counts(house.upload(json.dumps(two).encode(), "application/json")) == (1, 1, 0)


def test_a_battery_with_an_invoice_of_its_own_has_a_column(house: Any, rows: Rows) -> None:
    """In yuan without VAT, beside the car's own price; a car that is not plugged in cannot have one."""
    plugged, fuelled = (next(row for row in rows if row["燃料种类"] == kind) for kind in ("EREV", "ICE"))
    told = [row | {"电池价款（不含税）": "50,000.00"} for row in (plugged, fuelled)]
    answer = house.upload(write(told).encode())
    (sale,) = (message.data for message in house.messages())
    assert (sale.fuel_kind, sale.battery_excl, sale.amount_incl) == ("EREV", 5_000_000, 17_100_050)
    (refused,) = answer.json["rows"]
    assert [(error["field"], error["reason"]) for error in refused["errors"]] == [("battery_excl", "battery_of_none")]


def test_a_form_with_a_file_is_an_upload_too(house: Any, rows: Rows) -> None:
    """As a browser sends it; the file's name tells the format."""
    content = write(rows).encode()
    form = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="sales.csv"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--cut--\r\n"
    )
    assert counts(house.upload(form, "multipart/form-data; boundary=cut")) == (5, 0, 0)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=cut"),
        (b"--cut--\r\n", "multipart/form-data; boundary=cut"),
        (b"\x00\x01", "multipart/form-data"),
        (b"--cut\r\nnonsense", "multipart/form-data; boundary=cut"),
        (b"x", "image/png"),
        (b"", "text/csv"),
        (b" \r\n", "text/csv"),
        (b"PK\x03\x04rest", "text/csv"),
        (b"\xd0\xcf\x11\xe0rest", "application/vnd.ms-excel"),
        ("销售单号".encode("utf-32"), "text/csv"),
        ("销售单号,车架号\r\n".encode("utf-16-le"), "text/csv"),
        (b"\xff\xff\xff\xff", "text/csv"),
        (b'"never closed', "text/csv"),
        (b"order_no,vin\nx,y\n", "text/csv"),
        (b"\x00\x00\x00", "text/csv"),
        (b"[1", "application/json"),
        (b"7", "application/json"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(house: Any, body: bytes, kind: str) -> None:
    """With a problem document, and nothing published."""
    answer = house.upload(body, kind)
    assert 400 <= answer.status < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["errors"]
    assert not house.sent


def test_all_missing_columns_are_named_at_once(house: Any, rows: Rows) -> None:
    """With the header that is wanted; a first row without headers is not told back."""
    gone = [{k: v for k, v in row.items() if k not in ("车架号", "价税合计")} for row in rows]
    errors = house.upload(write(gone).encode()).json["errors"]
    assert [(error["field"], error["suggestion"]) for error in errors] == [
        ("vin", "车架号"),
        ("amount_incl", "价税合计"),
    ]
    headless = house.upload(write(rows).encode().split(b"\r\n", 1)[1])
    assert headless.status == 422
    assert "样本" not in headless.body.decode()


def test_lines_are_physical_also_behind_quoted_line_breaks(house: Any, rows: Rows) -> None:
    """A model name over three lines moves the following rows, and stays byte for byte."""
    rows[0]["车型"] = "深蓝\nS07\r\n增程"
    rows[2]["车架号"] = ""
    answer = house.upload(write(rows).encode())
    assert [row["line"] for row in answer.json["rows"]] == [6]
    assert house.messages()[0].data.model == "深蓝\nS07\r\n增程"


def test_a_damaged_row_is_refused_alone(house: Any, rows: Rows) -> None:
    """Broken quoting, a broken byte, a cell too many and digits that Excel threw away cost their own row only."""
    lines = write(rows).encode().split(b"\r\n")
    lines[1] = lines[1].replace("深蓝".encode(), '深"蓝'.encode()).replace(b",EREV", b',"E"REV')
    lines[2] = lines[2].replace("吉".encode(), b"\xe5\x90")
    lines[3] += b",surplus"
    lines[4] = lines[4].replace(rows[3]["证件号码"].encode(), b"1.10105E+17")
    answer = house.upload(b"\r\n".join(lines))
    assert answer.json["accepted"] == 1
    reasons = {row["line"]: {error["reason"] for error in row["errors"]} for row in answer.json["rows"]}
    assert reasons == {
        2: {"broken_quoting"}, 3: {"not_utf8"}, 4: {"too_many_cells"}, 5: {"scientific_notation"},
    }  # fmt: skip


def test_the_same_order_with_another_price_is_refused(house: Any, rows: Rows) -> None:
    """The order number was used for other content; the rest of the file goes in."""
    house.upload(write(rows[:1]).encode())
    answer = house.upload(write([rows[0] | {"价税合计": "171000.51"}, rows[1]]).encode())
    assert counts(answer) == (1, 0, 1)
    assert answer.json["rows"][0]["errors"] == [
        {"code": "V102", "field": "order_no", "reason": "used_for_other_content"}
    ]


def test_progress_is_told_by_lines(house: Any, samples: Path) -> None:
    """Who accepts JSON lines hears after each transaction what is durable, and the counts at the end."""
    answer = house.upload((samples / "sales.csv").read_bytes(), Accept="application/x-ndjson")
    first, second, end = (json.loads(line) for line in answer.body.splitlines())
    assert [len(each["acknowledged"]) for each in (first, second)] == [200, 200]
    assert (first["line"], first["lines"], second["line"]) == (201, 401, 401)
    assert first["acknowledged"][0].keys() == {"line", "id", "source", "sourceid", "vin", "status"}
    assert (end["event"], end["accepted"], end["replayed"], end["refused"]) == ("end", 400, 0, 0)


def test_clients_that_leave_do_not_keep_the_door_busy(house: Any, samples: Path) -> None:
    """Whoever uploads and hangs up gives its place back."""
    body = (samples / "sales.csv").read_bytes()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", house.port)) as client:
            client.sendall(
                b"POST /v1/sales/import HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: text/csv\r\nAccept: application/x-ndjson\r\n"
                + f"Authorization: Bearer {house.tokens['platform']}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
    answer = house.upload(body, Accept="application/x-ndjson")
    assert json.loads(answer.body.splitlines()[-1])["event"] == "end"
