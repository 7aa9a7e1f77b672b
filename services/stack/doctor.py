"""The machine's check-up: for each thing that can be wrong, what was found, what is required, and the exact fix."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from contracts.views.plan import judge
from services.runtime.broker import serves
from services.runtime.clock import Clock
from services.stack import jars, java, ports, state
from services.stack.data import DataFolder
from services.stack.plan import settings_of
from services.stack.state import KAFKA
from services.stack.trouble import TroubleError

_OLDEST_PYTHON = (3, 11)
_DISK_GB = 2.0
_MEMORY_GB = 1.5


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    check: str
    ok: bool
    found: str
    required: str
    fix: str


def examine(folder: DataFolder) -> Iterator[Finding]:
    """Look at everything; nothing is started, fetched or changed."""
    for check in _CHECKS:
        yield check(folder)


def _python(_folder: DataFolder) -> Finding:
    return Finding(
        "Python",
        ok=sys.version_info >= _OLDEST_PYTHON,
        found=".".join(map(str, sys.version_info[:3])),
        required="≥ 3.11",
        fix="apt install python3.11 python3.11-venv",
    )


def _environment(_folder: DataFolder) -> Finding:
    return Finding(
        "环境 / venv",
        ok=sys.prefix != sys.base_prefix,
        found=sys.prefix,
        required="虚拟环境 / a virtual environment",
        fix="python3 run.py doctor",
    )


def _disk(folder: DataFolder) -> Finding:
    free = shutil.disk_usage(_nearest(folder.root)).free / 1e9
    return Finding(
        "磁盘 / disk",
        ok=free >= _DISK_GB,
        found=f"{free:.1f} GB",
        required=f"≥ {_DISK_GB:.0f} GB",
        fix="腾出空间或换目录 / free some, or another folder: --data DIR",
    )


def _memory(folder: DataFolder) -> Finding:
    free = psutil.virtual_memory().available / 1e9
    # What already runs has taken its share.
    needed = 0.2 if folder.supervisor.is_held() else _MEMORY_GB
    return Finding(
        "内存 / memory",
        ok=free >= needed,
        found=f"{free:.1f} GB",
        required=f"≥ {needed} GB",
        fix="关闭其他程序，或用别处的 Kafka / close other programs, or use a Kafka elsewhere: TONGCHE_KAFKA=host:9092",
    )


def _java(_folder: DataFolder) -> Finding:
    required = f"≥ {java.OLDEST}"
    try:
        found = java.find()
    except TroubleError as trouble:
        return Finding("Java", ok=False, found=trouble.en, required=required, fix=trouble.fix)
    return Finding("Java", ok=True, found=f"{found.major} ({found.origin}: {found.path})", required=required, fix="")


def _jars(_folder: DataFolder) -> Finding:
    wanted = jars.locked()
    absent = jars.missing(wanted, jars.cache())
    return Finding(
        "Kafka jars",
        ok=not absent,
        found=f"{len(wanted) - len(absent)}/{len(wanted)} ({jars.cache()})",
        required=f"{len(wanted)}, sha256",
        fix="tongche up (TONGCHE_MAVEN=<mirror URL>)",
    )


def _ports(folder: DataFolder) -> Finding:
    stack = state.load(folder)
    kept = stack.ports if stack else {}
    running = stack is not None and any(child.identity.is_alive() for child in stack.children.values())
    taken = [] if running else [f"{name} {port}" for name, port in kept.items() if not ports.is_free(port)]
    return Finding(
        "端口 / ports",
        ok=not taken,
        found=", ".join(taken) or ("在用 / in use by us" if running else "空闲 / free"),
        required="空闲 / free",
        fix="tongche up 会另选空闲端口 / tongche up will choose others",
    )


def _rights(folder: DataFolder) -> Finding:
    place = _nearest(folder.root)
    strange = folder.root.is_dir() and not folder.is_ours() and any(folder.root.iterdir())
    writable = os.access(place, os.W_OK | os.X_OK)
    return Finding(
        "数据目录 / data folder",
        ok=writable and not strange,
        found=f"{folder.root}" + (" (不是通车的 / not ours)" if strange else "" if writable else " (只读 / read-only)"),
        required="可写 / writable",
        fix="换一个目录 / another folder: --data DIR",
    )


def _kafka(folder: DataFolder) -> Finding:
    told = settings_of(folder)
    stack = state.load(folder)
    required = "可以连接 / reachable"
    if KAFKA in told.model_fields_set:
        fix = f"检查 TONGCHE_KAFKA / check TONGCHE_KAFKA={told.kafka}"
        return Finding("Kafka", ok=serves(told.kafka), found=told.kafka, required=required, fix=fix)
    if stack is None or not stack.runs():
        return Finding("Kafka", ok=True, found="未启动 / not started", required="tongche up", fix="")
    address = stack.urls[KAFKA]
    fix = f"日志 / log: {folder.log(KAFKA)}"
    return Finding("Kafka", ok=serves(address), found=address, required=required, fix=fix)


def _subscribers(folder: DataFolder) -> Finding:
    # Reading it loads tracing: `tongche --help` should answer at once.
    from services.runtime import subscribers

    title, required = "订阅方文件 / subscribers.toml", "可读，无 A403 / readable, no A403"
    file = settings_of(folder).subscribers
    fix = f"tongche grant check {file}"
    if not file.exists():
        return Finding(title, ok=True, found="尚无 / none yet", required=required, fix=fix)
    try:
        grants = list(subscribers.read(file).grants())
    except subscribers.UnreadableSubscribers as wrong:
        return Finding(title, ok=False, found=str(wrong), required=required, fix=fix)
    refused = [grant.id for subscriber, grant in grants if judge(subscriber, grant)]
    found = f"{len(grants)} 项授权 / grants" + (f"; A403: {', '.join(refused)}" if refused else "")
    return Finding(title, ok=not refused, found=found, required=required, fix=fix)


def _adapters(_folder: DataFolder) -> Finding:
    # Loaded where it is needed, as above.
    from adapters.organisations import ORGANISATIONS, UNFIT

    return Finding(
        "适配器 / adapters",
        ok=not UNFIT,
        found="; ".join(map(str, UNFIT.values())) or f"{len(ORGANISATIONS)} 家机构 / organisations",
        required="都可装载 / all load",
        fix="; ".join(f"tongche partner test {name}" for name in UNFIT),
    )


def _certificates(folder: DataFolder) -> Finding:
    # Loaded where it is needed, as above.
    from services.stack import partners

    title, required = "证书 / certificates", f"> {partners.EXPIRES_SOON.days} 天 / days"
    if not folder.secrets.exists():
        return Finding(title, ok=True, found="尚无 / none yet", required=required, fix="")
    try:
        ending = list(partners.ending(folder, Clock().now()))
    except ValueError as wrong:
        fix = f"{folder.secrets}, {folder.notifiers}"
        return Finding(title, ok=False, found=f"{type(wrong).__name__}: {wrong}", required=required, fix=fix)
    found = "; ".join(f"{one.whose} {one.until:%Y-%m-%d}" for one in ending) or "都有效 / all valid"
    return Finding(title, ok=not ending, found=found, required=required, fix="; ".join(one.fix for one in ending))


def _nearest(path: Path) -> Path:
    """The folder itself, or the first one above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


_CHECKS: tuple[Callable[[DataFolder], Finding], ...] = (
    _python,
    _environment,
    _disk,
    _memory,
    _java,
    _jars,
    _ports,
    _rights,
    _adapters,
    _subscribers,
    _certificates,
    _kafka,
)
