"""A template as an answer, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.runtime import browsing
from services.runtime.sessions import Session
from services.simulator.page import shown

LANGUAGE: Final = "tongche_language"


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True, slots=True)
class Pages:
    """All templates."""

    _templates: Environment = field(default_factory=_templates)

    def page(
        self, request: web.Request, template: str, session: Session | None, status: int = 200, /, **content: Any
    ) -> web.Response:
        """Render one."""
        tongue = browsing.tongue(request.cookies.get(LANGUAGE), request.headers.get("Accept-Language", ""))
        common = {
            "lang": tongue,
            "ui": shown.Interface(tongue),
            "session": session,
            "csrf": session.csrf if session else "",
        }
        text = self._templates.get_template(template).render(common | content)
        return web.Response(status=status, text=text, content_type="text/html")

    def wrong(self, request: web.Request, session: Session | None, status: int) -> web.Response:
        """A page for what went wrong."""
        return self.page(request, "error.html", session, status, status=status)
