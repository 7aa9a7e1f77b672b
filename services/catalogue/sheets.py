"""The catalogue as CSV files that spreadsheets open: UTF-8 with its mark, CRLF, and no cell that is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from contracts.fields import Party
from contracts.purposes import PURPOSES, Purpose
from contracts.versions import Versions
from contracts.views.subscriber import Grant, Subscriber

from .dictionary import PARTIES, Entry, Place
from .installation import Installation
from .published import all_versions
from .topics import Entry as TopicEntry

Columns = Mapping[str, Callable[[Any], Any]]

_MARK: Final = "\ufeff"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula, or strip to get at one; full width counts in some locales."""


def sheets(installation: Installation, topics: Sequence[TopicEntry], dictionary: Sequence[Entry]) -> dict[str, bytes]:
    """All files by name."""
    return {
        "topics.csv": _sheet(_TOPICS, topics),
        "contracts.csv": _sheet(_CONTRACTS, _versions(topics)),
        "dictionary.csv": dictionary_sheet(dictionary),
        "occurrences.csv": _sheet(_PLACES, _places(dictionary)),
        "grants.csv": _sheet(_GRANTS, _granted(installation)),
    }


def dictionary_sheet(dictionary: Sequence[Entry]) -> bytes:
    """The dictionary: one row a field; the columns of one letter are the parties' sights."""
    return _sheet(_DICTIONARY, dictionary)


def _sheet(columns: Columns, rows: Iterable[Any]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell(row)) for cell in columns.values()] for row in rows)
    return (_MARK + text.getvalue()).encode()


def harmless(cell: Any) -> str:
    """A cell as text: what a spreadsheet would calculate is written with an apostrophe before it (OWASP's advice)."""
    text = _plain(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "1" if cell else "0"
        case tuple() | list() | dict():
            return "; ".join(map(_plain, cell))
        case _:
            return str(cell)


_TOPICS: Final[Columns] = {
    "topic": lambda entry: entry.topic.name,
    "kind": lambda entry: entry.kind,
    "zh": lambda entry: entry.zh,
    "en": lambda entry: entry.topic.purpose,
    "owner": lambda entry: entry.topic.owner,
    "readers": lambda entry: entry.readers,
    "contracts": lambda entry: [each.versions.name for each in entry.contracts],
    "types": lambda entry: [type_ for each in entry.contracts for type_ in each.types],
    "basis": lambda entry: [said.en or said.zh for said in entry.bases],
    "class": lambda entry: entry.grade,
    "retention_days": lambda entry: entry.topic.retention.days,
    "partitions": lambda entry: entry.topic.partitions,
}


class _Version(NamedTuple):
    versions: Versions
    number: int
    purpose: Purpose
    topics: list[str]


def _versions(topics: Sequence[TopicEntry]) -> Iterator[_Version]:
    for versions, number in all_versions():
        on = [
            entry.topic.name
            for entry in topics
            if any(each.versions is versions and number in each.numbers for each in entry.contracts)
        ]
        yield _Version(versions, number, PURPOSES[versions.name], on)


_CONTRACTS: Final[Columns] = {
    "contract": lambda row: row.versions.name,
    "version": lambda row: row.number,
    "type": lambda row: row.versions.type_of(row.number),
    "zh": lambda row: row.purpose.zh,
    "en": lambda row: row.versions.purpose,
    "kind": lambda row: row.versions.kind,
    "owner": lambda row: row.versions.owner,
    "basis": lambda row: row.purpose.basis,
    "articles": lambda row: [one.en for one in row.purpose.cites],
    "topics": lambda row: row.topics,
}


def _sight(party: Party) -> Callable[[Entry], str]:
    return lambda entry: entry.field.sights[party]


_DICTIONARY: Final[Columns] = {
    "field": lambda entry: entry.field.name,
    "zh": lambda entry: entry.field.zh,
    "en": lambda entry: entry.field.en,
    "type": lambda entry: entry.types,
    "unit": lambda entry: entry.field.unit,
    "standard": lambda entry: entry.field.standard,
    "class": lambda entry: entry.field.grade,
    "personal": lambda entry: entry.field.personal,
    **{party: _sight(party) for party in PARTIES},
    "only_in": lambda entry: [f"{party}={contract}" for party, contract in entry.field.only_in.items()],
    "contracts": lambda entry: [f"{name} v{','.join(map(str, has))}" for name, has in entry.occurs.items()],
    "example": lambda entry: entry.example,
}


def _places(dictionary: Sequence[Entry]) -> Iterator[tuple[str, Place]]:
    return ((entry.field.name, place) for entry in dictionary for place in entry.places)


_PLACES: Final[Columns] = {
    "field": lambda row: row[0],
    "contract": lambda row: row[1].contract,
    "version": lambda row: row[1].version,
    "path": lambda row: row[1].path,
    "required": lambda row: row[1].required,
    "type": lambda row: row[1].type,
}


class _Granted(NamedTuple):
    """A field of a grant; `disclosed` is in how many messages it was, or None where nothing runs that could tell."""

    subscriber: Subscriber
    grant: Grant
    field: str
    disclosed: int | None


def _granted(installation: Installation) -> Iterator[_Granted]:
    for subscriber, grant in installation.subscribers.grants():
        for name in grant.fields:
            yield _Granted(subscriber, grant, name, installation.disclosed(grant.id, name))


_GRANTS: Final[Columns] = {
    "subscriber": lambda row: row.subscriber.name,
    "title": lambda row: row.subscriber.title,
    "party": lambda row: row.subscriber.party,
    "jurisdiction": lambda row: row.subscriber.jurisdiction,
    "grant": lambda row: row.grant.id,
    "contract": lambda row: row.grant.contract,
    "version": lambda row: row.grant.version,
    "field": lambda row: row.field,
    "purpose": lambda row: row.grant.purpose,
    "legal_basis": lambda row: row.grant.legal_basis,
    "from": lambda row: row.grant.since and row.grant.since.isoformat(),
    "until": lambda row: row.grant.until and row.grant.until.isoformat(),
    "disclosed": lambda row: row.disclosed,
}
