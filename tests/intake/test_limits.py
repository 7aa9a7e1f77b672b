"""What is too much for the door is refused early and clearly, and nobody else waits for it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from services.intake import importing, uploads
from services.intake.files.reading import open_file
from tests.intake.conftest import WITHIN_S

HEADER_AND_ROW = 2


def lines_of(samples: Path) -> list[bytes]:
    return (samples / "sales.csv").read_bytes().splitlines(keepends=True)


def test_a_batch_has_a_thousand_items_at_most(house: Any) -> None:
    """More are refused as a whole, with the fix, before any is looked at."""
    body = b"[" + b"0," * 600_000 + b"0]"
    answer = house.publish(body, Content_Type="application/cloudevents-batch+json")
    assert (answer.status, answer.reasons) == (413, {"too_many_items"})
    assert "send several" in answer.json["detail"]
    answer = house.publish([0] * 1000)
    assert (answer.status, len(answer.json["results"])) == (200, 1000)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_file_that_is_wrong_as_a_whole_is_not_read_to_its_end(house: Any, samples: Path, accept: str) -> None:
    """After a thousand refused rows it stops, says where, and keeps what came in before."""
    header, first, *_ = lines_of(samples)
    answer = house.upload(header + first + b"x\r\n" * 5000, Accept=accept)
    *rows, end = [json.loads(line) for line in answer.body.splitlines()]
    refused = [each for told in rows for each in told["refused"]] or end["rows"]
    assert answer.status == 200
    assert (end["accepted"], end["refused"]) == (1, 1001)
    stop = HEADER_AND_ROW + 1000 + 1
    assert (end["stopped"]["reason"], end["stopped"]["line"]) == ("too_many_refused", stop)
    assert (refused[-1]["line"], refused[-1]["errors"][0]["reason"]) == (stop, "too_many_refused")
    assert len(house.sent) == 1


def test_a_thousand_refused_rows_to_the_end_are_no_stop(house: Any, samples: Path) -> None:
    """Nothing was left unread."""
    answer = house.upload(lines_of(samples)[0] + b"x\r\n" * 1000)
    assert (answer.json["refused"], answer.json["stopped"]) == (1000, None)


def test_rows_beyond_the_most_are_not_read(house: Any, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before stay accepted, and the line of the first unread one is told."""
    assert importing.MOST_ROWS == 50_000
    monkeypatch.setattr(importing, "MOST_ROWS", 3)
    answer = house.upload(b"".join(lines_of(samples)[:10]))
    assert (answer.json["accepted"], answer.json["refused"]) == (3, 1)
    assert (answer.json["stopped"]["reason"], answer.json["stopped"]["line"]) == ("too_many_rows", 5)


@pytest.mark.parametrize("filling", [b"", b"x,y\r\n" * 100_000], ids=["short", "long"])
def test_an_unclosed_quote_ends_the_file_once(house: Any, samples: Path, filling: bytes) -> None:
    """It is refused at its own line; what stands behind it is no row."""
    header, first, second, *_ = lines_of(samples)
    answer = house.upload(header + first + b'"' + second + filling)
    assert answer.json["accepted"] == 1
    (row,) = answer.json["rows"]
    assert (row["line"], row["errors"][0]["reason"]) == (3, "unclosed_quote")


def test_a_line_longer_than_any_row_is_refused_alone(house: Any, samples: Path) -> None:
    """The row behind it comes in, under its own line."""
    header, first, second, *_ = lines_of(samples)
    answer = house.upload(header + first + b"," * 1_000_000 + b"\r\n" + b"x\r\n" + second)
    assert answer.json["accepted"] == 2
    assert [row["line"] for row in answer.json["rows"]] == [3, 4]
    assert answer.json["rows"][0]["errors"][0]["reason"] == "line_too_long"


@pytest.mark.parametrize("header", [b"a," * 1_000_000, b"a," * 5_000], ids=["long", "many"])
def test_a_header_has_its_limits(house: Any, header: bytes) -> None:
    """It is refused before its columns are looked for."""
    answer = house.upload(header)
    assert answer.status == 400
    assert answer.reasons <= {"line_too_long", "too_many_columns"}


def test_a_message_is_told_thirty_faults_at_most(house: Any, event: dict[str, Any]) -> None:
    """In a file as well as alone."""
    data = event["data"] | {f"unknown_{number}": 1 for number in range(100)}
    assert len(house.publish(event | {"data": data}).json["errors"]) == 30
    row = house.upload(json.dumps([event | {"data": data}]).encode(), "application/json").json["rows"][0]
    assert len(row["errors"]) == 30


def test_work_ends_when_the_sender_is_gone(house: Any, samples: Path, condition: Callable[..., None]) -> None:
    """Not all rows of a file are taken in for somebody who hung up, and the same file again takes in the rest."""
    rows = [json.loads(line) for line in (samples / "sales.jsonl").read_bytes().splitlines()]
    body = b"\n".join(
        json.dumps(row | {"order_no": f"{row['order_no']}-{number}"}).encode() for number in range(4) for row in rows
    )
    with socket.create_connection(("127.0.0.1", house.port)) as client:
        client.sendall(
            b"POST /v1/sales/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
            + f"Authorization: Bearer {house.tokens['platform']}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        condition(lambda: house.sent)
    again = house.upload(body, "application/x-ndjson").json
    assert again["accepted"] + again["replayed"] == len(rows) * 4
    assert 0 < again["replayed"] < len(rows) * 4


@pytest.mark.parametrize(
    ("where", "step"), [(uploads, "opened"), (importing, "sale_of")], ids=["opening it", "reading its rows"]
)
def test_others_are_answered_while_a_file_is_read(
    house: Any, samples: Path, monkeypatch: pytest.MonkeyPatch, where: ModuleType, step: str
) -> None:
    """Somebody's megabytes are read beside the loop: whoever comes meanwhile is answered before they are done."""
    reading, answered = threading.Event(), threading.Event()
    read = getattr(where, step)

    def held(*given: Any) -> Any:
        reading.set()
        assert answered.wait(WITHIN_S), "nobody was answered while the file was read"
        return read(*given)

    monkeypatch.setattr(where, step, held)
    with ThreadPoolExecutor(1) as other:
        upload = other.submit(house.upload, b"".join(lines_of(samples)[:2]))
        assert reading.wait(WITHIN_S)
        assert house.send("GET", "/v1/sales?order_no=x").status == http.client.OK
        answered.set()
        assert upload.result(WITHIN_S).json["accepted"] == 1


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf\r\n"])
def test_a_mark_alone_is_an_empty_file(house: Any, mark: bytes) -> None:
    """And is told so."""
    assert house.upload(mark).reasons == {"empty"}


def test_a_coding_that_changes_nothing_is_taken_in_any_case(house: Any, event: dict[str, Any]) -> None:
    """HTTP's names of codings have no case."""
    assert house.publish(event, Content_Encoding="Identity").status == 202


def test_an_id_of_nothing_but_space_is_none(house: Any, event: dict[str, Any]) -> None:
    """It is refused as missing."""
    answer = house.publish(event | {"id": " \u3000"})
    assert (answer.status, answer.reasons) == (400, {"missing"})


def test_json_files_keep_their_lines(samples: Path) -> None:
    """Blank lines count, and the last one needs no end."""
    file = open_file(b'\n{"vin":"a"}\r\n\n{"vin":"b"}', "jsonl")
    assert [row.line for row in file.rows] == [2, 4]
