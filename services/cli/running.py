"""The running stack, as verbs use it: its addresses, its secrets, and a plain way to ask its services."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.cli import terminal
from services.runtime.settings import Secrets, Settings
from services.stack import state
from services.stack.data import DataFolder
from services.stack.plan import settings_of
from services.stack.state import Stack
from services.stack.trouble import TroubleError

_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that runs."""

    folder: DataFolder
    stack: Stack

    @property
    def settings(self) -> Settings:
        """As its services have them."""
        return settings_of(self.folder).model_copy(update={"kafka": self.stack.urls["kafka"]})

    @property
    def secrets(self) -> Secrets:
        """What only this installation knows."""
        return self.settings.secret()

    def ask(self, service: str, method: str, path: str, body: Any = None) -> Any:
        """The JSON that an internal interface answers. Raises `TroubleError` with the fix."""
        with self.open(service, method, path, body) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def lines(self, service: str, path: str) -> Iterator[bytes]:
        """The lines of a long answer, one by one."""
        with self.open(service, "GET", path) as answer:
            yield from answer

    def open(self, service: str, method: str, path: str, body: Any = None) -> Any:
        """Send a request with the operator's token."""
        headers = {"Authorization": f"Bearer {self.secrets.operator_token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.stack.urls[service] + path, content, headers, method=method)  # noqa: S310 - our own address
        try:
            return urllib.request.urlopen(request, timeout=_PATIENCE_S)  # noqa: S310 - our own address
        except urllib.error.HTTPError as refused:
            raise _refused(service, refused) from None
        except OSError as away:
            raise TroubleError(
                f"{service} 没有回答：{away}",
                f"{service} does not answer: {away}",
                fix=f"tongche status; 日志 / log: {self.folder.log(service)}",
            ) from away


def running(data: Path | None) -> Running:
    """The stack of a data folder. Raises `TroubleError` where none runs."""
    folder = terminal.folder(data)
    stack = state.load(folder)
    if stack is None or not stack.runs():
        raise TroubleError(f"没有在运行：{folder.root}", f"not running: {folder.root}", fix="tongche up")
    return Running(folder, stack)


def _refused(service: str, refused: urllib.error.HTTPError) -> TroubleError:
    told = refused.read().decode(errors="replace")
    try:
        document = json.loads(told)
        told = document.get("detail") or document.get("title") or told
    except ValueError:
        told = told[:200]
    return TroubleError(f"{service} 拒绝：{told}", f"{service} refused: {told}", fix="tongche status")
