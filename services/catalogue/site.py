"""The catalogue as pages: no network, no script needed, for a phone, for paper, in both languages, light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.codes import CODES
from contracts.descriptions import Description, description
from contracts.envelope import SCHEMA_BASE
from contracts.examples import examples
from contracts.fields import FIELDS, Field, Party, Sight, grade_of
from contracts.purposes import PURPOSES, Purpose
from contracts.registry import CONTRACTS
from contracts.topics import COMMANDS
from contracts.types import CHINA
from contracts.versions import Loss, Versions
from contracts.views.plan import is_sealed, judge
from contracts.views.subscriber import Grant, Subscriber
from services.runtime import browsing
from services.runtime.dataschema import current

from . import words
from .agencies import Asked, Spoken, agencies
from .dictionary import PARTIES, Entry
from .headers import HEADERS, OF_VIEWS
from .installation import Installation
from .published import file_of
from .schema import Leaf, leaves, type_words
from .topics import KINDS
from .topics import Entry as TopicEntry

_HERE: Final = Path(__file__).parent
_NAVIGATION: Final = (
    ("topics.html", "主题", "topics"),
    ("contracts.html", "消息", "contracts"),
    ("dictionary.html", "字典", "dictionary"),
    ("matrix.html", "可见性", "visibility"),
    ("subscribers.html", "订阅", "subscribers"),
    ("agencies.html", "机构", "agencies"),
    ("doors.html", "接口", "doors"),
)
_FINDABLE: Final = ("topics.html", "contracts.html", "dictionary.html", "matrix.html")


class Route(NamedTuple):
    """One thing that can be asked of a door."""

    method: str
    path: str
    words: str
    guard: words.Said


class Door(NamedTuple):
    """One door over HTTP, and the file that describes it."""

    title: str
    file: str
    routes: tuple[Route, ...]


class Granted(NamedTuple):
    """A field of a grant: how it is shown, whether sealed, and in how many messages it was, if that is known."""

    name: str
    sight: Sight
    sealed: bool
    times: int | None


class Listed(NamedTuple):
    """One line of the list of contracts."""

    versions: Versions
    purpose: Purpose
    numbers: tuple[int, ...]
    grade: str


class Shown(NamedTuple):
    """One version, as its contract's page tells it."""

    number: int
    grade: str
    words: Description
    loss: Loss | None
    leaves: tuple[tuple[Leaf, str, Field], ...]
    examples: tuple[str, ...]
    urn: str
    file: str


class Seen(NamedTuple):
    """Who sees a field in one way; `only` names the one contract in which they do, if there is but one."""

    sight: Sight
    parties: tuple[Party, ...]
    only: str = ""


@dataclass(frozen=True)
class Row:
    """A field with who sees it."""

    entry: Entry

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entry, name)

    @cached_property
    def seen(self) -> tuple[Seen, ...]:
        """By all who see anything of it: most first, then those who see it in one contract only."""
        field = self.entry.field
        sights = [sight for sight in words.SIGHTS if sight != "denied"]
        told = (Seen(sight, tuple(party for party in PARTIES if field.seen_by(party) == sight)) for sight in sights)
        only = (Seen("full", (party,), field.only_in[party]) for party in PARTIES if party in field.only_in)
        return (*(seen for seen in told if seen.parties), *only)


@dataclass(frozen=True)
class Site:
    """All pages of one catalogue."""

    installation: Installation
    topics: Sequence[TopicEntry]
    dictionary: Sequence[Entry]
    doors: Sequence[Door]

    def pages(self, files: Mapping[str, tuple[words.Said, str]]) -> dict[str, bytes]:
        """Every page by its path; `files` are those that the first page lists, with what they are and their size."""
        made = {
            "index.html": self._render("index.html", numbers=self._numbers(), files=_listed(files)),
            "topics.html": self._render("topics.html", groups=self._groups()),
            "contracts.html": self._render("contracts.html", owners=_owners()),
            "dictionary.html": self._render("dictionary.html", entries=self._rows),
            "matrix.html": self._render("matrix.html", entries=self._rows),
            "subscribers.html": self._render("subscribers.html", used=self.installation.used, subscribers=self._subs()),
            "doors.html": self._render("doors.html", doors=self.doors, headers=(*HEADERS, *OF_VIEWS)),
        }
        made |= {f"contracts/{name}.html": self._contract(versions) for name, versions in CONTRACTS.items()}
        made |= self._agencies()
        static = {name: (_HERE / "static" / name).read_bytes() for name in ("catalogue.css", "find.js")}
        return made | static | {"palette.css": (browsing.STATIC / "palette.css").read_bytes()}

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        return tuple(map(Row, self.dictionary))

    @cached_property
    def _templates(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"day": _day, "shown": _json, "span": _length}
        environment.globals |= {
            "navigation": _NAVIGATION,
            "parties": words.PARTIES,
            "sights": words.SIGHTS,
            "signs": {sight: (sign, *words.SIGHTS[sight]) for sight, sign in words.SIGNS.items()},
            "bases": words.BASES,
            "grades": {grade: f"{said.zh} / {said.en}" for grade, said in words.GRADES.items()},
            "kinds": KINDS,
            "asides": words.ASIDES,
            "features": words.FEATURES,
            "seals": words.SEALS,
            "thens": words.THEN,
            "kinds_of": words.KINDS,
            "results": words.RESULTS,
            "codes": CODES,
        }
        return environment

    def _render(self, template: str, here: str = "", up: str = "", **content: Any) -> bytes:
        place = here or template
        page = self._templates.get_template(template)
        return page.render(here=place, up=up, findable=place in _FINDABLE, **content).encode()

    def _numbers(self) -> list[tuple[str, int, str, str]]:
        return [
            ("topics.html", len(self.topics), "个主题", "topics"),
            ("contracts.html", len(CONTRACTS), "种消息", "contracts"),
            ("dictionary.html", len(self.dictionary), "个字段", "fields"),
            ("subscribers.html", len(self.installation.subscribers.subscribers), "个订阅方", "subscribers"),
            ("agencies.html", sum(one.number for one in agencies()), "次录制的往来", "recorded exchanges"),
        ]

    def _groups(self) -> list[tuple[str, list[TopicEntry]]]:
        told = groupby(self.topics, key=lambda entry: entry.kind)
        return [(kind, list(members)) for kind, members in told]

    def _subs(self) -> list[tuple[Any, list[tuple[Any, ...]]]]:
        used = self.installation.used
        told = []
        for subscriber in self.installation.subscribers.subscribers:
            grants = []
            for grant in subscriber.grants:
                use = None if used is None else used.get(grant.id)
                fields = [self._granted(subscriber, grant, name) for name in grant.fields]
                grants.append((grant, fields, use, judge(subscriber, grant)))
            told.append((subscriber, grants))
        return told

    def _granted(self, subscriber: Subscriber, grant: Grant, name: str) -> Granted:
        sight = FIELDS[name].seen_by(subscriber.party, grant.contract) if name in FIELDS else "denied"
        sealed = sight != "denied" and is_sealed(name, sight)
        return Granted(name, sight, sealed, self.installation.disclosed(grant.id, name))

    def _agencies(self) -> dict[str, bytes]:
        every = agencies()
        made = {"agencies.html": self._render("agencies.html", agencies=every)}
        for agency in every:
            made[f"agencies/{agency.name}.html"] = self._agency(agency)
            made |= {f"agencies/{agency.name}/{one.command}.html": self._asked(agency, one) for one in agency.asked}
        return made

    def _agency(self, agency: Spoken) -> bytes:
        return self._render("agency.html", here="agencies.html", up="../", agency=agency)

    def _asked(self, agency: Spoken, asked: Asked) -> bytes:
        return self._render("exchanges.html", here="agencies.html", up="../../", agency=agency, asked=asked)

    def _contract(self, versions: Versions) -> bytes:
        command = COMMANDS.get(versions.name)
        return self._render(
            "contract.html",
            here="contracts.html",
            up="../",
            versions=versions,
            purpose=PURPOSES[versions.name],
            owner=" ".join(words.OWNERS[versions.owner]),
            answer=command.answer.name if command else "",
            deadline=_span(command.deadline.total_seconds()) if command else "",
            topics=[entry for entry in self.topics if any(each.versions is versions for each in entry.contracts)],
            told=[_shown(versions, number) for number in range(versions.newest, 0, -1)],
        )


def _length(span: timedelta) -> str:
    return _span(span.total_seconds())


def _owners() -> list[tuple[str, str, str, list[Listed]]]:
    return [
        (owner, *said, [_line(versions) for versions in CONTRACTS.values() if versions.owner == owner])
        for owner, said in words.OWNERS.items()
    ]


def _line(versions: Versions) -> Listed:
    numbers = tuple(range(1, versions.newest + 1))
    return Listed(versions, PURPOSES[versions.name], numbers, grade_of(versions.models[-1]))


def _shown(versions: Versions, number: int) -> Shown:
    model = versions.model(number)
    type_ = versions.type_of(number)
    told = ((leaf, type_words(leaf.schema), FIELDS[leaf.name]) for leaf in leaves(current(versions, number)))
    return Shown(
        number,
        grade_of(model),
        description(versions, number),
        versions.losses[number - 1] if number < versions.newest else None,
        tuple(told),
        tuple(json.dumps(data, ensure_ascii=False, indent=2) for data in examples()[type_]),
        SCHEMA_BASE + type_,
        file_of(versions.name, number),
    )


def _listed(files: Mapping[str, tuple[words.Said, str]]) -> Iterator[tuple[str, str, str, str]]:
    return ((name, said.zh, said.en, size) for name, (said, size) in files.items())


def _day(moment: datetime | None) -> str:
    return moment.astimezone(CHINA).date().isoformat() if moment else "…"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _span(seconds: float) -> str:
    for size, unit in ((86400, "天 d"), (3600, "小时 h"), (60, "分钟 min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} 秒 s"
