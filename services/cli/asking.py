"""Asking a service for a person: who asks, and every no with the way out of it."""

from __future__ import annotations

import getpass
import http.client
import json
import re
from pathlib import Path
from typing import Any, ClassVar, Final

import typer

from services.cli.running import running
from services.stack.trouble import TroubleError

_TIMEOUT_S: Final = 30.0
_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:\-]{0,199}")
_LIST: Final = "tongche delivery list"
_FIXES: Final = {
    "unknown": _LIST,
    "no-repair": "tongche repair list",
    "no-grant": "tongche grant list",
    "no-webhook": "tongche webhook list",
    "two-secrets": "tongche webhook list",
    "over": "tongche grant list",
    "unavailable": "tongche status",
    "not-valid": "--help",
}


def whole_id(text: str) -> str:
    """An id as it was typed; it becomes part of an address, so what no id has is refused here."""
    if _ID.fullmatch(text) is None:
        raise typer.BadParameter("不是编号 / this is no id")
    return text


class _Asked:
    """A service of a running stack, asked in the name of whoever is logged in here."""

    name: ClassVar[str]
    lists: ClassVar[str]
    """The command that shows what there is."""

    def __init__(self, data: Path | None) -> None:
        self._service = running(data).service(self.name)

    def ask(self, method: str, path: str, body: Any = None, *, about: str | None = None) -> Any:
        """Ask for JSON; `about` is the command that shows what it is about. Raises `TroubleError`."""
        with self._service.answered(method, path, body, _TIMEOUT_S) as reply:
            text, status = reply.read(), reply.status
        if status >= http.client.BAD_REQUEST:
            raise _trouble(status, _read(text), about or self.lists)
        return json.loads(text) if text else None

    def act(self, path: str, form: dict[str, Any], *, about: str) -> Any:
        """Have it do something, and say who wants it."""
        return self.ask("POST", path, form | _signed(), about=about)


class Dispatch(_Asked):
    """What knows deliveries."""

    name = "dispatch"
    lists = _LIST


class Projection(_Asked):
    """What knows grants and disclosures."""

    name = "projection"
    lists = "tongche grant list"


def _signed() -> dict[str, str]:
    try:
        return {"by": getpass.getuser()}
    except (KeyError, OSError):
        return {}  # nobody is logged in, as in a container


def _read(text: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(text)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _trouble(status: int, problem: dict[str, Any], about: str) -> TroubleError:
    code = str(problem.get("code", ""))
    said = str(problem.get("detail") or http.client.responses.get(status, status))
    zh, _, en = said.partition(" / ")
    faults = "".join(f"\n  {_fault(fault)}" for fault in problem.get("faults", ()))
    return TroubleError(zh, (en or zh) + faults, fix=_fix(status, code, about), code=code or "trouble")


def _fix(status: int, code: str, about: str) -> str:
    if status == http.client.UNAUTHORIZED:
        return "tongche up"
    return _organisations() if code == "no-organisation" else _FIXES.get(code) or about


def _organisations() -> str:
    # Every verb would start later for what only this mistake needs.
    from adapters.organisations import ORGANISATIONS

    return " | ".join(ORGANISATIONS)


def _fault(fault: dict[str, str]) -> str:
    better = f" → {fault['suggestion']}" if "suggestion" in fault else ""
    return f"{fault['field']}: {fault['reason']}{better}"
