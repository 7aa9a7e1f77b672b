"""One sale as its subscribers got it, each in the version that it pinned: names of fields and how they stood, no value.

What arrived on Kafka is read as its subscriber would read it, and judged by the matrix: everything that was asked for
and is there, nothing else, in the form in which the party may see it, and sealed where it must be.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pydantic_core import from_json, to_json
from rich.table import Table

from services.cli.terminal import talk

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from contracts.sale import SaleConfirmedV3
    from contracts.views.subscriber import Grant, Subscriber
    from services.cli.running import Running
    from services.publisher.sales import Sale

CONTRACT: Final = "sale.confirmed"
SEALED: Final = "sealed"
SIGNS: Final = {"full": "●", SEALED: "▣", "masked": "◐", "hashed": "#", "yes_no": "?"}
_WORDS: Final = "● 明文 in clear   ▣ 加密 sealed   ◐ 遮盖 masked   # 散列 hashed   ? 是否 yes or no   · 未提供 not told"
_WITHIN_S: Final = 60.0
_LOOK_S: Final = 0.5


class Pin(NamedTuple):
    """A subscriber that is granted sales, in one version."""

    subscriber: Subscriber
    grant: Grant


@dataclass(frozen=True, slots=True)
class Fed:
    """What one subscriber got of the sale; `faults` says what is wrong with it, in words without a value."""

    subscriber: str
    contract: str
    version: int
    fields: Mapping[str, str]
    """How each field stood: full, masked, hashed, yes_no, or sealed."""
    lost: tuple[str, ...]
    faults: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: getattr(self, name) for name in ("subscriber", "contract", "version", "fields", "lost", "faults")}


def pins(stack: Running) -> tuple[Pin, ...]:
    """For each version of a sale the first subscriber of the file whose grant of it is in force."""
    from services.runtime import subscribers

    grants = stack.service("projection").ask("GET", "/v1/grants")["grants"]
    in_force = {grant["id"] for grant in grants if grant["state"] == "in-force"}
    found: dict[int, Pin] = {}
    for subscriber, grant in subscribers.read(stack.settings.subscribers).grants():
        if grant.contract == CONTRACT and grant.id in in_force:
            found.setdefault(grant.version, Pin(subscriber, grant))
    return tuple(found[version] for version in sorted(found))


def showpiece(drawn: Iterable[Sale], wanted: Sequence[Pin]) -> Sale:
    """Of these the first that concerns most subscribers, of a car with two motors, which older versions cannot say."""
    return max(drawn, key=lambda sale: (len(_concerned(sale, wanted)), len(sale.data.get("motor_nos", ()))))


def _concerned(sale: Sale, wanted: Sequence[Pin]) -> list[Pin]:
    from contracts.views.rows import concerned

    concerns = _newest(sale).concerns
    return [pin for pin in wanted if concerned(pin.subscriber)(concerns)]


def _newest(sale: Sale) -> SaleConfirmedV3:
    from contracts.registry import resolve

    versions, number = resolve(sale.type)
    return cast("SaleConfirmedV3", versions.read(number, to_json(sale.data)))


def feed(stack: Running, sale: Sale, id_: str, wanted: Sequence[Pin]) -> list[Fed]:
    """What each of these whom the sale concerns got of it; raises `TimeoutError` where one gets nothing in time."""
    from services.stack.credentials import subscriber_keys

    own = _concerned(sale, wanted)
    keys = subscriber_keys(stack.folder)
    arrived = asyncio.run(_arrived(stack, id_, own))
    return [_fed(pin, sale, arrived[pin.subscriber.name], keys.get(pin.subscriber.name)) for pin in own]


async def _arrived(stack: Running, id_: str, wanted: Sequence[Pin]) -> dict[str, ConsumerRecord[bytes, bytes]]:
    """By subscriber, the message about the sale on its own topic, once all of them have it."""
    from contracts.topics import SALE_EVENTS, to
    from services.runtime.reading import held

    topics = {to(pin.subscriber.name, SALE_EVENTS.name): pin.subscriber.name for pin in wanted}
    names = {topic.name: name for topic, name in topics.items()}
    deadline = time.monotonic() + _WITHIN_S
    while True:
        records = [record async for record in held(stack.settings, tuple(topics)) if _is(record, id_)]
        found = {names[record.topic]: record for record in records}
        if len(found) == len(names):
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(", ".join(sorted(set(names.values()) - found.keys())))
        await asyncio.sleep(_LOOK_S)


def _is(record: ConsumerRecord[bytes, bytes], id_: str) -> bool:
    return dict(record.headers).get("ce_id") == id_.encode()


def _fed(pin: Pin, sale: Sale, record: ConsumerRecord[bytes, bytes], key: Mapping[str, Any] | None) -> Fed:
    from contracts.registry import CONTRACTS
    from contracts.views.reading import LOST, unseal

    lowered = CONTRACTS[CONTRACT].lower(pin.grant.version, _newest(sale))
    said = dict(_leaves(from_json(lowered.data.model_dump_json(exclude_none=True))))
    told = from_json(record.value or b"{}")
    token = told.pop(SEALED, None)
    opened = dict(_leaves(from_json(unseal(token, key)))) if token and key else {}
    in_clear = dict(_leaves(told))
    headers = {name: (value or b"").decode() for name, value in record.headers}
    lost = tuple(filter(None, headers.get(LOST, "").split(",")))
    fields = {name: _form(pin, name, value, said.get(name)) for name, value in in_clear.items()}
    fields |= dict.fromkeys(opened, SEALED)
    faults = [
        *([] if headers["ce_type"] == CONTRACTS[CONTRACT].type_of(pin.grant.version) else ["version"]),
        *(f"lost: {name}" for name in lost if name not in lowered.lost),
        *(f"altered: {name}" for name, value in opened.items() if value != said.get(name)),
        *_faults(pin, fields, said),
    ]
    return Fed(pin.subscriber.name, CONTRACT, pin.grant.version, fields, lost, tuple(faults))


def _leaves(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every field by its name in the dictionary, its value as JSON."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield name, to_json(value).decode()


def _form(pin: Pin, name: str, value: str, said: str | None) -> str:
    """How a field stands there: as it was said, or in the form that hides some of it."""
    from contracts.fields import FIELDS

    return "full" if value == said else FIELDS[name].seen_by(pin.subscriber.party, CONTRACT)


def _faults(pin: Pin, fields: Mapping[str, str], said: Mapping[str, str]) -> Iterator[str]:
    from contracts.fields import FIELDS
    from contracts.views.plan import is_sealed

    for name in pin.grant.fields:
        sight = FIELDS[name].seen_by(pin.subscriber.party, CONTRACT)
        due = SEALED if is_sealed(name, sight) else sight
        if name in said and fields.get(name) != due:
            yield f"{name}: {fields.get(name, 'missing')}, {due} is due"
    yield from (f"{name}: not granted" for name in fields if name not in pin.grant.fields)


def table(fed: Sequence[Fed]) -> Table:
    """One line a field, one column a subscriber."""
    from contracts.fields import FIELDS

    heads = [f"{one.subscriber}\nv{one.version}" for one in fed]
    shown = Table(
        "字段\nfield", *heads, box=None, title="同一笔销售，各订阅方所得 / one sale, as each subscriber got it"
    )
    for name in (name for name in FIELDS if any(name in one.fields for one in fed)):
        shown.add_row(f"{FIELDS[name].zh} {name}", *(SIGNS.get(one.fields.get(name, ""), "·") for one in fed))
    if any(one.lost for one in fed):
        shown.add_row("旧版本无法表达 lost", *("\n".join(one.lost) or "—" for one in fed))
    return shown


def show(fed: Sequence[Fed]) -> None:
    """For people."""
    talk.print(table(fed))
    talk.print(_WORDS, markup=False, soft_wrap=True)
    for one in fed:
        for fault in one.faults:
            talk.print(f"✗ {one.subscriber} v{one.version}: {fault}", style="red", markup=False)
