"""The way to each organisation: where it answers, over which protocol, and how its host proves itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import aiohttp

from adapters.organisations import Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Features
from services.runtime.face import Runtime
from services.runtime.identities import Identities
from services.runtime.live import Live
from services.runtime.settings import Settings

from .carriers import sftp
from .carriers.carrier import Carrier
from .carriers.http import Http
from .carriers.pinned import Pinned
from .notifiers import Notifiers


def address(settings: Settings, live: Live, organisation: Organisation) -> str:
    """Where it answers: itself once somebody has let it go live, until then the simulator for it.

    Raises `UnreadableActsError`.
    """
    by_files = ADAPTERS[organisation.adapter].by_files
    simulated = settings.simulator_sftp_url if by_files else settings.simulator_url
    return live.address(organisation.id) or simulated


@dataclass(frozen=True, slots=True)
class Ways:
    """Those of one process. What they keep open is closed when its work has stopped."""

    runtime: Runtime
    http: Mapping[Features, aiohttp.ClientSession]
    identities: Identities
    live: Live

    def to(self, organisation: Organisation) -> Carrier:
        """The way to where it answers now, for as long as it answers there. Raises `UnreadableActsError`."""
        where = partial(address, self.runtime.settings, self.live, organisation)
        there = where()
        adapter: Adapter = ADAPTERS[organisation.adapter]
        if adapter.by_files:
            return Pinned(self._by_files(organisation, there), there, where)
        return Pinned(Http(there, organisation.id, self.http[adapter.features]), there, where)

    def _by_files(self, organisation: Organisation, there: str) -> Carrier:
        simulated = there == self.runtime.settings.simulator_sftp_url
        host = partial(self.identities.get, organisation.agency) if simulated else _nobody
        proofs = partial(sftp.proofs, Notifiers(self.runtime.settings.notifiers), organisation.id, host)
        way = sftp.to(there, organisation.id, self.identities, proofs)
        self.runtime.closing(way.line.close)
        return way


def _nobody() -> None:
    """A host of their own is known by what is registered of it, and by nothing else."""
