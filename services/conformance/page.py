"""The results as a page: both languages, one file, no network, no script, for a phone and for paper, light and dark."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.types import CHINA
from services.runtime import browsing

from .case import KINDS, TITLES
from .causes import cause
from .glosses import gloss
from .run import Result, Run

_HERE: Final = Path(__file__).parent
_SHEETS: Final = (browsing.STATIC / "palette.css", _HERE / "templates" / "report.css")
STATES: Final = {
    "passed": ("通过", "passed"),
    "failed": ("未通过", "failed"),
    "blocked": ("前一步未成", "blocked by the step before"),
    "skipped": ("未测", "not tested"),
}

WAYS: Final = {
    "sent": ("发出", "sent"),
    "received": ("收到", "received"),
    "called back": ("回调", "called back"),
}


def page(run: Run) -> str:
    """The report: what failed first, then all cases by kind."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        run=run,
        at=run.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M"),
        style="".join(sheet.read_text(encoding="utf-8") for sheet in _SHEETS),
        wrong=[result for result in run.results if result.state in {"failed", "blocked"}],
        groups=[(TITLES[kind], _of(run, kind)) for kind in KINDS if _of(run, kind)],
        states=STATES,
        ways=WAYS,
        gloss=gloss,
        cause=cause(run),
        clock=_clock,
    )


def _clock(moment: datetime) -> str:
    """China's, to the millisecond: as the agency's own log has it."""
    return moment.astimezone(CHINA).strftime("%H:%M:%S.%f")[:-3]


def _of(run: Run, kind: str) -> list[Result]:
    return [result for result in run.results if result.case.kind == kind]
