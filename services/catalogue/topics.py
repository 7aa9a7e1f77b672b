"""The catalogue of topics: what each carries, why, on what basis, for how long, who writes it and who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from contracts.fields import grade_of
from contracts.purposes import PURPOSES, Purpose
from contracts.subscription import SUBSCRIPTION_ENDED, SUBSCRIPTION_WITHHELD
from contracts.topics import AGENCIES, SUBSCRIBABLE, Topic, carried, events
from contracts.versions import Versions
from contracts.views.plan import View

from .installation import Installation
from .words import BASES, Said

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
    """A contract on a topic, which of its versions a reader may meet there, and the class of what it meets."""

    versions: Versions
    numbers: tuple[int, ...]
    grade: str

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
    bases: tuple[Said, ...]
    writer: str
    readers: tuple[str, ...]

    @property
    def grade(self) -> str:
        """The class of the most sensitive field of any message on it; raw bytes may be anything."""
        return max((each.grade for each in self.contracts), default="G4")


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
    if kind == "subscribers":
        (subscriber,) = readers
        contracts, bases = _of_subscriber(installation, subscriber, topic.name)
    else:
        contracts = [Carried(each, _all(each), _grade(each)) for each in carried(topic.name)]
        bases = [_basis(each.purpose) for each in contracts]
    return Entry(topic, kind, zh, tuple(contracts), tuple(dict.fromkeys(bases)), topic.owner, readers)


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


def _of_subscriber(installation: Installation, name: str, topic: str) -> tuple[list[Carried], list[Said]]:
    """What one subscriber meets on one of its topics, and what its grants for that rest on."""
    offers = [one for one in installation.offered() if one.subscriber.name == name and topic.endswith(_sources(one))]
    contracts = []
    for versions in carried(topic):
        mine = [offer for offer in offers if offer.versions is versions]
        if versions in _OF_ALL:
            contracts.append(Carried(versions, _all(versions), _grade(versions)))
        elif mine:
            numbers = tuple(sorted(offer.grant.version for offer in mine))
            contracts.append(Carried(versions, numbers, max(offer.grade for offer in mine)))
    return contracts, [Said(offer.grant.legal_basis, "") for offer in offers]


def _sources(offer: View) -> tuple[str, ...]:
    return tuple(f".{topic}" for topic in offer.topics)


def _basis(purpose: Purpose) -> Said:
    """In words: what it is, and the articles."""
    zh, en = BASES[purpose.basis]
    articles = "、".join(one.zh for one in purpose.cites), "; ".join(one.en for one in purpose.cites)
    return Said(f"{zh}：{articles[0]}", f"{en}: {articles[1]}") if purpose.cites else Said(zh, en)


def _grade(versions: Versions) -> str:
    return max(map(grade_of, versions.models))


def _all(versions: Versions) -> tuple[int, ...]:
    return tuple(range(1, versions.newest + 1))
