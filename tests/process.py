"""A service as a process of its own, to start and to kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from services.stack.data import DataFolder
from services.stack.ports import choose

WITHIN_S: Final = 120.0


class Process:
    """One of our services, on a data folder and a Kafka that are there already."""

    def __init__(self, service: str, port: str, folder: DataFolder, kafka: str, **given: str) -> None:
        self.service = service
        self.folder = folder
        self.kafka = kafka
        self.port = choose((port,), {})[port]
        self._given = given | {
            "TONGCHE_DATA": str(folder.root),
            "TONGCHE_KAFKA": kafka,
            f"TONGCHE_{port.upper()}_PORT": str(self.port),
        }
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it is ready."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TONGCHE_")}
        with self.folder.log(self.service).open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", f"services.{self.service}"],
                env=kept | self._given,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[1],
            )
        wait_for(self.is_ready)

    def is_ready(self) -> bool:
        """Whether it says so; it must not have ended."""
        assert self._running is not None
        assert self._running.poll() is None, self.folder.log(self.service).read_text(encoding="utf-8")[-3000:]
        try:
            self.ask("GET", "/ready", {})
        except (urllib.error.URLError, OSError):
            return False
        return True

    def kill(self) -> None:
        """As a crash does."""
        if self._running is not None:
            self._running.kill()
            self._running.wait(WITHIN_S)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Any:
        """Its answer. Raises `HTTPError` for a refusal."""
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", content, dict(headers), method=method)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310 - our own
            return json.load(answer)


def wait_for(holds: Callable[[], object]) -> None:
    """Until it is so."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
