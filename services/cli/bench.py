"""`bench …`: measurements a person can repeat, each beside its baseline and the design's target."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.check import judge
from services.cli.progress import fetching
from services.cli.terminal import Json, answer, out, talk

if TYPE_CHECKING:
    from services.bench.contest import Told
    from services.bench.figures import Found, Reach, Row

app = typer.Typer(help="性能测量 / benchmarks", no_args_is_help=True)

Messages = Annotated[int, typer.Option("--messages", min=100, help="消息数 / how many messages")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="轮数 / how many rounds")]
_VERDICTS: Final[Mapping[Reach, str]] = {
    "reached": "[green]达到\nreached[/]",
    "missed": "[red]未达到\nmissed[/]",
    "noise": "[yellow]噪声过大，无法判断\ntoo noisy to judge[/]",
    "": "",
}


@app.command()
def hop(messages: Messages = 60_000, rounds: Rounds = 5, as_json: Json = False) -> None:
    """一跳：消费、解码、校验、发送 / one hop beside FastStream and the bare producer."""
    from services.bench import hop as bench
    from services.bench.ground import ground

    size = bench.Size(messages=messages, rounds=rounds)
    with _shown() as tell, ground(fetching) as one:
        found = bench.run(one, tell, size)
    _tell(found, as_json=as_json)


@app.command()
def projection(messages: Messages = 40_000, rounds: Rounds = 5, as_json: Json = False) -> None:
    """投影：一个订阅方的视图，对照一跳 / one subscriber's view, plain and sealed, beside the plain hop."""
    from services.bench import projection as bench
    from services.bench.ground import ground

    size = bench.Size(messages=messages, rounds=rounds)
    with _shown() as tell, ground(fetching) as one:
        found = bench.run(one, tell, size)
    _tell(found, as_json=as_json)


@app.command()
def agency(messages: Messages = 30_000, rounds: Rounds = 3, as_json: Json = False) -> None:
    """慢机构：千笔在途，台账开启 / a slow agency, a thousand calls in flight, ledger on."""
    from services.bench import agency as bench
    from services.bench.ground import ground

    size = bench.Size(messages=messages, rounds=rounds)
    with _shown() as tell, ground(fetching) as one:
        found = bench.run(one, tell, size)
    _tell(found, as_json=as_json)


@app.command()
def backlog(messages: Messages = 1_000_000, as_json: Json = False) -> None:
    """积压：内存是否增长 / does memory grow with what waits."""
    from services.bench import backlog as bench
    from services.bench.ground import ground

    with _shown() as tell, ground(fetching) as one:
        found = bench.run(one, tell, bench.Size(messages=messages))
    _tell(found, as_json=as_json)


@app.command()
def recovery(rounds: Rounds = 5, as_json: Json = False) -> None:
    """恢复：负载下逐个 kill -9 / kill -9 of each of our processes under load, judged at the end."""
    from services.bench import recovery as bench

    with _shown() as tell:
        found = bench.run(fetching, judge, tell, bench.Size(rounds=rounds))
    _tell(found, as_json=as_json)


@app.command()
def isolation(
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="对数 / how many pairs of turns")] = 7,
    as_json: Json = False,
) -> None:
    """隔离：一家中断，其他家的 p99 / one organisation dead: the others' 99th percentile."""
    from services.bench import isolation as bench
    from services.bench.ground import ground

    with _shown() as tell, ground(fetching) as one:
        found = bench.run(one, tell, bench.Size(pairs=pairs))
    _tell(found, as_json=as_json)


@contextmanager
def _shown() -> Iterator[Told]:
    """A bar on a terminal; elsewhere a plain line for each step."""
    from observability import logs

    # Whoever ends it from outside must not leave a broker or a whole stack behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # The client library complains of topics that are a moment old, and of brokers that we take away ourselves.
    with logs.hushed("aiokafka"):
        if not talk.is_terminal:
            yield lambda what, share: talk.print(f"{share:4.0%} {what}", markup=False)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=talk) as progress:
            task = progress.add_task("准备 / preparing", total=1.0)
            yield _moving(progress, task)


def _moving(progress: Progress, task: TaskID) -> Callable[[str, float], None]:
    return lambda what, share: progress.update(task, description=what, completed=share)


def _tell(found: Found, *, as_json: bool) -> None:
    table = Table(title=found.title, box=None, title_justify="left", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("", no_wrap=True, justify="right")
    table.add_column("目标\ntarget", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in found.rows:
        table.add_row(*_cells(row))
    (talk if as_json else out).print(table)
    if as_json:
        answer(found.figures)


def _cells(row: Row) -> tuple[str, ...]:
    target = "" if row.target is None else str(row.target)
    said = "\n".join(filter(None, (row.zh, row.en, row.note)))
    return (said, str(row.value), target, _VERDICTS[row.verdict])
