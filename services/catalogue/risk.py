"""The yearly risk assessment (NDR 30, 33) as data: how many persons are held where, against the law's thresholds.

Pure: what was counted comes in, the report goes out. Counts are upper bounds: a case is one sale to one buyer, so there
are never more buyers than cases, and no service holds more cases than the door has accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from contracts.fields import FIELDS, PERSONAL, field_names
from contracts.registry import CONTRACTS
from contracts.topics import Topic, carried, to
from contracts.types import instant_text
from contracts.versions import Versions

from .words import Said

Kind = Literal["database", "topic", "files"]
Told = dict[str, Any]

SOON: Final = timedelta(days=90)
"""A grant that ends within that time is named."""
YEAR: Final = timedelta(days=365)
"""Disclosures are told of that time."""
DOOR: Final = "intake"


class Threshold(NamedTuple):
    """From more than so many persons on, this applies."""

    persons: int
    said: Said
    basis: str


THRESHOLDS: Final = (
    Threshold(
        100_000,
        Said("按重要数据管理：负责人、年度风险评估", "handled as important data: an officer, a yearly assessment"),
        "2021 Provisions; DSL 21; NDR 30, 33",
    ),
    Threshold(
        10_000_000,
        Said("适用大型处理者的重要数据义务", "the duties of a handler of important data apply by number alone"),
        "NDR 28",
    ),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one topic holds: see `services.runtime.census`."""

    records: int
    cases: int
    persons: int
    """Cases with a message that may be about a person."""
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was asked of a running installation; `services` are their answers to `GET /holdings`, by name."""

    at: datetime
    services: Mapping[str, Told]
    topics: Mapping[Topic, Counted]
    grants: Sequence[Told]
    recipients: Sequence[Told]
    files: Mapping[str, int] = field(default_factory=dict)
    """Copies that lie in the data folder, such as the checker's evidence, with as many cases as each has."""


class Store(NamedTuple):
    """One place where something is held."""

    kind: Kind
    name: str
    said: Said
    fields: frozenset[str]
    amount: int
    """Rows or records."""
    cases: int
    persons: int
    oldest: datetime | None
    kept: timedelta | None
    """None: nobody has set an end."""
    known: bool = True
    """Whether one can say what is in it: of bytes that nobody could decode one can not."""

    @property
    def is_whole(self) -> bool:
        """Whether it is a place by itself, and not one table of a database."""
        return self.kind != "database" or "." not in self.name

    @property
    def personal(self) -> tuple[str, ...]:
        """Its fields that the dictionary marks as personal."""
        return tuple(sorted(self.fields & PERSONAL))

    @property
    def grade(self) -> str:
        """That of its most sensitive field; of what nobody knows, the highest."""
        return max((FIELDS[name].grade for name in self.fields), default="G1") if self.known else "G4"

    def past(self, at: datetime) -> bool:
        """Whether something is in it that should be gone."""
        return self.oldest is not None and self.kept is not None and self.oldest + self.kept < at


def report(gathered: Gathered) -> Told:
    """The whole assessment, as JSON has it."""
    stores = tuple(stores_of(gathered))
    largest = max((store for store in stores if store.is_whole), key=lambda store: store.persons)
    return {
        "at": instant_text(gathered.at),
        "persons": largest.persons,
        "largest": largest.name,
        "thresholds": [_against(threshold, largest.persons) for threshold in THRESHOLDS],
        "stores": [_store(store, gathered.at) for store in stores],
        "inventory": _inventory(stores),
        "recipients_since": instant_text(gathered.at - YEAR),
        "recipients": [_recipient(one, gathered.grants) for one in gathered.recipients],
        "grants": [_grant(grant, gathered.at) for grant in gathered.grants],
        "findings": [told._asdict() for told in _findings(gathered, stores)],
    }


def stores_of(gathered: Gathered) -> Iterator[Store]:
    """Every place, the largest kind first: databases, topics, files."""
    accepted = _accepted(gathered.services)
    for service, told in gathered.services.items():
        for table in told["tables"]:
            yield _table(service, table, accepted)
        yield _database(service, told, accepted)
    for topic, counted in gathered.topics.items():
        yield _topic(topic, counted, _shown_on(topic, gathered))
    for name, cases in gathered.files.items():
        said = Said("核查器收集的证据，含各主题原始记录", "the checker's evidence, with the raw records of every topic")
        yield Store("files", name, said, frozenset(FIELDS), cases, cases, cases, None, None)


def _accepted(services: Mapping[str, Told]) -> int:
    """How many cases the door ever opened: nobody inside can hold more."""
    tables = services[DOOR]["tables"]
    return int(next(table["cases"] for table in tables if table["table"] == "submissions"))


def _table(service: str, told: Told, accepted: int) -> Store:
    fields = frozenset(told["fields"])
    cases = min(told["cases"], accepted)
    return Store(
        "database",
        f"{service}.{told['table']}",
        Said(told["zh"], told["en"]),
        fields,
        told["rows"],
        cases,
        cases if fields & PERSONAL else 0,
        _moment(told["oldest"]),
        None if told["kept_days"] is None else timedelta(days=told["kept_days"]),
    )


def _database(service: str, told: Told, accepted: int) -> Store:
    """A service's database as a whole: one who stands in two of its tables is one."""
    return Store(
        "database",
        service,
        Said("整个数据库", "the database as a whole"),
        frozenset(name for table in told["tables"] if table["rows"] for name in table["fields"]),
        sum(table["rows"] for table in told["tables"]),
        min(told["cases"], accepted),
        min(told["persons"], accepted),
        min((_moment(table["oldest"]) for table in told["tables"] if table["oldest"]), default=None, key=_late),
        None,
    )


def topics_of_grants(grants: Iterable[Told]) -> Iterator[Topic]:
    """Where subscribers read, or once did: what stands on a topic outlives the grant under which it came there."""
    for grant in grants:
        for name in grant["topics"]:
            yield to(grant["subscriber"], name.removeprefix(to(grant["subscriber"], "").name))


def _topic(topic: Topic, counted: Counted, shown: frozenset[str]) -> Store:
    fields = shown or frozenset(
        name for versions in _carried(topic) for model in versions.models for name in field_names(model) & FIELDS.keys()
    )
    known = bool(fields)
    persons = (counted.persons if fields & PERSONAL else 0) if known else counted.cases
    said = Said(topic.purpose, topic.purpose)
    return Store(
        "topic",
        topic.name,
        said,
        fields,
        counted.records,
        counted.cases,
        persons,
        counted.oldest,
        topic.retention,
        known,
    )


def _shown_on(topic: Topic, gathered: Gathered) -> frozenset[str]:
    """What a subscriber's topic carries: by the grants of today, and by the record of what those before have shown.

    Nothing where neither tells, as on every topic that is no subscriber's.
    """
    granted = (name for grant in gathered.grants if topic.name in grant["topics"] for name in grant["fields"])
    here = {versions.name for versions in _carried(topic)}
    recorded = (
        name
        for one in gathered.recipients
        if topic.name.startswith(to(one["subscriber"], "").name)
        for contract, names in one["contracts"].items()
        if contract in here
        for name in names
    )
    return frozenset((*granted, *recorded))


def _carried(topic: Topic) -> tuple[Versions, ...]:
    """The contracts on a topic; none where nobody can say, as on a view of what can be subscribed to no more."""
    try:
        return carried(topic.name)
    except KeyError:
        return ()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _late(moment: datetime | None) -> float:
    return moment.timestamp() if moment else float("inf")


def _against(threshold: Threshold, persons: int) -> Told:
    return {
        "persons": threshold.persons,
        **threshold.said._asdict(),
        "basis": threshold.basis,
        "reached": persons > threshold.persons,
        "margin": threshold.persons - persons,
        "share": round(persons / threshold.persons, 6),
    }


def _store(store: Store, at: datetime) -> Told:
    return {
        "kind": store.kind,
        "store": store.name,
        **store.said._asdict(),
        "grade": store.grade,
        "amount": store.amount,
        "cases": store.cases,
        "persons": store.persons,
        "personal_fields": list(store.personal),
        "known": store.known,
        "oldest": None if store.oldest is None else instant_text(store.oldest),
        "kept_days": None if store.kept is None else store.kept.days,
        "past": store.past(at),
        "margins": [threshold.persons - store.persons for threshold in THRESHOLDS],
    }


# -- what there is, by class


def _inventory(stores: Sequence[Store]) -> list[Told]:
    """Per grade, and for personal and sensitive fields: how many fields, contracts and topics, and which stores."""
    grades = sorted({each.grade for each in FIELDS.values()})
    rows = [_class(grade, {name for name, each in FIELDS.items() if each.grade == grade}, stores) for grade in grades]
    kinds = (("PI", "PI"), ("SPI", "SPI"))
    return rows + [
        _class(label, {n for n, each in FIELDS.items() if each.personal == kind}, stores) for label, kind in kinds
    ]


def _class(name: str, fields: set[str], stores: Sequence[Store]) -> Told:
    newest = {each.name: field_names(each.models[-1]) for each in CONTRACTS.values()}
    holding = [store for store in stores if store.fields & fields and store.amount]
    return {
        "class": name,
        "fields": len(fields),
        "contracts": sum(bool(names & fields) for names in newest.values()),
        "topics": sum(store.kind == "topic" for store in holding),
        "databases": [store.name for store in holding if store.kind == "database" and store.is_whole],
    }


# -- who was shown what


def _recipient(told: Told, grants: Iterable[Told]) -> Told:
    """One recipient, with the purposes and bases on record; only what it is called is the file's of today."""
    name = told["subscriber"]
    titles = (grant["title"] for grant in grants if grant["subscriber"] == name and grant.get("title"))
    return {
        "subscriber": name,
        "title": next(titles, name),
        "messages": told["messages"],
        "withheld": told["withheld"],
        "vehicles": told["vehicles"],
        "first_at": instant_text(datetime.fromtimestamp(told["first_at"], UTC)),
        "last_at": instant_text(datetime.fromtimestamp(told["last_at"], UTC)),
        "fields": sorted(told["fields"]),
        "personal_fields": sorted(told["fields"].keys() & PERSONAL),
        "purposes": told["purposes"],
        "legal_bases": told["legal_bases"],
    }


def _grant(told: Told, at: datetime) -> Told:
    sensitive = [name for name, sight in told["fields"].items() if sight == "full" and FIELDS[name].grade in _SEALED]
    return {
        **{name: told.get(name) for name in ("id", "subscriber", "contract", "version", "state", "until")},
        "fields": len(told["fields"]),
        "sealed": told["sealed"],
        "in_clear": sorted(set(sensitive) - set(told["sealed"])),
        "soon": _ends_soon(told, at),
        "faults": told["faults"],
    }


_SEALED: Final = frozenset({"G3", "G4"})


def _ends_soon(grant: Told, at: datetime) -> bool:
    until = _moment(grant.get("until"))
    return grant["state"] == "in-force" and until is not None and until - at <= SOON


# -- what somebody should look at


class Finding(NamedTuple):
    """One thing for the officer to decide on."""

    about: str
    zh: str
    en: str


def _findings(gathered: Gathered, stores: Sequence[Store]) -> Iterator[Finding]:
    yield from _over(stores)
    for store in stores:
        if store.past(gathered.at):
            yield Finding(store.name, "有超过保存期限的数据", "it holds something older than it may be kept")
    yield from _endless(stores)
    for store in stores:
        if not store.known and store.amount:
            yield Finding(
                store.name, "有无法解码的内容，须人工判断", "it holds bytes that nobody could decode: a person decides"
            )
        if store.kind == "files":
            yield Finding(
                store.name, "核查证据是副本，用毕应删除", "the checker's evidence is a copy: remove it when done"
            )
    for grant in (_grant(each, gathered.at) for each in gathered.grants):
        yield from _of_grant(grant)


def _endless(stores: Sequence[Store]) -> Iterator[Finding]:
    """Tables that nothing is ever deleted from: those with persons first, then those with cars.

    Copies beside the databases have a finding of their own.
    """
    tables = [store for store in stores if store.kind == "database" and not store.is_whole]
    held = [store for store in tables if store.amount and store.kept is None]
    named = [store for store in held if store.persons]
    for said, those in ((PERSONS, named), (CARS, [one for one in held if "vin" in one.fields and one not in named])):
        for store in those:
            yield Finding(store.name, f"{said.zh}。{DECIDE.zh}", f"{said.en}. {DECIDE.en}")


PERSONS: Final = Said(
    "含个人信息，未设保存期限（PIPL 47）", "it holds personal data, and nobody has set an end (PIPL 47)"
)
CARS: Final = Said(
    "含车架号，可关联到车主，未设保存期限（PIPL 47）",
    "it holds VINs, which lead to their owners, and nobody has set an end (PIPL 47)",
)
DECIDE: Final = Said(
    "须定：目的达成后再留多久，届时如何删除；在此之前不会因到期而删除",
    "To decide: how long it is needed once its purpose is met, and how it goes; until then nothing goes for its age",
)


def _over(stores: Sequence[Store]) -> Iterator[Finding]:
    for threshold in THRESHOLDS:
        for store in stores:
            if store.persons > threshold.persons:
                zh, en = threshold.said
                yield Finding(
                    store.name, f"超过 {threshold.persons} 人：{zh}", f"more than {threshold.persons} persons: {en}"
                )


def _of_grant(grant: Told) -> Iterator[Finding]:
    name = f"{grant['subscriber']} · {grant['id']}"
    if grant["in_clear"]:
        named = ", ".join(grant["in_clear"])
        yield Finding(name, f"未加密提供：{named}", f"told in clear: {named}")
    if grant["soon"]:
        yield Finding(name, f"授权将于 {grant['until']} 到期", f"the grant ends at {grant['until']}")
    if grant["state"] == "refused":
        named = ", ".join(sorted({fault["field"] for fault in grant["faults"]}))
        yield Finding(
            name, f"申请超出权限，整体拒绝（A403）：{named}", f"it asked for too much and was refused (A403): {named}"
        )
