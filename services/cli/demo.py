"""`demo`: the whole road on this machine, with an agency that fails and heals on the way, and a judge at the end."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Final

import psutil
import typer
from rich.live import Live
from rich.table import Table

from services.cli import feed, styles, terminal
from services.cli.check import judge
from services.cli.feed import Fed, Pin
from services.cli.progress import fetching, waiting
from services.cli.running import Running
from services.cli.terminal import FAILED, Data, Json, answer, talk
from services.stack import lifecycle
from services.stack.data import DataFolder
from services.stack.lifecycle import Launch
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.checker import Verdict
    from services.publisher.door import Acknowledged, Door
    from services.publisher.sales import Sale

app = typer.Typer()

Scenarios = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        help="规则手册的场景：名称、编号、all 或 list，可重复 / situations of the rulebook; may be repeated",
    ),
]

BROKEN: Final = "police"
SHARING: Final = "miit"
"""It tells of certificates by itself, as it has done since June 2026; asking is the other way to the same end."""
_LOOK_S: Final = 0.25
_OUTAGE_S: Final = 4.0
_PATIENCE_S: Final = 300.0
_SHARE_BEFORE_THE_OUTAGE: Final = 0.3
_DRAWN: Final = 2_000
"""Sales from which the one is taken that subscribers of every version get."""


@dataclass(slots=True)
class Course:
    """How the demonstration goes: what was counted so far. Times are seconds since the command was typed."""

    began: float
    sales: int
    published: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    """What the folder held already, from another time."""
    held: int = 0
    held_peak: int = 0
    down: bool = False
    first_closed_s: float | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> int:
        """Cases that need nothing more, or a person."""
        return sum(self.counts.get(name, 0) for name in ("closed", "manual", "cancelled", "refused"))

    def looked(self, status: dict[str, Any]) -> None:
        """Take in what the console says."""
        self.counts = {name: count - self.before.get(name, 0) for name, count in status["cases"].items()}
        self.held = status["deliveries"]["held"]
        self.held_peak = max(self.held_peak, self.held)
        if self.first_closed_s is None and self.counts["closed"]:
            self.first_closed_s = round(time.time() - self.began, 1)
        self._news.set()

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait for something that the next looks will show."""
        while not fact():
            self._news.clear()
            await self._news.wait()


@app.command()
def demo(  # noqa: PLR0913, PLR0917 - Typer's options are parameters
    sales: Annotated[int, typer.Option("--sales", min=1, max=5000, help="销售数 / how many sales")] = 40,
    seed: Annotated[int, typer.Option("--seed", help="同一种子，同样的车 / the same seed, the same cars")] = 7,
    hold: Annotated[bool, typer.Option("--hold", help="结束后继续运行 / leave it up afterwards")] = False,
    scenario: Scenarios = None,
    crash: Annotated[bool, typer.Option("--crash", help="场景中随机 kill -9 / kill -9 meanwhile, by the seed")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """演示：发布销售，交管中断又恢复，最后核对 / everything, from sale to plates or export, judged at the end."""
    if (crash and not scenario) or (hold and scenario):
        raise TroubleError(
            "--crash 只用于场景，--hold 不用于场景",
            "--crash is for scenarios, and --hold is not",
            fix="tongche demo --scenario all --crash",
        )
    if scenario:
        raise typer.Exit(_rehearse(scenario, data, crash=crash, seed=seed, as_json=as_json))
    began = psutil.Process(os.getpid()).create_time()
    with _folder(data, keep=hold) as folder:
        stack = _up(folder)
        course = Course(began, sales, before=stack.service("console").ask("GET", "/api/status")["cases"])
        try:
            pins = feed.pins(stack)
            planned = _planned(stack, course, seed, pins)
            acknowledged = _play(stack, course, planned)
            fed = _fed(stack, planned[0], acknowledged[0].id, pins)
            spoken = styles.spoken(stack)
            verdict = judge(stack)
            report = _report(course, verdict, acknowledged) | {
                "styles": [one.told() for one in spoken],
                "feed": [one.told() for one in fed],
            }
            _show(stack, report, verdict, hold=hold)
            styles.show(spoken)
            feed.show(fed)
        finally:
            if not hold:
                lifecycle.down(folder)
    if as_json:
        answer(report)
    good = verdict.clean and report["closed"] + report["refused"] == sales and report["held_peak"] > 0
    raise typer.Exit(0 if good and not any(one.faults for one in fed) else FAILED)


def _rehearse(wanted: list[str], data: Path | None, *, crash: bool, seed: int, as_json: bool) -> int:
    """Play scenarios instead; the exit code."""
    from services.cli import scenario
    from services.scenario import catalogue

    if "list" in wanted:
        told = scenario.listed(catalogue.chosen(["all"]))
    else:
        chosen = catalogue.chosen(wanted)
        with _folder(data, keep=False) as folder:
            told = scenario.rehearse(folder, chosen, crash=crash, seed=seed)
    if as_json:
        answer(told)
    good = not told.get("failed") and not told.get("never_back") and told.get("checker", "clean") == "clean"
    return 0 if good else FAILED


@contextmanager
def _folder(data: Path | None, *, keep: bool) -> Iterator[DataFolder]:
    """The folder that was named, or one of its own, which goes again once nobody needs to look into it."""
    if data is not None:
        yield terminal.folder(data)
        return
    root = Path(tempfile.mkdtemp(prefix="tongche-demo-"))
    yield DataFolder(root)
    if keep:
        talk.print(f"停止 / stop: tongche down --data {root}", markup=False)
    else:
        shutil.rmtree(root)


def _up(folder: DataFolder) -> Running:
    lifecycle.prepare(folder, fetching, kafka=True)
    with waiting() as progress:
        return Running(folder, lifecycle.up(folder, Launch(), progress))


def _planned(stack: Running, course: Course, seed: int, pins: Sequence[Pin]) -> list[Sale]:
    """All sales, the first of them one that is shown as its subscribers got it."""
    from services.publisher.careful import invented

    # The same seed makes the same cars, but a folder that has them already gets others.
    random = Random(f"{seed}:{sum(course.before.values())}")  # noqa: S311 - a repeatable demonstration
    first = feed.showpiece(invented(stack, "platform", random, _DRAWN), pins)
    return [first, *invented(stack, "platform", random, course.sales - 1)]


def _play(stack: Running, course: Course, planned: Sequence[Sale]) -> list[Acknowledged]:
    with _shown(course) as show:
        try:
            return asyncio.run(_road(stack, course, planned, show))
        except TimeoutError:
            raise TroubleError(
                f"{_PATIENCE_S:.0f} 秒内没有全部办结：{course.counts}",
                f"not all cases ended within {_PATIENCE_S:.0f} s: {course.counts}",
                fix=f"tongche status; 日志 / logs: {stack.folder.logs}",
            ) from None


async def _road(
    stack: Running, course: Course, planned: Sequence[Sale], show: Callable[[], None]
) -> list[Acknowledged]:
    """Publish, break, heal, and wait until every case has ended."""
    async with asyncio.timeout(_PATIENCE_S), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_watch(stack, course, show))
        acknowledged = await _publish(stack, course, planned)
        await watching
    return acknowledged


async def _publish(stack: Running, course: Course, planned: Sequence[Sale]) -> list[Acknowledged]:
    """Some sales while all is well, the others while one agency is down; then heal it."""
    from services.publisher.door import Door

    async with Door.of(stack, "platform") as door:
        await _turn(stack, SHARING, {"pushes": True})
        early = int(course.sales * _SHARE_BEFORE_THE_OUTAGE)
        acknowledged = [await _hand_in(door, sale, course) for sale in planned[:early]]
        await course.until(lambda: not early or course.counts.get("closed", 0) > 0)
        async with _broken(stack, course):
            acknowledged += [await _hand_in(door, sale, course) for sale in planned[early:]]
            await asyncio.sleep(_OUTAGE_S)
            await course.until(lambda: course.held > 0 or course.ended == course.sales)
    return acknowledged


async def _hand_in(door: Door, sale: Sale, course: Course) -> Acknowledged:
    acknowledged = [await door.publish(sale) for _ in range(sale.times)]
    course.published += 1
    return acknowledged[0]


@asynccontextmanager
async def _broken(stack: Running, course: Course) -> AsyncIterator[None]:
    """One agency down for as long as this lasts."""
    await _turn(stack, BROKEN, {"down": "503"})
    course.down = True
    yield
    await asyncio.to_thread(stack.service("simulator").ask, "DELETE", f"/_faults/{BROKEN}")
    course.down = False


async def _turn(stack: Running, organisation: str, knobs: dict[str, Any]) -> None:
    await asyncio.to_thread(stack.service("simulator").ask, "PUT", f"/_faults/{organisation}", knobs)


async def _watch(stack: Running, course: Course, show: Callable[[], None]) -> None:
    console = stack.service("console")
    while course.ended < course.sales or course.published < course.sales or course.down:
        course.looked(await asyncio.to_thread(console.ask, "GET", "/api/status"))
        show()
        await asyncio.sleep(_LOOK_S)


def _fed(stack: Running, sale: Sale, id_: str, pins: Sequence[Pin]) -> list[Fed]:
    try:
        return feed.feed(stack, sale, id_, pins)
    except TimeoutError as missing:
        raise TroubleError(
            f"订阅方没有收到销售：{missing}", f"subscribers did not get the sale: {missing}", fix="tongche grant list"
        ) from None


def _report(course: Course, verdict: Verdict, acknowledged: list[Acknowledged]) -> dict[str, Any]:
    told = verdict.as_json()
    counts = ("lost", "duplicate_effects", "out_of_order", "stuck", "leaks")
    return {
        "sales": course.sales,
        "closed": course.counts["closed"],
        "manual": course.counts["manual"],
        "refused": course.counts["refused"],
        **{name: told[name] for name in counts},
        "held_peak": course.held_peak,
        "first_closed_s": course.first_closed_s,
        "wall_s": round(time.time() - course.began, 1),
        "checker": told["checker"],
        "case": acknowledged[0].id,
    }


@contextmanager
def _shown(course: Course) -> Iterator[Callable[[], None]]:
    """A live table on a terminal; elsewhere a plain line whenever something changed."""
    if talk.is_terminal:
        with Live(_table(course), console=talk, refresh_per_second=8) as live:
            yield lambda: live.update(_table(course))
        return
    told = ""

    def line() -> None:
        nonlocal told
        now = _line(course)
        if now != told:
            talk.print(now, markup=False)
            told = now

    yield line


def _table(course: Course) -> Table:
    counts = course.counts
    table = Table("", "", box=None, title="通车演示 / Tongche demo")
    table.add_row("已发布 / published", f"{course.published}/{course.sales}")
    table.add_row("办理中 / open", str(counts.get("open", 0)))
    table.add_row("挂起投递 / held", f"{course.held}（峰值 / peak {course.held_peak}）")
    table.add_row("交管 / traffic police", "[red]中断 / down[/]" if course.down else "[green]正常 / up[/]")
    table.add_row("办结 / closed", f"[bold green]{counts.get('closed', 0)}[/]")
    table.add_row("人工 / manual", str(counts.get("manual", 0)))
    return table


def _line(course: Course) -> str:
    down = f"  {BROKEN} 中断 / down" if course.down else ""
    return (
        f"已发布 / published {course.published:>4}  办结 / closed {course.counts.get('closed', 0):>4}  "
        f"挂起 / held {course.held:>3}{down}"
    )


def _show(stack: Running, report: dict[str, Any], verdict: Verdict, *, hold: bool) -> None:
    from services.checker.report import report as words
    from services.cli.trace import trace

    talk.print(words(verdict), markup=False)
    trace(report["case"], data=stack.folder.root)
    if hold:
        talk.print(f"控制台 / console: {stack.stack.urls['console']}/cases/{report['case']}", markup=False)
    talk.print(
        f"{report['closed']}/{report['sales']} 办结 / closed，首个 / the first after {report['first_closed_s']} s，"
        f"共 / in all {report['wall_s']} s，最多挂起 / held at most {report['held_peak']}",
        markup=False,
    )
