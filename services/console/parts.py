"""What the console is made of, handed to everything that answers a request."""

from __future__ import annotations

from dataclasses import dataclass

from services.console.feed import Feed
from services.console.organisations import Organisations
from services.console.reckoning import Reckoner
from services.runtime.clock import Clock
from services.runtime.settings import Secrets
from services.runtime.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """One console. `bind` is the address it is served on."""

    store: Store
    secrets: Secrets
    clock: Clock
    organisations: Organisations
    feed: Feed
    reckoner: Reckoner
    bind: str = "127.0.0.1"
