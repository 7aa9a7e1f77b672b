"""How far it is: bars and a spinner on a terminal, now and then a plain line anywhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TransferSpeedColumn

from services.cli.terminal import talk
from services.stack.jars import Jar, Report

_PLAIN_STEP = 0.25
_COUNT_STEP = 0.1


def fetching(jars: list[Jar]) -> Report:
    """Announce a download of these jars, and return who is told of each piece."""
    total = sum(jar.size for jar in jars)
    title = f"下载 Kafka / fetching Kafka: {len(jars)} jars, {total / 1e6:.0f} MB"
    return _bar(title, total) if talk.is_terminal else _lines(title, total)


@contextmanager
def waiting() -> Iterator[Callable[[list[str]], None]]:
    """Show which parts are not ready yet."""
    title = "等待 / waiting for: {}"
    if talk.is_terminal:
        with talk.status("启动 / starting …") as spinner:
            yield lambda parts: spinner.update(title.format(", ".join(parts)))
    else:
        yield lambda parts: talk.print(title.format(", ".join(parts))) if parts else None


@contextmanager
def telling(title: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done now, on a terminal; nobody else needs it."""
    if talk.is_terminal:
        with talk.status(title) as spinner:
            yield lambda what: spinner.update(f"{title}: {what}")
    else:
        yield lambda _: None


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of so many are done: whoever is told of the number moves the bar."""
    if not talk.is_terminal:
        yield _plain(total)
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=talk) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


def _plain(total: int) -> Callable[[int], None]:
    told = -1.0

    def moved(done: int) -> None:
        nonlocal told
        part = done / total if total else 1.0
        if part >= told + _COUNT_STEP or (part >= 1.0 > told):
            told = part
            talk.print(f"  {done}/{total}")

    return moved


def _bar(title: str, total: int) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    progress = Progress(*columns, console=talk)
    task = progress.add_task(title, total=total)
    progress.start()

    def more(size: int) -> None:
        progress.advance(task, size)
        if progress.finished:
            progress.stop()

    return more


def _lines(title: str, total: int) -> Report:
    talk.print(title)
    turn = threading.Lock()
    arrived, told = 0, 0.0

    def more(size: int) -> None:
        nonlocal arrived, told
        # Several jars arrive at once.
        with turn:
            arrived += size
            if arrived / total >= told + _PLAIN_STEP:
                told = arrived / total // _PLAIN_STEP * _PLAIN_STEP
                talk.print(f"  {told:.0%}")

    return more
