"""The recorded exchanges beside an adapter, played through its mappings: what it would send, what it would hear."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources.abc import Traversable
from operator import attrgetter
from typing import Any, Final, Literal

from contracts.contract import Contract
from contracts.registry import CONTRACTS, contract_of

from . import folders, recording, replies
from .errors import AgencyError, BrokenAnswer, NotYet, Refused, Unavailable
from .organisations import ORGANISATIONS
from .reading import CHINA
from .spec import Adapter, Endpoint, Json, Operation, Reply, RequestMapping, Sent
from .unfit import unfit

FIXTURES: Final = "fixtures"
"""The folder beside an adapter's modules."""
SENT_AT: Final = datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)
KEY: Final = "0198c0de-0000-7000-8000-000000000001"
"""When, and under which key, every recorded request was sent, by the first organisation that speaks so."""
Kind = Literal["done", "refused", "retried", "oddity", "hostile", "asked"]
"""Done as a rule; refused for good; nothing happened, or nobody knows; done, and told in an odd way; an answer that
nobody may act upon; how it is asked what came of a command."""
_KINDS: Final[Mapping[str, Kind]] = {
    "refused": "refused",
    "not-yet": "retried",
    "unavailable": "retried",
    "ambiguous": "retried",
    "broken-answer": "hostile",
}
_DECLARED: Final = 60
"""Within so many characters XML declares its encoding."""


class UnreadableFixtureError(ValueError):
    """A fixture that is none. Its text names the file, the place and the reason."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fixture of one adapter; `file` is its name without ending."""

    adapter: Adapter
    file: str
    fixture: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.adapter.name}/{self.file}: {self.fixture['name']}"

    @property
    def command(self) -> str:
        """The name of the command's contract."""
        return str(self.fixture["given"]["command"])

    @property
    def operation(self) -> Operation:
        """What the adapter has for it."""
        return self.adapter.operations[self.command]

    @property
    def asks_back(self) -> bool:
        """Whether it records a look-up of the command and not the command itself."""
        return bool(self.fixture["given"].get("asks") == "lookup")

    @property
    def fetches(self) -> bool:
        """Whether it records how the answer to a command is asked for that was taken in."""
        return bool(self.fixture["given"].get("asks") == "answer")

    @property
    def kind(self) -> Kind:
        """What it shows of the agency, by how it ends."""
        if self.asks_back or self.fetches:
            return "asked"
        if "event" in self.then:
            return "done" if self._is_arranged else "oddity"
        return _KINDS[self.then["error"]]

    @property
    def _is_arranged(self) -> bool:
        """Whether it is the plain success of its command, or one that somebody who can only ask brings about."""
        return "when" in self.fixture or self.file == self.command.replace(".", "-")

    @property
    def is_json(self) -> bool:
        """Whether its answer is JSON; of others the text is recorded."""
        return "body" in self.fixture["response"]

    @property
    def request(self) -> dict[str, Any]:
        """What the agency got, as recorded."""
        recorded = self.fixture["request"]
        return {name: recorded[name] for name in ("method", "path", "body", "text") if name in recorded}

    @property
    def then(self) -> dict[str, Any]:
        """What the broker must hear, as recorded; an event as the newest version of its contract has it."""
        then = dict(self.fixture["then"])
        if "data" in then:
            model = CONTRACTS[then["event"]].models[-1]
            then["data"] = _plain(model.model_validate_json(json.dumps(then["data"])))
        return then

    def told(self) -> Contract:
        """The command as a message of its contract."""
        return CONTRACTS[self.command].models[-1].model_validate_json(json.dumps(self.fixture["given"]["data"]))

    def body(self) -> dict[str, Json]:
        """The request as the mapping makes it."""
        _, request = self._wanted
        return request(self.told())

    def asked(self) -> dict[str, Any]:
        """What the adapter would send: JSON, or text where it is none."""
        endpoint, _ = self._wanted
        letter = self.adapter.binding.written(endpoint, self.body(), self._sent())
        told: dict[str, Any] = {"method": endpoint.method, "path": endpoint.path}
        if "body" in self.fixture["request"]:
            return told | {"body": json.loads(letter.raw)}
        return told | {"text": letter.raw.decode(_encoding(letter.raw[:_DECLARED].decode("ascii", "replace")))}

    def answer(self) -> bytes:
        """The recorded answer as bytes, in the encoding that it declares."""
        response = self.fixture["response"]
        if self.is_json:
            return json.dumps(response["body"]).encode()
        text: str = response["text"]
        return text.encode(_encoding(text[:_DECLARED]))

    def reply(self) -> Reply:
        """The recorded answer as the adapter's binding reads it."""
        response = self.fixture["response"]
        return self.adapter.binding.read(response["status"], response["headers"], self.answer())

    def heard(self) -> dict[str, Any]:
        """What the adapter makes of the recorded answer, in the fixture's words."""
        try:
            got = self.reply()
            got = got if self.asks_back else replies.ours(got, self._organisation, KEY)
            event = self._read(self.adapter, self.operation, self.told(), got)
        except AgencyError as wrong:
            return in_words(wrong)
        return {"known": False} if event is None else told(event)

    @property
    def _read(self) -> Callable[[Adapter, Operation, Contract, Reply], Contract | None]:
        if self.asks_back:
            return replies.looked_up
        return replies.fetched if self.fetches else replies.answer

    @property
    def _wanted(self) -> tuple[Endpoint, RequestMapping]:
        """Where it is asked, and how."""
        operation, lookup, later = self.operation, self.operation.lookup, self.operation.later
        if self.asks_back and lookup is not None:
            return lookup.endpoint, lookup.request
        if self.fetches and later is not None and later.endpoint is not None and (fetch := later.request) is not None:
            return later.endpoint, lambda command: fetch(command, KEY)
        if self.asks_back or self.fetches:
            message = f"nobody can be asked about {self.command}"
            raise LookupError(message)
        return operation.endpoint, operation.request

    def _sent(self) -> Sent:
        return Sent(self._organisation, SENT_AT, None if self._only_asks else KEY)

    @property
    def _organisation(self) -> str:
        return next(one.id for one in ORGANISATIONS.values() if one.adapter == self.adapter.name)

    @property
    def _only_asks(self) -> bool:
        # A question that is answered later is asked for under its key, as a command is.
        is_at_once = self.operation.question and self.operation.later is None
        return self.asks_back or self.fetches or is_at_once


def cases(adapter: Adapter) -> tuple[Case, ...]:
    """Every fixture of an adapter, by name. Raises `UnreadableFixtureError` for the first that is none."""
    folder = folders.of(adapter.name) / FIXTURES
    if not folder.is_dir():
        raise UnreadableFixtureError(f"adapters/{adapter.name}/{FIXTURES}: there is no such folder")
    return tuple(_case(adapter, file) for file in sorted(folder.iterdir(), key=attrgetter("name")))


def _case(adapter: Adapter, file: Traversable) -> Case:
    place = f"{FIXTURES}/{file.name}"
    try:
        case = Case(adapter, file.name.removesuffix(".json"), recording.read(file.read_bytes()))
        case.told()
        case.kind  # noqa: B018 - told from how it ends, which is read for that
    except (ValueError, LookupError) as wrong:
        raise UnreadableFixtureError(str(unfit(adapter.name, place, wrong))) from None
    return case


def _encoding(declaration: str) -> str:
    """Of XML that says so; everything else is UTF-8."""
    return "gb18030" if 'encoding="GB' in declaration else "utf-8"


def told(event: Contract) -> dict[str, Any]:
    """An event in a fixture's words."""
    versions, _ = contract_of(event)
    return {"event": versions.name, "data": _plain(event)}


def _plain(event: Contract) -> dict[str, Any]:
    return event.model_dump(mode="json", exclude_none=True)


def in_words(wrong: AgencyError) -> dict[str, Any]:
    """What came instead of an event, in a fixture's words."""
    said: dict[str, Any] = {"error": wrong.result}
    if isinstance(wrong, Refused | NotYet | Unavailable) and wrong.code:
        said["code"] = wrong.code
    if isinstance(wrong, Unavailable) and wrong.retry_after is not None:
        said["retry_after_s"] = int(wrong.retry_after.total_seconds())
    if isinstance(wrong, BrokenAnswer):
        said["reason"] = wrong.reason
    return said
