"""The catalogue of topics: what each carries, why, on what basis, for how long, who writes it and who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from contracts.fields import grade_of
from contracts.purposes import PURPOSES, Purpose
from contracts.subscription import SUBSCRIPTION_ENDED, SUBSCRIPTION_WITHHELD
from contracts.topics import AGENCIES, SUBSCRIBABLE, Topic, carried, events
from contracts.versions import Versions

from .installation import Installation

Kind = Literal["events", "answers", "publishers", "subscribers", "commands", "dead", "poison"]

KINDS: Final[dict[Kind, tuple[str, str]]] = {
    "events": ("业务事件", "Events"),
    "answers": ("机构答复", "Answers of agencies"),
    "publishers": ("发布方", "Publishers"),
    "subscribers": ("订阅方", "Subscribers"),
    "commands": ("发往机构的指令", "Commands to agencies"),
    "dead": ("不再重试的指令", "Dead commands"),
    "poison": ("无法解码的消息", "Undecodable messages"),
}
"""In the order in which they are told."""

AGENCY_NAMES: Final = {
    "miit": ("工信部门", "MIIT"),
    "tax": ("税务机关", "tax"),
    "insurer": ("保险公司", "insurers"),
    "bank": ("银行", "banks"),
    "police": ("公安交管部门", "traffic police"),
    "commerce": ("商务部门", "commerce"),
    "customs": ("海关", "customs"),
}


class Carried(NamedTuple):
    """A contract on a topic, and which of its versions a reader may meet there."""

    versions: Versions
    numbers: tuple[int, ...]

    @property
    def purpose(self) -> Purpose:
        """Why, in Chinese, and on what legal basis."""
        return PURPOSES[self.versions.name]

    @property
    def types(self) -> tuple[str, ...]:
        """The CloudEvents types."""
        return tuple(map(self.versions.type_of, self.numbers))


@dataclass(frozen=True, slots=True)
class Entry:
    """One topic. `writer` alone writes it; `readers` are services of ours, or whom it is for."""

    topic: Topic
    kind: Kind
    zh: str
    contracts: tuple[Carried, ...]
    writer: str
    readers: tuple[str, ...]

    @property
    def grade(self) -> str:
        """The class of the most sensitive field of any message on it; raw bytes may be anything."""
        grades = [grade_of(each.versions.model(number)) for each in self.contracts for number in each.numbers]
        return max(grades, default="G4")

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """Of its contracts."""
        return tuple(each.purpose for each in self.contracts)


class _Told(NamedTuple):
    kind: Kind
    zh: str
    readers: tuple[str, ...]


_OWN: Final = {
    "sale.events": _Told("events", "销售、更正、取消与退车", ("journey",)),
    "case.events": _Told("events", "每笔业务的状态", ("intake", "console")),
    "delivery.events": _Told("events", "每条指令的去向", ("journey", "console")),
    "telemetry.spans": _Told("events", "追踪跨度", ("console",)),
    **{events(agency).name: _Told("answers", f"{AGENCY_NAMES[agency][0]}的答复", ("journey",)) for agency in AGENCIES},
}


_OF_ALL: Final = (SUBSCRIPTION_WITHHELD, SUBSCRIPTION_ENDED)
"""What every subscriber may be told, whatever it was granted."""


def entries(installation: Installation) -> tuple[Entry, ...]:
    """Every topic, kind by kind, in the order of the table."""
    order = list(KINDS)
    told = (_entry(installation, topic) for topic in installation.topics())
    return tuple(sorted(told, key=lambda entry: order.index(entry.kind)))


def _entry(installation: Installation, topic: Topic) -> Entry:
    kind, zh, readers = _told(installation, topic.name)
    if topic.name in SUBSCRIBABLE and installation.subscribers.subscribers:
        readers = (*readers, "projection")
    return Entry(topic, kind, zh, tuple(_contracts(installation, topic.name)), topic.owner, readers)


def _told(installation: Installation, name: str) -> _Told:
    if name.endswith(".poison"):
        return _Told("poison", f"{name.removesuffix('.poison')} 上无法解码的消息", ())
    first, _, rest = name.partition(".")
    if rest in {"commands", "dead"}:
        return _of_organisation(installation.organisations[first].zh, rest)
    match first:
        case "submit":
            return _Told("publishers", f"{rest} 提交的销售", ("intake",))
        case "refused":
            return _Told("publishers", f"告知 {rest} 的拒收", (rest,))
        case "to":
            subscriber, _, topic = rest.partition(".")
            return _Told("subscribers", f"{subscriber} 有权看到的 {topic}", (subscriber,))
    return _OWN[name]


def _of_organisation(zh: str, last: str) -> _Told:
    if last == "dead":
        return _Told("dead", f"发往{zh}、不再重试的指令", ())
    return _Told("commands", f"发往{zh}的指令", ("dispatch",))


def _contracts(installation: Installation, topic: str) -> Iterator[Carried]:
    if not topic.startswith("to."):
        yield from (Carried(versions, _all(versions)) for versions in carried(topic))
        return
    name = topic.split(".", 2)[1]
    pinned = {
        (grant.contract, grant.version)
        for subscriber, grant in installation.subscribers.grants()
        if subscriber.name == name
    }
    for versions in carried(topic):
        told = [number for number in _all(versions) if versions in _OF_ALL or (versions.name, number) in pinned]
        if told:
            yield Carried(versions, tuple(told))


def _all(versions: Versions) -> tuple[int, ...]:
    return tuple(range(1, versions.newest + 1))
