"""`tongche simulator serve` as a process of its own, and what it says of itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WITHIN_S = 120


@dataclass(frozen=True)
class Served:
    """A running verb, and what it said of itself."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    def faults(self) -> Any:
        return self._ask("/_faults", Authorization=f"Bearer {self.told['token']}")

    def status(self, path: str, body: Any) -> int:
        try:
            self._ask(path, json.dumps(body).encode(), **{"Idempotency-Key": "k"})
        except urllib.error.HTTPError as no:
            return no.code
        return 200

    def _ask(self, path: str, body: bytes | None = None, /, **headers: str) -> Any:
        request = urllib.request.Request(self.told["url"] + path, body, headers)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=WITHIN_S) as got:  # noqa: S310 - our own
            return json.load(got)


@contextmanager
def served(*words: str) -> Iterator[Served]:
    """The verb as a person starts it, until it is interrupted as a person does it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TONGCHE_")}
    command = [sys.executable, "-m", "services.cli", "simulator", "serve", *words, "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate(timeout=WITHIN_S)
            yield Served(process, json.loads(line))
            process.send_signal(signal.SIGINT)
            assert process.wait(WITHIN_S) == 0
        finally:
            process.kill()
