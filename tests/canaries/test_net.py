"""The search finds what is there: every form of every kind of value, in every kind of place, planted on purpose."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any, Final, get_args

import psycopg
import pytest

from contracts.fields import PERSONAL
from tests.canaries.allowed import is_allowed
from tests.canaries.forms import ANYBODY, Canary, Form, Needle, needles
from tests.canaries.net import Found, Net
from tests.canaries.places import PIECE, of_folder, of_process, tables
from tests.canaries.play import PEOPLE, canaries

NEVER_SAID: Final = frozenset({"plate_no", "loan_contract_no", "grantee_name", "grantee_id_no"})
"""The agencies make the first two up, the others are the buyer's kinds of values in another field."""
PLANTED: Final = Canary("planted", "phone", "15472093815")
BIRD: Final = Canary("planted", "buyer_name", "金丝雀鹭芦")
NET: Final = Net((PLANTED, BIRD))
NOISE: Final = bytes(range(256)) * 3

Plant = Callable[[Path, bytes], None]


def test_every_personal_field_has_its_canaries() -> None:
    """A field that becomes personal in the dictionary must go through here, too."""
    assert {canary.field for canary in canaries()} >= PERSONAL - NEVER_SAID


def test_no_canary_is_like_another() -> None:
    """A hit tells whose value of which field it is."""
    known = list(canaries())
    seen: dict[bytes, Canary] = {}
    for canary in known:
        for needle in needles(canary):
            assert seen.setdefault(needle.bytes, canary) == canary, (canary, seen[needle.bytes])


@pytest.mark.parametrize("form", get_args(Form))
def test_every_form_is_recognised(form: Form) -> None:
    """Of any person's values those that can be so written, wherever it begins."""
    people = [canary for person in PEOPLE.values() for canary in person.canaries()]
    net = Net(people)
    written = [(canary, needle) for canary in people for needle in needles(canary) if needle.form == form]
    assert written
    for canary, needle in written:
        for shift in range(5):
            found = net.found_in(bytes(shift) + b"\x01" + needle.bytes + b"\x01" + NOISE)
            assert (canary, form) in found, canary.field


def test_the_encodings_are_those_of_the_world() -> None:
    """What others' programs write is found, not only what our own table spells."""
    name, phone = BIRD.value, PLANTED.value
    for text, form in (
        (json.dumps({"x": name}), "json"),
        (base64.b64encode(f"xy{name}z".encode()).decode(), "base64"),
        (base64.urlsafe_b64encode(f"x{name}".encode()).decode(), "base64"),
        (f"+86 {phone[:3]} {phone[3:7]} {phone[7:]}", "grouped"),
        (f"…{phone[-8:]}", "part"),
    ):
        assert form in {found.form for found in NET.found_in(text.encode())}, form
    assert {found.form for found in NET.found_in(name.encode("utf-16"))} == {"utf-16"}
    assert {found.form for found in NET.found_in(name.encode("gb18030"))} == {"gb18030"}


def test_digits_within_a_longer_number_are_nobodys() -> None:
    """Moments in nanoseconds hold any eight digits sooner or later."""
    digits = PLANTED.value
    assert not NET.found_in(f"1{digits}".encode())
    assert not NET.found_in(f"99{digits[-8:]}".encode())
    assert NET.found_in(f"({digits})".encode())


# -- places


def _line(into: Path, told: Any) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")


def _told(raw: bytes) -> Any:
    """As the dump of topics tells of bytes."""
    return {"base64": base64.b64encode(raw).decode()}


def _record(**parts: Any) -> Plant:
    def plant(root: Path, raw: bytes) -> None:
        told = {"key": "k", "headers": {"ce_type": "tongche.x.y.v1"}, "value": "{}"}
        _line(
            root / "evidence" / "topics" / "case.events.jsonl", told | {name: part(raw) for name, part in parts.items()}
        )

    return plant


def _file(path: str) -> Plant:
    def plant(root: Path, raw: bytes) -> None:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(NOISE + raw + NOISE)

    return plant


def _sparse(root: Path, raw: bytes) -> None:
    """Far behind a hole, and over the border of two pieces."""
    file = root / "kafka" / "case.events-3" / "0.log"
    file.parent.mkdir(parents=True)
    with file.open("wb") as out:
        out.seek((1 << 30) - 3)
        out.write(raw + b"\x00")
        out.truncate(1 << 31)


def _long(root: Path, raw: bytes) -> None:
    file = root / "logs" / "door.log"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(PIECE - 5) + raw + b"\n")


def _deleted_row(root: Path, raw: bytes) -> None:
    """In a database's file, its row gone: pages keep what nobody has written over."""
    (root / "db").mkdir(parents=True)
    with closing(connect(root / "db" / "console.db")) as db:
        db.executescript("pragma secure_delete = off; create table t (x blob)")
        db.execute("insert into t values (?)", (raw,))
        db.commit()
        db.execute("delete from t")
        db.commit()


def _journal(root: Path, raw: bytes) -> None:
    """With an organisation that has no part in the case; text there is JSON."""
    text = raw.decode("latin-1")
    told = {"organisation": "insurer-91110000MANR1L2N7A", "operation": "insurance.bind", "body": text}
    into = root / "simulator" / "ledger.jsonl"
    into.parent.mkdir(parents=True)
    into.write_bytes(json.dumps(told).encode().replace(json.dumps(text).encode(), b'"' + raw + b'"'))


PLACES: Final[dict[str, tuple[str, Plant]]] = {
    "key": ("topic:case.events:key", _record(key=_told)),
    "header": ("topic:case.events:headers", _record(headers=lambda raw: {"x": _told(raw)})),
    "header's name": ("topic:case.events:headers", _record(headers=lambda raw: {raw.decode("latin-1"): "x"})),
    "value": ("topic:case.events:value:x.y", _record(value=_told)),
    "segment": ("kafka:to.bank-one.sale.events", _file("kafka/to.bank-one.sale.events-11/00.log")),
    "kafka's own file": ("file:kafka/meta.properties", _file("kafka/meta.properties")),
    "hole": ("kafka:case.events", _sparse),
    "log": ("log:kafka", _file("logs/kafka.log")),
    "border": ("log:door", _long),
    "database": ("database:console", _file("db/console.db")),
    "write-ahead log": ("database:projection", _file("db/projection.db-wal")),
    "deleted row": ("database:console", _deleted_row),
    "metrics": ("metrics:dispatch", _file("evidence/metrics/dispatch.prom")),
    "history": ("history:byd", _file("publishers/byd.history.jsonl")),
    "export of cases": ("export:cases", _file("evidence/cases.jsonl")),
    "state": ("file:stack.json", _file("stack.json")),
    "temporary file": ("file:.upload-x7", _file(".upload-x7")),
}


def _planted(name: str) -> list[tuple[Canary, Needle]]:
    """One in each form; what is no text cannot be the name of a header."""
    pairs = [(canary, needle) for canary in (PLANTED, BIRD) for needle in needles(canary)]
    fit = [pair for pair in pairs if name != "header's name" or pair[1].bytes.isascii()]
    return list({needle.form: (canary, needle) for canary, needle in fit}.values())


@pytest.mark.parametrize("name", PLACES)
def test_a_planted_leak_is_found(tmp_path: Path, name: str) -> None:
    """One canary in each form, in each kind of place: each is reported, and nothing allows it."""
    place, plant = PLACES[name]
    for number, (canary, needle) in enumerate(_planted(name)):
        root = tmp_path / str(number)
        plant(root, b"\x01" + needle.bytes + b"\x01" if name != "header's name" else b"-" + needle.bytes)
        found = {(piece.place, *one) for piece in of_folder(root) for one in NET.found_in(piece.data)}
        assert (place, canary, needle.form) in found
        assert not is_allowed(place, canary, needle.form)


def test_a_leak_in_an_agencys_books_is_found(tmp_path: Path) -> None:
    """Another insurer holds what is none of its business."""
    raw = next(needle.bytes for needle in needles(PLANTED) if needle.form == "raw")
    _journal(tmp_path, raw)
    (piece,) = of_folder(tmp_path)
    assert piece.place == "agency:insurer-91110000MANR1L2N7A:insurance.bind"
    assert NET.found_in(piece.data) == {Found(PLANTED, "raw")}


def test_a_leak_in_postgresql_is_found(database: str) -> None:
    """As text, as JSON and as bytes."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table told (a text, b jsonb, c bytea)")
        row = (BIRD.value, json.dumps({"x": PLANTED.value}), b"x")
        connection.execute("insert into told values (%s, %s, %s)", row)
    found = {one for piece in tables(database, "console") for one in NET.found_in(piece.data)}
    assert {Found(BIRD, "raw"), Found(PLANTED, "raw")} <= found


def test_a_leak_in_how_a_process_was_started_is_found() -> None:
    """In its arguments, and in its environment."""
    with subprocess.Popen(
        [sys.executable, "-c", "input(1)", PLANTED.value],
        env={"NAME": BIRD.value},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        # Until it runs, the system may not tell yet how it was started.
        assert child.stdout is not None
        assert child.stdout.read(1) == b"1"
        pieces = list(of_process("x", child.pid))
    found = {(piece.place, one.canary) for piece in pieces for one in NET.found_in(piece.data)}
    if not pieces:
        pytest.skip("this system tells nothing of processes")
    assert found == {("process:x:cmdline", PLANTED), ("process:x:environ", BIRD)}


# -- the matrix


@pytest.mark.parametrize(
    ("place", "case", "field"),
    [
        ("agency:insurer-91110000MAY1GEUH59:insurance.bind", "loan", "loan_contract_no"),
        ("agency:insurer-91110000MANR1L2N7A:insurance.bind", "loan", "vin"),
        ("agency:bank-91110000MAT57WXL1C:loan.apply", "corrected", "buyer_name"),
        ("agency:miit:coc.query", "loan", "buyer_name"),
        ("topic:police.commands:value:registration.register", "loan", "loan_contract_no"),
        ("topic:tax.commands:value:tax.declare", "loan", "phone"),
        ("topic:tax.commands:headers", "loan", "buyer_name"),
        ("topic:case.events:value:case.changed", "loan", "buyer_name"),
        ("topic:to.insurer-one.sale.events:value:sale.confirmed", "loan", "buyer_name"),
        ("topic:to.insurer-one.sale.events:value:sale.confirmed", "kafka", "vin"),
        ("topic:to.nosy.sale.events:value:sale.confirmed", "loan", "vin"),
        ("sealed:insurer-one:sale.confirmed", "loan", "loan_amount"),
        ("log:intake", "loan", "vin"),
        ("database:projection", "loan", "vin"),
        ("refused.byd", "refused", "phone"),
    ],
)
def test_the_matrix_denies(place: str, case: str, field: str) -> None:
    """What a party, or anybody, has no right to, however it is written."""
    assert not any(is_allowed(place, Canary(case, field, "x"), form) for form in get_args(Form))


@pytest.mark.parametrize(
    ("place", "case", "field"),
    [
        ("agency:police:mortgage.register", "loan", "loan_contract_no"),
        ("topic:insurer-91110000MAPYQ79X1X.commands:value:insurance.bind", "kafka", "phone"),
        ("sealed:tax-office:sale.confirmed", "loan", "buyer_id_no"),
        ("database:dispatch", ANYBODY, "decision"),
    ],
)
def test_the_matrix_allows_what_is_plainly_written_only(place: str, case: str, field: str) -> None:
    """Never its unkeyed hash."""
    canary = Canary(case, field, "x")
    assert is_allowed(place, canary, "raw")
    assert not is_allowed(place, canary, "sha256")
