"""The data folder: what lies where, how it is recognised, and how its files are written."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.stack import reasons
from services.stack.locks import FileLock
from services.stack.trouble import TroubleError

_MARKER = ".tongche"
_MARKER_TEXT = "A data folder of Tongche. `tongche reset` may remove all of it.\n"


@dataclass(frozen=True)
class DataFolder:
    """One installation's state. Two installations are two folders, and know nothing of each other."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / _MARKER

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def databases(self) -> Path:
        return self.root / "db"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def simulator(self) -> Path:
        return self.root / "simulator"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def publishers(self) -> Path:
        return self.root / "publishers.toml"

    @property
    def subscribers(self) -> Path:
        return self.root / "subscribers.toml"

    @property
    def notifiers(self) -> Path:
        return self.root / "notifiers.toml"

    @property
    def live(self) -> Path:
        """Which organisations answer themselves, and who decided so; see `services.runtime.live`."""
        return self.root / "live.jsonl"

    @property
    def stack(self) -> Path:
        """What runs, as the supervisor last wrote it."""
        return self.root / "stack.json"

    @property
    def supervisor(self) -> FileLock:
        """Held by the supervisor for as long as it lives. A new object each time."""
        return FileLock(self.root / "supervisor.lock")

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def is_ours(self) -> bool:
        """Whether we made it. Nothing is ever removed from a folder that does not say so."""
        return self.marker.is_file()

    def create(self) -> None:
        """Make it, or complete it; a folder with somebody else's files is left alone."""
        if self.root.is_dir() and not self.is_ours() and any(self.root.iterdir()):
            raise TroubleError(
                f"{self.root} 不是通车的数据目录，且不为空",
                f"{self.root} is not a data folder of Tongche, and is not empty",
                fix="换一个空目录 / name an empty folder: --data DIR",
            )
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.kafka, self.databases, self.logs, self.simulator):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not self.is_ours():
                write(self.marker, _MARKER_TEXT)
        except OSError as problem:
            fix = "换一个可写目录 / name a folder you may write to: --data DIR"
            raise reasons.unwritten(self.root, problem, fix=fix) from problem

    def remove(self) -> None:
        """Remove all of it, if it is ours."""
        if not self.is_ours():
            raise TroubleError(
                f"{self.root} 不是通车的数据目录，不会删除",
                f"{self.root} is not a data folder of Tongche; nothing was removed",
                fix="指明数据目录 / name the data folder: --data DIR",
            )
        shutil.rmtree(self.root)


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file at once: a reader sees the old one or the new one, and a crash leaves one of them."""
    file, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    write(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
