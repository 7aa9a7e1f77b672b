"""What the conformance kit stands on here: our seals, our door, the ways to agencies, and simulated ones."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from adapters import replies
from adapters.errors import Ambiguous, BrokenAnswer, Unavailable
from adapters.organisations import ORGANISATIONS, Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Letter, Reply
from services.conformance.client import Sealing
from services.conformance.door import PATH, Caller, Door, Opened, open_door
from services.conformance.kit import Reach
from services.conformance.wire import Heard, Said, Silence, Way
from services.dispatch.carriers import sftp
from services.dispatch.carriers.sftp import Sftp
from services.dispatch.notifiers import Notifiers
from services.dispatch.seals.agreed import US, agreed
from services.dispatch.seals.seal import Forged
from services.runtime.settings import Identity, Settings
from services.simulator.faces.table import FACES, Build
from services.simulator.life import at_work, country
from services.simulator.web import Doors
from services.stack import ports
from services.stack.data import DataFolder
from services.stack.identities import identity
from services.stack.plan import settings_of
from services.stack.ports import HERE

_CALLBACKS, _FILES = "callbacks", "files"


@dataclass
class Grounds:
    """One installation's, by its data folder; `simulated_at` is where simulated agencies are, while there are any."""

    folder: DataFolder
    door: Door | None = None
    simulated_at: str = ""
    _ports: dict[str, int] = field(default_factory=lambda: ports.choose((_CALLBACKS, _FILES), {}))
    _ways: dict[str, Sftp] = field(default_factory=dict)
    _strangers_ways: dict[str, Sftp] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """Where its keys are, and where simulated agencies are to call back and to take files."""
        told = {
            "secrets": self.folder.secrets,
            "notifiers": self.folder.notifiers,
            "dispatch_url": f"http://{HERE}:{self._ports[_CALLBACKS]}",
            "simulator_sftp_port": self._ports[_FILES],
            "simulator_sftp_url": f"sftp://{HERE}:{self._ports[_FILES]}",
        }
        return settings_of(self.folder).model_copy(update=told)

    @cached_property
    def _identities(self) -> Mapping[str, Identity]:
        return self.settings.secret().identities

    @cached_property
    def _stranger(self) -> Mapping[str, Identity]:
        """Our name, and a key that nobody registered."""
        return {US: Identity.model_validate(identity(US))}

    def reach(self, files: str | None = None) -> Reach:
        """How agencies are reached; `files` is where they take files, if not where the simulated ones do."""
        place = files or self.settings.simulator_sftp_url
        way, strangers_way = partial(self._way, place), partial(self._strangers_way, place)
        granted = self.settings.secret().granted.get
        return Reach(self.seal, self.strangers_seal, way, strangers_way, granted, self.door)

    def seal(self, adapter: Adapter) -> Sealing:
        """How we seal what goes to an agency."""
        return agreed(adapter.seal, self._identities, tuple).sealed

    def strangers_seal(self, adapter: Adapter) -> Sealing:
        """The same with a key that nobody registered."""
        return agreed(adapter.seal, self._stranger, tuple).sealed

    @asynccontextmanager
    async def reached(self, port: int = 0, bind: str = HERE) -> AsyncIterator[None]:
        """Open our door to all who call back; hang up in the end."""
        self.door = Door(
            {name: self._caller(one) for name, one in ORGANISATIONS.items() if ADAPTERS[one.adapter].calls_back}
        )
        if port:
            self._ports[_CALLBACKS] = port
        async with open_door(self.door, bind, self._ports[_CALLBACKS]):
            try:
                yield
            finally:
                for way in (*self._ways.values(), *self._strangers_ways.values()):
                    await way.line.close()

    def door_at(self, organisation: str, bind: str = HERE) -> str:
        """Where that organisation is to call back."""
        host = f"[{bind}]" if ":" in bind else bind
        return f"http://{host}:{self._ports[_CALLBACKS]}{PATH.format(organisation=organisation)}"

    def _caller(self, organisation: Organisation) -> Caller:
        adapter = ADAPTERS[organisation.adapter]

        def may_answer(reply: Reply) -> bool:
            return replies.is_from(reply, organisation.id) and replies.is_known(adapter, reply)

        return Caller(adapter.binding, self._opened(adapter, organisation.id), may_answer)

    def _opened(self, adapter: Adapter, organisation: str) -> Opened:
        """What an organisation sealed, proved by its registered certificates."""
        seal = agreed(adapter.seal, self._identities, self._certificates(organisation))

        def opened(headers: Mapping[str, str], raw: bytes) -> bytes | None:
            try:
                return seal.opened(headers, raw)
            except Forged:
                return None

        return opened

    def _certificates(self, organisation: str) -> partial[tuple[str, ...]]:
        return partial(Notifiers(self.settings.notifiers).certificates, organisation)

    def _way(self, files: str, adapter: Adapter, organisation: str) -> Way | None:
        """By files, to whoever is spoken to by files; over HTTP to all others."""
        return self._carried(files, self._ways, adapter, organisation, self._identities)

    def _strangers_way(self, files: str, adapter: Adapter, organisation: str) -> Way | None:
        """The same, with a key that nobody registered."""
        return self._carried(files, self._strangers_ways, adapter, organisation, self._stranger)

    def _carried(
        self,
        files: str,
        open_: dict[str, Sftp],
        adapter: Adapter,
        organisation: str,
        who: Mapping[str, Identity],
    ) -> Way | None:
        if not adapter.by_files:
            return None
        if organisation not in open_:
            known = Notifiers(self.settings.notifiers)
            host = self._identities.get(adapter.agency) if files == self.settings.simulator_sftp_url else None
            proofs = partial(sftp.proofs, known, organisation, lambda: host)
            open_[organisation] = sftp.to(files, organisation, who, proofs)
        return Carried(open_[organisation])

    @asynccontextmanager
    async def simulator(self, styles: Mapping[str, Build] = FACES) -> AsyncIterator[str]:
        """All simulated agencies in this process, with books of their own that nobody keeps; gives their address."""
        with tempfile.TemporaryDirectory(prefix="tongche-conformance-") as books:
            premises = country(self.settings.model_copy(update={"data": Path(books)}))
            async with at_work(Doors(premises, premises.settings.secret(), styles=styles)) as port:
                self.simulated_at = f"http://{HERE}:{port}"
                yield self.simulated_at


@dataclass(frozen=True, slots=True)
class Carried:
    """One of dispatch's ways, as the kit goes it."""

    carrier: Sftp

    async def say(self, said: Said, seconds: float) -> Heard:
        """As `Way` says."""
        path, limit = urlsplit(said.url).path, timedelta(seconds=seconds)
        endpoint = Endpoint("GET" if said.method == "GET" else "POST", path, limit)
        try:
            brought = await self.carrier.carry(
                endpoint, Letter(said.raw, said.headers), said.headers.get("Idempotency-Key")
            )
        except Unavailable as wrong:
            if wrong.status is not None:
                return Heard(HTTPStatus.SERVICE_UNAVAILABLE, {}, b"")
            raise Silence("no connection") from None
        except Ambiguous:
            raise Silence(f"no answer in {seconds:g} s") from None
        except BrokenAnswer:
            raise Silence("an answer without end") from None
        return Heard(brought.status, brought.headers, brought.raw)

    async def cut(self, said: Said, *, sent: float = 1.0) -> None:
        """A file is there as a whole or not at all: nothing is ever cut."""
        raise LookupError(f"{said.url}: {sent:g} of a file")

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Way]:
        """As `Way` says."""
        another = self.carrier.anew()
        try:
            yield Carried(another)
        finally:
            await another.line.close()
