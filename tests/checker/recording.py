"""Evidence of a real run, kept as a file, that a test may spoil.

Recorded anew with `tongche demo --sales 7 --seed 11 --data D` and `python -m tests.checker.recording D/evidence`.
Seven sales for cash, on credit and for export, all closed, while the police were down for a few seconds. The buyers
are invented. The broker's own log stays out: it names folders of the machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

Line = dict[str, Any]

_ARCHIVE: Final = Path(__file__).with_name("recorded.zip")
_LEFT_OUT: Final = "kafka.log"
_LEDGER: Final = "simulator/ledger.jsonl"


@dataclass(frozen=True)
class Recording:
    """A copy of the evidence in a folder of its own."""

    folder: Path

    @property
    def later(self) -> datetime:
        """A moment long after everything that was on its way should have arrived."""
        told = json.loads((self.folder / "reading.json").read_text(encoding="utf-8"))
        return datetime.fromisoformat(told["at"]) + timedelta(minutes=10)

    def lines(self, part: str) -> list[Line]:
        """All lines of a part."""
        return [json.loads(line) for line in (self.folder / part).read_text(encoding="utf-8").splitlines()]

    def rewrite(self, part: str, lines: list[Line]) -> None:
        """Replace a part by these lines."""
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (self.folder / part).write_text(text, encoding="utf-8")

    def append(self, part: str, text: str) -> str:
        """Add a line to a text; where it stands."""
        file = self.folder / part
        before = file.read_text(encoding="utf-8")
        file.write_text(before + text + "\n", encoding="utf-8")
        return f"{part}:{before.count(chr(10)) + 1}"

    def ledger(self) -> list[Line]:
        """The agencies' own effects."""
        return self.lines(_LEDGER)

    def keep_ledger(self, lines: list[Line]) -> None:
        """Replace the agencies' own effects."""
        self.rewrite(_LEDGER, lines)

    def sale(self, kind: str) -> Line:
        """The first sale of a kind (cash, loan, export): its contract's data, and its case as `id`."""
        return next(sale for sale in self._sales() if _kind(sale) == kind)

    def _sales(self) -> Iterator[Line]:
        for record in self.lines("topics/sale.events.jsonl"):
            yield {**json.loads(record["value"]), "id": record["headers"]["ce_id"]}

    def record(self, topic: str, contract: str, case: str) -> Line:
        """The last record of a contract about a case."""
        *_, found = (one for one in self.lines(f"topics/{topic}.jsonl") if _is_about(one, contract, case))
        return found

    def change(self, topic: str, chosen: Callable[[Line], bool], spoil: Callable[[Line], None]) -> str:
        """Spoil the data of the records that are chosen; where the last of them stands."""
        records, where = self.lines(f"topics/{topic}.jsonl"), ""
        for record in filter(chosen, records):
            data = json.loads(record["value"])
            spoil(data)
            record["value"] = _written(data)
            where = place(topic, record)
        self.rewrite(f"topics/{topic}.jsonl", records)
        return where

    def remove(self, topic: str, chosen: Callable[[Line], bool]) -> None:
        """Take records away."""
        records = self.lines(f"topics/{topic}.jsonl")
        self.rewrite(f"topics/{topic}.jsonl", [record for record in records if not chosen(record)])

    def put(self, topic: str, like: Line, data: Line | None = None, **headers: str) -> Line:
        """Add a record like another at the end of its partition, with other headers or other data."""
        records = self.lines(f"topics/{topic}.jsonl")
        offsets = [one["offset"] for one in records if one["partition"] == like["partition"]]
        value = like["value"] if data is None else _written(data)
        added = {**like, "offset": max(offsets, default=-1) + 1, "value": value, "headers": like["headers"] | headers}
        self.rewrite(f"topics/{topic}.jsonl", [*records, added])
        return added


def place(topic: str, record: Line) -> str:
    """Where a record stands, as findings say it."""
    return f"{topic}[{record['partition']}]@{record['offset']}"


def about(contract: str, case: str) -> Callable[[Line], bool]:
    """Chooses the records of a contract about a case."""
    return lambda record: _is_about(record, contract, case)


def fate(command: str, case: str) -> Callable[[Line], bool]:
    """Chooses what was said about the delivery of a command of a case."""
    return lambda record: _is_about(record, "delivery.changed", case) and f'"command":"{command}"' in record["value"]


def _is_about(record: Line, contract: str, case: str) -> bool:
    subject, type_ = str(record["headers"]["ce_subject"]), str(record["headers"]["ce_type"])
    return subject == case and type_.startswith(f"tongche.{contract}.v")


def _written(data: Line) -> str:
    """As our services write it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _kind(sale: Line) -> str:
    return "export" if sale.get("export") else "loan" if sale.get("loan") else "cash"


def unpacked(folder: Path) -> Recording:
    """The recorded evidence, in that folder."""
    with ZipFile(_ARCHIVE) as archive:
        archive.extractall(folder)
    return Recording(folder)


def _pack(evidence: Path) -> None:
    with ZipFile(_ARCHIVE, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(path for path in evidence.rglob("*") if path.is_file() and path.name != _LEFT_OUT):
            archive.write(file, file.relative_to(evidence))


if __name__ == "__main__":
    _pack(Path(sys.argv[1]))
