"""Whatever is thrown at the door is answered, never with a 5xx, and what it accepts comes out as it went in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.intake.files.columns import COLUMNS

NAUGHTY = [
    "undefined", "null", "NULL", "None", "true", "NaN", "0", "-1", "1e400", "0x10", "1/0", "١٢٣", "１２３",
    "'", '"', "''", '""', "`", "\\", "\\\\", "../../etc/passwd", "%00", "%s%n", "${jndi:ldap://x}", "{{7*7}}",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "]]>", "&amp;", "'; drop table submissions;--",
    "1' or '1'='1", '=HYPERLINK("x")', "=1+1", "+1", "-1+1", "@SUM(1)", "|cmd", "a,b;c|d", "a\tb", "a\r\nb", "a\nb",
    " leading", "trailing ", "   ", "\u00a0", "\u200b", "\u202egnp.exe", "\ufeff", "\u2028\u2029", "e\u0301", "é",
    "ﷺ", "ﬁ", "Ａ", "😀", "👩‍👩‍👧‍👦", "🇨🇳", "龴𠀀𪚥", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞", "ثم نفس", "test\u0085line", "\ufdd0", "\U0010ffff", "﷽",
    "Ω≈ç√∫", "₁₂₃", "…", "\u00ad", "ẞ", "İi", "ԱԲ", "ก็็็็็", "田中さんにあげて", "\ue000",
]  # fmt: skip

BODIES = {
    "nothing": b"",
    "a space": b" ",
    "a NUL": b"\x00",
    "a mark alone": b"\xef\xbb\xbf",
    "text": b"hello",
    "a number": b"7",
    "a string": b'"x"',
    "null": b"null",
    "an array": b"[]",
    "an empty object": b"{}",
    "an array of nothing": b"[null]",
    "half an object": b'{"specversion":"1.0"',
    "deep arrays": b"[" * 500_000,
    "deep objects": b'{"a":' * 100_000,
    "a long number": b"9" * 500_000,
    "an endless fraction": b"0." + b"3" * 500_000,
    "bad UTF-8": b'{"specversion":"\xff"}',
    "overlong": b'{"specversion":"\xc0\xae"}',
    "UTF-16": '{"specversion":"1.0"}'.encode("utf-16"),
    "UTF-32": '{"specversion":"1.0"}'.encode("utf-32"),
    "GB18030": '{"a":"销售"}'.encode("gb18030"),
    "two values": b"{}{}",
    "a comment": b"/* x */{}",
    "single quotes": b"{'specversion':'1.0'}",
    "XML": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    "a form": b"specversion=1.0&id=1",
    "gzip": b"\x1f\x8b\x08\x00rest",
    "zip": b"PK\x03\x04",
    "HTTP inside": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "many names": b"{" + b",".join(b'"%d":1' % number for number in range(50_000)) + b"}",
    "a long name": b'{"' + b"a" * 500_000 + b'":1}',
    "a long string": b'{"id":"' + b"a" * 900_000 + b'"}',
    "escaped NUL as name": b'{"\\u0000":1}',
    "a prototype": b'{"__proto__":{"a":1},"constructor":{}}',
}

ATTRIBUTES: list[tuple[str, Any]] = [
    ("specversion", None), ("specversion", "0.3"), ("specversion", 1.0), ("specversion", ["1.0"]),
    ("id", None), ("id", ""), ("id", 7), ("id", {}), ("id", "x" * 201), ("id", "a\u0000b"), ("id", "a\nb"),
    ("source", None), ("source", ""), ("source", "a b"), ("source", "来源"), ("source", "x" * 201), ("source", []),
    ("type", None), ("type", ""), ("type", "tongche.sale.confirmed.v3"), ("type", "tongche.sale.confirmed.v0"),
    ("type", "tongche.tax.paid.v1"), ("type", "tongche.case.changed.v1"), ("type", "x" * 5000), ("type", 1),
    ("type", "tongche.sale.confirmed.v99999999999999999999"), ("type", "__class__"),
    ("time", "yesterday"), ("time", "2026-02-30T00:00:00Z"), ("time", "2026-04-13T09:30:00"), ("time", 0),
    ("data", None), ("data", []), ("data", "x"), ("data", {}), ("data_base64", "e30="),
    ("datacontenttype", "text/xml"), ("datacontenttype", 7),
]  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "kind", ["application/cloudevents+json", "application/cloudevents-batch+json", "application/json"]
)
def test_every_body_is_answered(old_house: Any, name: str, kind: str) -> None:
    """Structured, batch and binary: refused as a client's mistake, or, for lists, item by item."""
    attributes = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "x", "ce_type": "y"}
    headers = attributes if kind == "application/json" else {}
    answer = old_house.send("POST", "/v1/sales", BODIES[name], Content_Type=kind, **headers)
    if answer.status == 200:
        assert all(400 <= result["status"] < 500 for result in answer.json["results"])
    else:
        assert 400 <= answer.status < 500
        assert answer.json["errors"]
    assert not old_house.sent


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("kind", ["text/csv", "application/json", "application/x-ndjson", "text/plain"])
def test_every_file_is_answered(old_house: Any, name: str, kind: str) -> None:
    """As whatever kind it comes; nothing of it is taken in."""
    answer = old_house.upload(BODIES[name], kind)
    assert answer.status == 200 or 400 <= answer.status < 500
    assert answer.status != 200 or answer.json["accepted"] == 0
    assert not old_house.sent


@pytest.mark.parametrize(("name", "value"), ATTRIBUTES, ids=lambda value: str(value)[:20])
def test_every_odd_attribute_is_answered(old_house: Any, event: dict[str, Any], name: str, value: Any) -> None:
    """By name, with a reason."""
    event = event | {name: value}
    if value is None:
        del event[name]
    answer = old_house.publish(event)
    assert 400 <= answer.status < 500
    assert answer.json["errors"]
    assert not old_house.sent


@pytest.mark.parametrize(
    "headers",
    [
        {"ce_id": "%ff"},
        {"ce_id": "%00"},
        {"ce_id": "\xff"},
        {"ce_id": ""},
        {"ce_specversion": "2.0"},
        {"ce_time": "now"},
        {"ce_source": "a b"},
    ],
)
def test_every_odd_header_is_answered(old_house: Any, event: dict[str, Any], headers: dict[str, str]) -> None:
    """Binary mode has its own ways to be wrong."""
    right = {f"ce_{name}": event[name] for name in ("specversion", "id", "source", "type")}
    answer = old_house.send(
        "POST", "/v1/sales", json.dumps(event["data"]), Content_Type="application/json", **right | headers
    )
    assert 400 <= answer.status < 500
    assert answer.json["errors"]


def test_naughty_text_comes_back_byte_for_byte(house: Any, event: dict[str, Any]) -> None:
    """In every field of free text; nothing is trimmed, escaped or normalised."""
    for number, text in enumerate(NAUGHTY):
        data = event["data"] | {"maker": text, "model": text}
        data["buyer"] = data["buyer"] | {"buyer_name": text, "address": text}
        answer = house.publish(event | {"id": f"naughty-{number}", "data": data})
        assert answer.status == 202, (text, answer.body)
        published = json.loads(house.sent[-1].value)
        assert published["maker"] == published["model"] == text
        assert published["buyer"]["buyer_name"] == published["buyer"]["address"] == text


@pytest.mark.parametrize("column", [column.name for column in COLUMNS])
def test_naughty_cells_are_answered(house: Any, samples: Any, column: str) -> None:
    """In every column of a file: each row is accepted or refused, and text that is accepted is unchanged."""
    row = json.loads((samples / "sales.jsonl").read_bytes().splitlines()[0])
    rows = [row | {"order_no": f"N{number}"} | {column: text} for number, text in enumerate(NAUGHTY)]
    answer = house.upload(json.dumps(rows).encode(), "application/json")
    assert answer.status == 200
    assert answer.json["accepted"] + answer.json["replayed"] + answer.json["refused"] == len(NAUGHTY)
    field = {"maker": "maker", "model": "model"}.get(column)
    if field:
        assert [json.loads(sent.value)[field] for sent in house.sent] == NAUGHTY


def test_naughty_identifiers_are_normalised_or_refused(house: Any, event: dict[str, Any]) -> None:
    """Full width and lower case become what the standard writes; nothing else gets through."""
    vin = event["data"]["vin"]
    wide = "".join(chr(ord(character) + 0xFEE0) for character in vin.lower())
    assert house.publish(event | {"data": event["data"] | {"vin": f" {wide} "}}).status == 202
    assert house.messages()[0].data.vin == vin
    for number, text in enumerate(NAUGHTY):
        answer = house.publish(event | {"id": f"vin-{number}", "data": event["data"] | {"vin": text}})
        assert (answer.status, answer.codes) == (422, {"V101"})


@pytest.mark.parametrize("id_", NAUGHTY)
def test_a_naughty_id_is_kept_or_refused(old_house: Any, event: dict[str, Any], id_: str) -> None:
    """A publisher's own id comes back exactly, or the event is refused."""
    answer = old_house.publish(event | {"id": id_})
    if answer.status == 202:
        assert old_house.messages()[0].envelope.sourceid == id_
    else:
        assert answer.status == 400
