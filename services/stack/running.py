"""The running stack as seen from outside: its addresses, its secrets, and a plain way to ask its services."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from contracts.numbers.errors import Sentence
from services.runtime.settings import Secrets, Settings
from services.stack import reasons, state
from services.stack.data import DataFolder
from services.stack.plan import settings_of
from services.stack.state import Stack
from services.stack.trouble import TroubleError

_TIMEOUT_S: Final = 15.0
_CUT_SHORT: Final = Sentence("应答不完整", "its answer broke off")


@dataclass(frozen=True)
class Service:
    """One of our internal interfaces, as the running stack says where it is."""

    name: str
    url: str
    token: str
    log: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for JSON. Raises `TroubleError` with the way out."""
        with self.answered(method, path, body, _TIMEOUT_S) as reply:
            text = reply.read()
        if reply.status >= http.client.BAD_REQUEST:
            raise self._refused(reply.status, text)
        return json.loads(text) if text else None

    def lines(self, path: str, body: Any = None) -> Iterator[bytes]:
        """The lines of a long answer, one by one; with a body it is asked by POST."""
        with self.answered("GET" if body is None else "POST", path, body, _TIMEOUT_S) as reply:
            if reply.status >= http.client.BAD_REQUEST:
                raise self._refused(reply.status, reply.read())
            yield from reply

    @contextmanager
    def answered(self, method: str, path: str, body: Any, timeout: float, **headers: str) -> Iterator[Any]:
        """Send a request and give its answer while the connection is open."""
        parts = urlsplit(self.url)
        # http.client and not urllib: a proxy of the environment must not come between us and ourselves.
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        known = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), known | headers)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as problem:
            why = reasons.of_machine(problem) if isinstance(problem, OSError) else _CUT_SHORT
            raise TroubleError(
                f"{self.name} 没有回答：{why.zh}",
                f"{self.name} does not answer: {why.en}",
                fix=f"tongche status; 日志 / log: {self.log}",
            ) from problem
        finally:
            connection.close()

    def _refused(self, status: int, text: bytes) -> TroubleError:
        if status == http.client.NOT_FOUND:
            return _absent(self.name)
        said = _reason(text) or http.client.responses.get(status, "")
        zh, en = f"{self.name} 未受理（{status}）：{said}", f"{self.name} refused ({status}): {said}"
        return TroubleError(
            zh, en, fix="tongche up" if status == http.client.UNAUTHORIZED else "tongche case show VIN|ID"
        )


def _absent(service: str) -> TroubleError:
    """What is not there depends on whom we asked: dispatch knows deliveries, the others cases."""
    if service == "dispatch":
        return TroubleError(
            "没有等待中的这次投递，或此刻正在重试",
            "no such delivery waits, or it is being tried at this moment",
            fix="tongche delivery list",
        )
    return TroubleError("没有这个业务", "there is no such case", fix="tongche case tail")


def _reason(text: bytes) -> str:
    """What a problem document says; nothing where there is none."""
    try:
        problem = json.loads(text)
    except ValueError:
        return ""
    return str(problem.get("detail") or problem.get("title") or "")


@dataclass(frozen=True)
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
        return settings_of(self.folder).secret()

    def service(self, name: str) -> Service:
        """One of its services, by the name of its address."""
        return Service(name, self.stack.urls[name], self.secrets.operator_token, str(self.folder.log(name)))


def running(folder: DataFolder) -> Running:
    """The stack of a data folder. Raises `TroubleError` where none runs."""
    stack = state.load(folder)
    if stack is None or not stack.runs():
        raise TroubleError(
            f"没有在运行：{folder.root}", f"not running: {folder.root}", fix="tongche up", code="not-running"
        )
    return Running(folder, stack)
