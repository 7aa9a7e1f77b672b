"""Everything that a running stack has recorded, gathered as files for whoever judges it; see `services.checker`.

The stack may be at work meanwhile. The order is the one that the checker relies on: what was acknowledged before what
was published, the length of the agencies' ledger before the ends of the topics, those before the cases.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from contracts.types import instant_text
from services.runtime.clock import Clock
from services.runtime.dump import Ends, dump, ends_of
from services.stack.running import Running, Service

_LEDGER: Final = "simulator/ledger.jsonl"
_REQUESTS: Final = "simulator/requests.jsonl"
_TRIALS: Final = "simulator/trials.jsonl"
_SHOWING_METRICS: Final = ("door", "journey", "dispatch", "projection", "console", "simulator")
_BLOCK: Final = 1 << 20
_PAGE: Final = 500
"""Of disclosures, as many as the projection gives at once."""


def collect(stack: Running) -> tuple[Path, int]:
    """Gather it into `<data>/evidence`, and say how many records there are; what was gathered earlier goes."""
    into = stack.folder.root / "evidence"
    shutil.rmtree(into, ignore_errors=True)
    for name in ("publishers", "simulator", "logs", "topics", "metrics"):
        (into / name).mkdir(parents=True)
    return into, asyncio.run(_gather(stack, into))


async def _gather(stack: Running, into: Path) -> int:
    root = stack.folder.root
    _copy(root, into, root.glob("publishers/*.history.jsonl"))
    effects = lines_in(root / _LEDGER)
    ends = await ends_of(stack.settings)
    _write_reading(into, effects, stack.settings.clock_of_others)
    _write_cases(stack, into)
    _copy(root, into, (path for path in (root / _LEDGER, root / _REQUESTS, root / _TRIALS) if path.exists()))
    for needed in (_LEDGER, _REQUESTS):
        (into / needed).touch()
    _write_views(stack, into)
    _copy(root, into, root.glob("logs/*.log"))
    _write_metrics(stack, into)
    return await _records(stack, into, ends)


async def _records(stack: Running, into: Path, ends: Ends) -> int:
    return await dump(stack.settings, into / "topics", ends)


def _write_reading(into: Path, effects: int, clock: Clock) -> None:
    told = {"at": instant_text(clock.now()), "effects": effects}
    (into / "reading.json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def _write_cases(stack: Running, into: Path) -> None:
    with (into / "cases.jsonl").open("wb") as cases:
        cases.writelines(stack.service("journey").lines("/v1/export/cases"))


def _write_views(stack: Running, into: Path) -> None:
    """Who subscribes to what, how their grants stand, and what was shown to them."""
    shutil.copyfile(stack.folder.subscribers, into / "subscribers.toml")
    projection = stack.service("projection")
    _write_lines(into / "grants.jsonl", projection.ask("GET", "/v1/grants")["grants"])
    _write_lines(into / "disclosures.jsonl", _disclosures(projection))


def _disclosures(projection: Service) -> Iterator[Any]:
    wanted: dict[str, Any] = {"most": _PAGE}
    while True:
        page = projection.ask("POST", "/v1/disclosures/search", wanted)
        yield from page["disclosures"]
        if page["next"] is None:
            return
        wanted["after"] = page["next"]


def _write_lines(file: Path, lines: Iterable[Any]) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _write_metrics(stack: Running, into: Path) -> None:
    for name in _SHOWING_METRICS:
        with (into / "metrics" / f"{name}.prom").open("wb") as shown:
            shown.writelines(stack.service(name).lines("/metrics"))


def _copy(root: Path, into: Path, files: Iterable[Path]) -> None:
    for found in files:
        with found.open("rb") as source, (into / found.relative_to(root)).open("wb") as target:
            copy_whole_lines(source, target)


def copy_whole_lines(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy all but a last line without its end: somebody may be writing it at this moment."""
    kept = b""
    while block := source.read(_BLOCK):
        whole, newline, rest = (kept + block).rpartition(b"\n")
        target.write(whole + newline)
        kept = rest


def lines_in(file: Path) -> int:
    """How many whole lines a file has; none where there is none."""
    if not file.exists():
        return 0
    with file.open("rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(_BLOCK), b""))
