"""The simulated country at work: it answers requests by the agencies' rules, once per key, and never forgets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from contracts.types import instant_text
from observability import metrics
from services.simulator import fixtures
from services.simulator.agency import Agency, Answer, Body, Entry, Leaves, Refused, Request, Service
from services.simulator.bank import Bank
from services.simulator.commerce import Commerce
from services.simulator.country import Clock, Country, Name, names
from services.simulator.customs import Customs
from services.simulator.dialect import Dialect, Speaker, dialect_of
from services.simulator.faults import Faults, Playable, Script
from services.simulator.fixtures import recorded
from services.simulator.insurer import Insurer
from services.simulator.journal import File, Journal, Line
from services.simulator.miit import Miit
from services.simulator.police import Police
from services.simulator.tax import TaxOffice
from services.simulator.watch import Watch

_OK: Final = 200
_OTHER_BODY: Final = 422
_BROKEN: Final = 500
_FILES: Final[Mapping[Leaves, File]] = {Leaves.RECORD: "records", Leaves.EFFECT: "ledger"}
_DECISIONS: Final = frozenset({("loan.apply", "B451")})
"""Codes with which an agency decides instead of refusing; its own rules say them."""


class Unknown(LookupError):
    """No organisation has this address, or it has no such service."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: which service by its path, under which key ("" is none), with which body.

    A body may be anything; an agency refuses what it cannot read.
    """

    organisation: str
    path: str
    key: str
    body: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an agency would say, for its face to write; bytes go out as they stand.

    `fresh` is whether something new came of it; `silent`, that it keeps it to itself.
    """

    status: int
    said: Answer | bytes
    operation: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer given to a key, and which request it was for."""

    digest: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    """One request at the service that it is for."""

    organisation: str
    agency: Agency
    service: Service
    key: str
    body: Any
    vin: str

    @property
    def is_kept(self) -> bool:
        """Whether its answer must survive, and be given again to the same key."""
        return self.service.leaves is not Leaves.NOTHING

    def line(self, at: datetime) -> Line:
        """What every line of a file says first."""
        return {
            "at": instant_text(at),
            "organisation": self.organisation,
            "operation": self.service.operation,
            "key": self.key,
            "vin": self.vin,
        }

    def outcome(
        self, status: int, said: Answer | bytes, *, headers: Mapping[str, str] | None = None, fresh: bool = False
    ) -> Outcome:
        return Outcome(status, said, self.service.operation, headers or {}, fresh)


@dataclass(slots=True)
class World:
    """All organisations behind their addresses. Open it with `opened`."""

    country: Country
    journal: Journal
    kinds: dict[str, str]
    watch: Watch = field(default_factory=Watch)
    _answered: dict[tuple[str, str], _Kept] = field(default_factory=dict)

    def faults(self, organisation: str) -> Faults:
        """The knobs of one organisation that hold at this moment. Raises `Unknown`."""
        self._demand(organisation)
        return self.country.faults(organisation)

    def turned(self, organisation: str) -> Faults:
        """The knobs of one organisation as somebody turned them. Raises `Unknown`."""
        self._demand(organisation)
        return self.country.turned(organisation)

    def check(self, organisation: str, faults: Faults) -> None:
        """Raise pydantic's `ValidationError` where a new script could never be played there. Raises `Unknown`."""
        playable(self.country, organisation).check(faults, self.turned(organisation))

    def turn(self, organisation: str, faults: Faults | None) -> None:
        """Set the knobs of one organisation, or none. They survive a restart, as what they break does."""
        if faults is None:
            self.country.knobs.pop(organisation, None)
        else:
            self.country.knobs[organisation] = faults.since(self.country.clock.now())
        _store_knobs(self.journal.folder, self.country.knobs)

    def in_words_of(self, organisation: str, path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A request in the book's words, as that organisation is asked for it. Raises `Unknown`."""
        self._demand(organisation)
        dialect = self._dialect(organisation)
        return dialect.paths.get(path, path), dialect.said(body)

    async def handle(self, organisation: str, path: str, key: str, body: Any) -> Outcome:
        """Answer one request; whatever came of it is durable on return. Raises `Unknown`."""
        agency = self.country.agencies.get(organisation)
        service = agency.services.get(path) if agency else None
        if agency is None or service is None:
            raise Unknown(organisation + path)
        body = self._dialect(organisation).heard(body)
        asked = _Request(organisation, agency, service, key, body, _vin(body, service.vin))
        # Looked up first: being used may be the end of a script.
        script = self.country.faults(organisation).script_for(service.operation, asked.vin)
        outcome = replace(self._answer(asked), silent=script is not None and script.silent)
        if asked.is_kept and outcome.status == _OK:
            await self.journal.durable()
        return outcome

    def _answer(self, asked: _Request) -> Outcome:
        # Without an await between looking and keeping: two requests with one key cannot both be new.
        try:
            return self._tried(asked)
        except Refused as no:
            status, answer = asked.agency.tongue.refusal(no.code)
            self._note_refusal(asked, status, answer)
            return asked.outcome(status, answer)

    def _tried(self, asked: _Request) -> Outcome:
        if not asked.vin or (asked.is_kept and not asked.key):
            raise Refused("V102")
        # A question has no key to be known by: the one it may carry is that of the deed it asks about.
        kept = self._answered.get((asked.organisation, asked.key)) if asked.is_kept else None
        if kept is not None and not self.country.faults(asked.organisation).forgetful:
            return _again(asked, kept)
        script = self._scripted(asked)
        if script and script.echo:
            return _echoed(asked, script.echo)
        if script and script.fixture:
            return self._recorded(asked, script.fixture)
        if script and script.code and (asked.service.operation, script.code) not in _DECISIONS:
            raise Refused(script.code)
        return self._done(asked, script)

    def _done(self, asked: _Request, script: Script | None) -> Outcome:
        clock, faults = self.country.clock, self.country.faults(asked.organisation)
        request = Request(
            asked.vin,
            Body(asked.body),
            clock.now(),
            clock.today(),
            faults,
            alter_fen=script.alter_fen if script else 0,
            alter_vin=script.alter_vin if script else None,
            decision=script.code if script else None,
        )
        answer = asked.service.decide(request)
        if asked.is_kept:
            self._keep(asked, request, answer)
        told = self._dialect(asked.organisation).said(answer)
        return asked.outcome(_OK, told, fresh=asked.service.leaves is Leaves.EFFECT)

    def _keep(self, asked: _Request, request: Request, answer: Answer) -> None:
        line = asked.line(request.at) | {"body": asked.body, "result": answer, "status": _OK}
        self.remember(asked.service, line)
        self.journal.write(_FILES[asked.service.leaves], line)
        self.watch.see(_FILES[asked.service.leaves], line)
        metrics.count(
            "tongche_simulator_effects_total", organisation=asked.organisation, operation=asked.service.operation
        )

    def foretold(self, asked: Asked) -> int | None:
        """The status of the recorded answer that a script has for a request, if one has. To look uses nothing up."""
        service = self.country.agencies[asked.organisation].services.get(asked.path)
        vin = _vin(asked.body, service.vin) if service else ""
        script = self.faults(asked.organisation).script_for(service.operation, vin) if service else None
        if script is None or script.fixture is None:
            return None
        found = recorded(self.country.words[asked.organisation], script.fixture, vin, asked.key, asked.organisation)
        return found.status if found else None

    def note(self, asked: Asked, status: int, traceparent: str | None = None, mishap: str | None = None) -> None:
        """List a request, over whatever it came; `status` 0 is that nobody was answered."""
        line = self._listed(asked, status, mishap) | {"traceparent": traceparent}
        self.journal.note("requests", line)
        self.watch.see("requests", line)

    def left(self, asked: Asked) -> None:
        """Show that a caller left before it was answered. It is not listed: that is no fault of the agency's."""
        self.watch.see("requests", self._listed(asked, 0, "left"))

    def unheard(self, asked: Asked, status: int) -> None:
        """Show that who asked refused for good what was brought to it. It is no request, so it is not listed."""
        self.watch.see("requests", self._listed(asked, status, "call-back-refused"))

    def _listed(self, asked: Asked, status: int, mishap: str | None) -> Line:
        line = {
            "at": instant_text(self.country.clock.now()),
            "organisation": asked.organisation,
            "operation": self.operation(asked),
            "key": asked.key,
            "status": status,
        }
        return line if mishap is None else line | {"mishap": mishap}

    def operation(self, asked: Asked) -> str:
        """What is asked for, by its name; nothing if the organisation has no such service."""
        service = self.country.agencies[asked.organisation].services.get(asked.path)
        return service.operation if service else ""

    def remember(self, service: Service, line: Line) -> None:
        """Let an agency take a line of its journal into its state."""
        at = datetime.fromisoformat(line["at"])
        service.apply(Entry(line["vin"], line["body"], line["result"], at))
        told = self._dialect(line["organisation"]).said(line["result"])
        self._answered[line["organisation"], line["key"]] = _Kept(_digest(line["body"]), _json(told))

    def _dialect(self, organisation: str) -> Dialect:
        # The books, and with them the journal, are kept in one way whatever is spoken.
        return dialect_of(self.country.words[organisation])

    def _scripted(self, asked: _Request) -> Script | None:
        # As they were turned: a mood that holds now is not to stay.
        faults = self.country.turned(asked.organisation)
        script = faults.script_for(asked.service.operation, asked.vin)
        if script is not None and script.times is not None:
            self.turn(asked.organisation, faults.after(script))
        return script

    def _demand(self, organisation: str) -> None:
        if organisation not in self.kinds:
            raise Unknown(organisation)

    def _recorded(self, asked: _Request, name: str) -> Outcome:
        found = recorded(self.country.words[asked.organisation], name, asked.vin, asked.key, asked.organisation)
        if found is None:
            raise Unknown(f"fixture {name}")
        return asked.outcome(found.status, found.raw, headers=found.headers)

    def _note_refusal(self, asked: _Request, status: int, answer: Answer) -> None:
        line = asked.line(self.country.clock.now()) | {"result": answer, "status": status}
        self.journal.note("refusals", line)
        self.watch.see("refusals", line)


def _again(asked: _Request, kept: _Kept) -> Outcome:
    if kept.digest == _digest(asked.body):
        return asked.outcome(_OK, json.loads(kept.raw))
    tongue = asked.agency.tongue
    answer = {tongue.code_field: "IDEMPOTENCY", tongue.text_field: "同一幂等键的请求内容不同"}
    return asked.outcome(_OTHER_BODY, answer)


def _echoed(asked: _Request, how: Literal["refusal", "error", "answer"]) -> Outcome:
    """The request once more, as careless systems repeat it."""
    told = json.dumps(asked.body, ensure_ascii=False)
    match how:
        case "refusal":
            tongue = asked.agency.tongue
            return asked.outcome(_OTHER_BODY, {tongue.code_field: told, tongue.text_field: told})
        case "error":
            return asked.outcome(_BROKEN, f"<html><body><pre>{told}</pre></body></html>".encode())
        case "answer":
            return asked.outcome(_OK, {"request": asked.body, "text": told})


def opened(folder: Path, clock: Clock) -> World:
    """The country as its journal left it. Raises OSError or ValueError for a folder that cannot be read."""
    journal = Journal(folder)
    journal.open()
    listed = list(names())
    world = World(settled(clock, listed), journal, {name.id: name.kind for name in listed})
    world.country.knobs.update(_stored_knobs(folder))
    for line in journal.replay():
        service = _service(world.country.agencies[line["organisation"]], line["operation"])
        world.remember(service, line)
        world.watch.see(_FILES[service.leaves], line)
    return world


def settled(clock: Clock, listed: list[Name]) -> Country:
    """A country with all its agencies, each with empty records."""
    country = Country(clock)
    miit, tax, police, commerce = Miit(country), TaxOffice(country), Police(country), Commerce(country)
    country.miit, country.tax, country.police, country.commerce = miit, tax, police, commerce
    single: dict[str, Agency] = {
        "miit": miit,
        "tax": tax,
        "police": police,
        "commerce": commerce,
        "customs": Customs(country),
    }
    for name in listed:
        country.words[name.id] = name.words
        country.agencies[name.id] = single[name.kind] if name.kind in single else _one_of_many(country, name)
    return country


def playable(country: Country, organisation: str) -> Playable:
    """What scripts can name at an organisation."""
    services = country.agencies[organisation].services.values()
    operations = frozenset(service.operation for service in services)
    return Playable(operations, frozenset(fixtures.names(country.words[organisation])))


def _one_of_many(country: Country, name: Name) -> Agency:
    """An insurer or a bank, which others find by its code, in its own words."""
    dialect = dialect_of(name.words)
    match name.kind:
        case "insurer":
            insurer = country.insurers[name.uscc] = Insurer(country, name.uscc)
            return Speaker(insurer, dialect)
        case "bank":
            bank = country.banks[name.uscc] = Bank(country, name.uscc)
            return Speaker(bank, dialect)
    raise LookupError(name.kind)


def _service(agency: Agency, operation: str) -> Service:
    return next(service for service in agency.services.values() if service.operation == operation)


def _vin(body: Any, path: tuple[str, ...]) -> str:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, str) else ""


def _digest(body: Any) -> bytes:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()


def _json(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


def _stored_knobs(folder: Path) -> dict[str, Faults]:
    path = folder / "faults.json"
    stored = json.loads(path.read_bytes()) if path.exists() else {}
    return {organisation: Faults.model_validate(faults) for organisation, faults in stored.items()}


def _store_knobs(folder: Path, knobs: Mapping[str, Faults]) -> None:
    """Whole or not at all: a crash in between leaves the old ones."""
    told = {organisation: faults.model_dump(mode="json") for organisation, faults in knobs.items()}
    fresh = folder / "faults.json.new"
    fresh.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    fresh.replace(folder / "faults.json")
