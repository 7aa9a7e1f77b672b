"""One subscriber's view: consume → decode → validate → show → record → produce, beside the plain hop on the same topic.

The plain view has no field of grades G3 and G4, so nothing is sealed; the sealed one has the buyer. Both with all that
the service does: the grant is looked at with every message, and every disclosure is durable before it is sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from contracts.concerns import Concerns
from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.keys import vehicle_key
from contracts.numbers import vin
from contracts.sale import SALE_CONFIRMED
from contracts.topics import PARTITIONS, SALE_EVENTS, SUBSCRIBABLE, TELEMETRY_SPANS, to
from observability import tracing
from services.bench import hop
from services.bench.contest import Contender, Entry, Told, medians
from services.bench.figures import Found, Row, Target
from services.bench.ground import Ground
from services.bench.stopwatch import Stopwatch
from services.projection.disclosures import Book
from services.projection.register import Register
from services.projection.work import Projecting
from services.runtime import topics
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.ids import new_id
from services.runtime.lanes import Lanes
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record, outgoing
from services.runtime.settings import Settings
from services.runtime.spans import SpanPost
from services.runtime.subscribers import SubscribersFile
from services.runtime.work import Lane

IN: Final = SALE_EVENTS.name
PLAIN: Final = ("vin", "model", "fuel_kind", "seats", "sold_on", "seller_uscc", "amount_incl", "amount_excl", "vat")
SEALED: Final = (*PLAIN, "buyer_name", "buyer_id_type", "buyer_id_no", "region")
_SECRET: Final = bytes(32)
_DAY: Final = date(2026, 12, 1)
_USCC: Final = "91440300MAPW444F2G"
_NAMES: Final = ("hop", "plain", "sealed", "older", "hop_with_spans", "plain_with_spans")


@dataclass(frozen=True, slots=True)
class Size:
    """How much each contender does, and how often."""

    messages: int = 40_000
    vehicles: int = 5_000
    rounds: int = 5


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Let them run in turns, and take the median of each."""
    size = size or Size()
    tell("写入消息 / filling the topic", 0.0)
    ground.create(*SUBSCRIBABLE, hop.OUT, TELEMETRY_SPANS.name, *map(_out, _NAMES), partitions=PARTITIONS)
    ground.fill(sales(size.messages, size.vehicles))
    return _found(medians(_round(ground, number, size, tell) for number in range(size.rounds)), size)


def _out(name: str) -> str:
    return to(name.replace("_", "-"), IN).name


def _round(ground: Ground, number: int, size: Size, tell: Told) -> dict[str, float]:
    measured: dict[str, float] = {}
    for place, name in enumerate(_NAMES):
        tell(f"{number + 1}/{size.rounds} {name}", (number + place / len(_NAMES)) / size.rounds)
        folder = str(ground.folder / f"{name}.{number}")
        given = {"kafka": ground.kafka, "group": f"{name}.{number}", "messages": size.messages, "folder": folder}
        found = Entry("projection", name, given).run()
        measured |= {name: found["per_s"], f"{name}.cpu_us": found["cpu_us"]}
    return measured


def _found(middle: dict[str, float], size: Size) -> Found:
    figures: dict[str, float | int | str] = {f"{name}_per_s": round(middle[name]) for name in _NAMES}
    ratios = {
        "plain_vs_hop": middle["plain"] / middle["hop"],
        "sealed_vs_hop": middle["sealed"] / middle["hop"],
        "older_vs_hop": middle["older"] / middle["hop"],
        "with_spans_vs_hop": middle["plain_with_spans"] / middle["hop_with_spans"],
    }
    figures |= {name: round(ratio, 2) for name, ratio in ratios.items()}
    rows = (
        Row("一跳每秒", "hop, per second", round(middle["hop"])),
        Row("投影每秒", "a view, per second", round(middle["plain"])),
        Row("投影，含加密", "a view with sealed fields, per second", round(middle["sealed"])),
        Row("投影，降至 v1", "a view in version 1, per second", round(middle["older"])),
        Row("带追踪：一跳", "hop with spans, per second", round(middle["hop_with_spans"])),
        Row("带追踪：投影", "a view with spans, per second", round(middle["plain_with_spans"])),
        Row("投影对一跳之比", "a view ÷ hop", figures["plain_vs_hop"], Target("≥", 0.6)),
        Row("含加密之比", "sealed ÷ hop", figures["sealed_vs_hop"]),
        Row("降版本之比", "version 1 ÷ hop", figures["older_vs_hop"]),
        Row("带追踪之比", "a view ÷ hop, both with spans", figures["with_spans_vs_hop"], Target("≥", 0.6)),
        *(Row(f"每条 CPU 微秒 {name}", f"CPU for one, {name}, µs", round(middle[f"{name}.cpu_us"])) for name in _NAMES),
    )
    return Found(f"projection: {size.messages} messages, median of {size.rounds} rounds", figures, rows)


# -- what is said


def sales(count: int, vehicles: int) -> Iterator[Outgoing]:
    """So many sales of so many vehicles in turn, in the newest version. Nobody's data."""
    numbers = [_vin(number) for number in range(vehicles)]
    for number in range(count):
        car = numbers[number % vehicles]
        yield outgoing(IN, vehicle_key(_SECRET, car), sale(car, number))


def sale(car: str, number: int) -> Message[Contract]:
    """A car sold at home, in cash."""
    data = {
        "order_no": f"BENCH-{number:09}",
        "vin": car,
        "coc_no": f"LZZ{number:012}",
        "motor_nos": [f"TZ{number:010}"],
        "maker": "样本汽车",
        "model": "样本",
        "fuel_kind": "BEV",
        "seats": 5,
        "curb_mass": 1800,
        "mfg_date": str(_DAY),
        "nev_catalogue": True,
        "sold_on": str(_DAY),
        "seller_uscc": _USCC,
        "maker_uscc": _USCC,
        "amount_incl": 22_600_000,
        "amount_excl": 20_000_000,
        "vat": 2_600_000,
        "buyer": {
            "buyer_name": "王样本",
            "buyer_id_type": "RESIDENT_ID",
            "buyer_id_no": "110105199003070009",
            "phone": "15400000000",
            "region": "310115",
            "insurer_uscc": "91110000MAY1GEUH59",
        },
    }
    return message(
        SALE_CONFIRMED.models[-1].model_validate_json(json.dumps(data)),
        id=new_id(),
        source="urn:tongche:publisher:bench",
        subject=new_id(),
        time=datetime.now(UTC),
        traceparent=f"00-{number + 1:032x}-{number + 1:016x}-01",
        concerns=str(Concerns(region="310115", seller=_USCC, maker=_USCC)),
    )


def _vin(number: int) -> str:
    draft = f"LZZTEST00TA{number:06}"
    return draft[:8] + vin.check_digit(draft) + draft[9:]


def _subscribers(name: str, version: int, fields: tuple[str, ...], key: dict[str, Any]) -> str:
    """The file of one subscriber with one grant."""
    inline = ", ".join(f'{part} = "{key[part]}"' for part in ("kty", "crv", "x", "y"))
    return "\n".join(
        (
            "[[subscribers]]",
            f'name = "{name}"',
            'title = "bench"',
            'party = "T"',
            "jurisdiction = []",
            f"key = {{ {inline} }}",
            "[[subscribers.grants]]",
            'id = "bench"',
            'contract = "sale.confirmed"',
            f"version = {version}",
            f"fields = {json.dumps(fields)}",
            'purpose = "bench"',
            'legal_basis = "contract"',
            "until = 2099-01-01T00:00:00+08:00",
        )
    )


# -- contenders


@dataclass(slots=True)
class Counted(Projecting):
    """The service's work, which tells of each message that it has finished."""

    watch: Stopwatch

    async def handle(self, record: Record, known: Any | None) -> None:
        """As ever; then tell."""
        await Projecting.handle(self, record, known)
        self.watch.count()


@dataclass(frozen=True, slots=True)
class View:
    """What a contender shows."""

    name: str
    fields: tuple[str, ...]
    version: int = SALE_CONFIRMED.newest
    spans: bool = False

    async def __call__(self, kafka: str, group: str, messages: int, folder: str) -> dict[str, float]:
        """Project as the service does, with a store of its own."""
        settings = _installed(self, kafka, Path(folder))
        store = await asyncio.to_thread(open_store, settings, "projection")
        store.start()
        producer = Producer(kafka, "bench")
        await producer.start()
        clock = Clock()
        file = SubscribersFile(settings.subscribers)
        register = Register(file, store, clock, _SECRET, partial(topics.ensure, settings))
        keeping = asyncio.create_task(register.run())
        await register.known.wait()
        watch = Stopwatch(messages)
        work = Counted(register, Book(store, clock), producer, store, clock, watch)
        measured = await _measured(Lanes(_lane(group, kafka), work), watch, producer, spans=self.spans)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await producer.stop()
        await store.stop()
        return measured


def _installed(view: View, kafka: str, folder: Path) -> Settings:
    from joserfc.jwk import ECKey

    folder.mkdir(parents=True)
    settings = Settings(data=folder, kafka=kafka)
    text = _subscribers(view.name, view.version, view.fields, dict(ECKey.generate_key("P-256").as_dict(private=False)))
    settings.subscribers.write_text(text, encoding="utf-8")
    return settings


async def plain_hop(kafka: str, group: str, messages: int, folder: str) -> dict[str, float]:
    """The plain hop, on the same messages."""
    del folder
    return await _hop(hop.Hop, kafka, group, messages, spans=False)


async def traced_hop(kafka: str, group: str, messages: int, folder: str) -> dict[str, float]:
    """The same with its span."""
    del folder
    return await _hop(hop.TracedHop, kafka, group, messages, spans=True)


async def _hop(make: type[hop.Hop], kafka: str, group: str, messages: int, *, spans: bool) -> dict[str, float]:
    producer = Producer(kafka, "bench")
    await producer.start()
    watch = Stopwatch(messages)
    measured = await _measured(Lanes(_lane(group, kafka), make(producer, watch)), watch, producer, spans=spans)
    await producer.stop()
    return measured


async def _measured(lanes: Lanes, watch: Stopwatch, producer: Producer, *, spans: bool) -> dict[str, float]:
    post = SpanPost("bench", producer, Clock(), asyncio.get_running_loop())
    trace = tracing.configure("bench", post.ship) if spans else None
    posting = asyncio.create_task(post.run())
    running = asyncio.create_task(lanes.run())
    measured = await watch.until_ended(running)
    await lanes.stop()
    if trace is not None:
        await asyncio.to_thread(trace.shutdown)
    for task in (running, posting):
        task.cancel()
    await asyncio.gather(running, posting, return_exceptions=True)
    return measured


def _lane(group: str, kafka: str) -> Lane:
    return Lane(group, (IN,), kafka, at_once=1_000, records=4_000)


CONTENDERS: Final[dict[str, Contender]] = {
    "hop": plain_hop,
    "plain": View("plain", PLAIN),
    "sealed": View("sealed", SEALED),
    "older": View("older", ("vin", "model", "fuel_kind", "seats", "sold_on", "seller_uscc", "price"), 1),
    "hop_with_spans": traced_hop,
    "plain_with_spans": View("plain-with-spans", PLAIN, spans=True),
}
