"""What is to run: the table of services, their ports, and the environment that tells them everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.runtime.settings import Settings
from services.stack import ports, reasons
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

_CHECKOUT = Path(__file__).parents[2]
_EVERYWHERE = {"0.0.0.0", "::"}
FILES = "simulator-sftp"
"""The simulator's second port, by its name in the table of ports."""

SUPERVISED = "TONGCHE_SUPERVISED"
"""In the environment of everything that a supervisor started: the data folder for which it did."""

EnsureTopics = Callable[[Settings], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """One process of ours: what Python runs, and which setting is its port."""

    name: str
    arguments: tuple[str, ...]
    port: str
    url: str
    """Its name among the addresses: people know the intake as the door."""


def _ours(name: str, url: str) -> Service:
    return Service(name, ("-m", f"services.{name}"), f"{url}_port", url)


# In the order of starting; they stop in reverse, so that nobody calls into the void.
SERVICES = (
    _ours("simulator", "simulator"),
    _ours("intake", "door"),
    _ours("journey", "journey"),
    _ours("dispatch", "dispatch"),
    _ours("projection", "projection"),
    _ours("console", "console"),
)


def services(*, simulator: bool) -> tuple[Service, ...]:
    """All of them, or all but the simulated agencies."""
    return tuple(service for service in SERVICES if simulator or service.name != "simulator")


async def ensure_topics(settings: Settings) -> None:
    """Create what the topics table lists and the broker lacks."""
    # aiokafka loads meanwhile: the broker is starting anyway.
    from services.runtime import topics

    await topics.ensure(settings)


@dataclass(frozen=True)
class Plan:
    """Everything the supervisor needs to know before it starts."""

    folder: DataFolder
    services: tuple[Service, ...] = SERVICES
    ensure_topics: EnsureTopics = ensure_topics
    grace: float = 25.0
    """Seconds that each service has to stop; longer than the longest stop that it allows itself."""
    hang_s: float = 20.0
    """A service that lives and does not answer is killed after so many seconds, and started anew."""
    fronts: Mapping[str, int] = field(default_factory=dict)
    """By name of process, the port of something that stands before it: everybody else is told that one instead."""


@dataclass(frozen=True)
class Wiring:
    """A plan with its ports chosen."""

    settings: Settings
    embedded_kafka: bool
    ports: Mapping[str, int]
    """By name of service, `simulator-sftp`, and `kafka` and `controller` for the embedded broker."""
    fronts: Mapping[str, int] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Where people and services reach what is bound."""
        return ports.HERE if self.settings.bind in _EVERYWHERE else self.settings.bind

    def url(self, service: Service) -> str:
        """Where it listens itself."""
        return f"http://{self.host}:{self.ports[service.name]}"

    def urls(self, services: tuple[Service, ...]) -> dict[str, str]:
        """Return every address under the name people know it by; Kafka's is a bootstrap address."""
        seen = {service.name: self.fronts.get(service.name, self.ports[service.name]) for service in services}
        urls = {service.url: f"http://{self.host}:{seen[service.name]}" for service in services}
        return urls | {"kafka": self.settings.kafka}

    def environment(self) -> dict[str, str]:
        """Ours, with every setting spelt out: a service never guesses what the supervisor decided."""
        told = {
            f"TONGCHE_{name.upper()}": str(value)
            for name, value in self.settings.model_dump().items()
            if value is not None
        }
        return {**importable(), **told, SUPERVISED: str(self.settings.data)}


def settings_of(folder: DataFolder) -> Settings:
    """Read what the person's environment says; a variable that makes no sense is named, not raised as a traceback."""
    try:
        return Settings(data=folder.root)
    except ValidationError as problem:
        wrong = reasons.of_values(problem, name=_variable)
        raise TroubleError(
            f"环境变量有误：{wrong.zh}",
            f"environment variables make no sense: {wrong.en}",
            fix="改正或 unset 它们 / correct or unset them",
        ) from problem


def _variable(steps: Iterable[int | str]) -> str:
    return f"TONGCHE_{'_'.join(map(str, steps)).upper()}"


def wire(plan: Plan, before: Mapping[str, int]) -> Wiring:
    """Choose ports: those the person set, else those of the last time while still free, else others."""
    told = settings_of(plan.folder)
    embedded = "kafka" not in told.model_fields_set
    settings = {service.name: service.port for service in plan.services}
    if "simulator" in settings:
        settings[FILES] = "simulator_sftp_port"
    names = [*settings, *(["kafka", "controller"] if embedded else [])]
    wished = {name: getattr(told, port) for name, port in settings.items() if port in told.model_fields_set}
    chosen = ports.choose(names, {**before, **wished}, told.bind)
    decided: dict[str, Any] = {port: chosen[name] for name, port in settings.items()}
    if embedded:
        decided["kafka"] = f"{ports.HERE}:{plan.fronts.get('kafka', chosen['kafka'])}"
    for name in ("simulator", "dispatch"):
        if name in plan.fronts:
            decided[f"{name}_url"] = f"http://{ports.HERE}:{plan.fronts[name]}"
    if FILES in plan.fronts:
        decided["simulator_sftp_url"] = f"sftp://{ports.HERE}:{plan.fronts[FILES]}"
    return Wiring(Settings(data=plan.folder.root, **decided), embedded, chosen, plan.fronts)


def python() -> str:
    """Return the interpreter of this very environment."""
    return sys.executable


def importable() -> dict[str, str]:
    """Our environment, in which a Python started in any folder finds this very code."""
    path = os.pathsep.join(filter(None, (str(_CHECKOUT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
