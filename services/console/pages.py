"""The console as pages: log in, search, look. Everything works without script; with it, pages keep themselves current.

Annotations are not postponed here: FastAPI reads them, and they name what the routes close over.
"""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Header, HTTPException, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import HTMLResponse

from observability import metrics
from services.console import api, archive, shown, stats
from services.console.parts import Parts
from services.runtime import browsing
from services.runtime.sessions import COOKIE, LASTS_SECONDS, WINDOW_SECONDS, Brake, Session, Sessions, same

LANGUAGE: Final = "tongche_language"
_YEAR: Final = 365 * 24 * 3600
_ATTENTION: Final = 20
_RECENT: Final = 30
_CONTRADICTIONS: Final = 5

Typed = Annotated[str, Form(max_length=200)]


class LogInFirst(HTTPException):
    """Nobody is logged in here."""

    def __init__(self) -> None:
        super().__init__(401, "log in first")


class Site:
    """What the pages are made of."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.store = parts.store
        self.sessions = Sessions(parts.secrets, parts.clock)
        self.brake = Brake(parts.clock)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, request: Request, template: str, status: int = 200, /, **content: Any) -> HTMLResponse:
        """Render a template in the reader's language."""
        tongue = browsing.tongue(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))
        session = content.setdefault("session", None)
        common = {
            "lang": tongue,
            "ui": shown.Interface(tongue, self.parts.clock.now()),
            "csrf": session.csrf if session else "",
            "case_id": "",
        }
        return HTMLResponse(self._templates.get_template(template).render(common | content), status)

    def session(self, request: Request) -> Session:
        """The session of a request. Raises `LogInFirst`."""
        found = self.sessions.read(request.cookies.get(COOKIE))
        if found is None:
            raise LogInFirst
        return found

    def error(self, request: Request, wrong: AnyHTTPException) -> Response:
        """A page for what went wrong; whoever is not logged in is asked to."""
        if wrong.status_code == HTTPStatus.UNAUTHORIZED:
            return self._to_log_in(request)
        session = self.sessions.read(request.cookies.get(COOKIE))
        return self.page(request, "error.html", wrong.status_code, status=wrong.status_code, session=session)

    def _to_log_in(self, request: Request) -> Response:
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        if request.headers.get("accept", "").startswith("text/event-stream"):
            return Response(status_code=401)
        return RedirectResponse("/login", 303)


@dataclass(frozen=True, slots=True)
class _Checks:
    """What a request must have before it is answered."""

    site: Site

    def session(self, request: Request) -> Session:
        return self.site.session(request)

    def form(
        self,
        request: Request,
        csrf: Typed = "",
        x_csrf_token: Annotated[str, Header()] = "",
    ) -> Session:
        session = self.site.session(request)
        if not same(csrf or x_csrf_token, session):
            raise HTTPException(403, "this form is not ours")
        return session


def router(site: Site) -> APIRouter:
    """All pages."""
    checks = _Checks(site)
    pages = APIRouter()
    _entrance(pages, site, checks)
    _lists(pages, site, checks)
    _one_case(pages, site, checks)
    return pages


def _entrance(pages: APIRouter, site: Site, checks: _Checks) -> None:
    @pages.get("/login")
    async def ask(request: Request) -> HTMLResponse:
        return site.page(request, "login.html", failed=False, braked=False)

    @pages.post("/login")
    async def log_in(request: Request, user: Typed = "", password: Typed = "") -> Response:
        address = request.client.host if request.client else "-"
        if site.brake.holds(address):
            metrics.count("tongche_logins_total", result="braked")
            answer = site.page(request, "login.html", 429, failed=False, braked=True)
            answer.headers["Retry-After"] = str(int(WINDOW_SECONDS))
            return answer
        if not site.sessions.knows(user, password):
            site.brake.failed(address)
            metrics.count("tongche_logins_total", result="refused")
            return site.page(request, "login.html", 401, failed=True, braked=False)
        metrics.count("tongche_logins_total", result="accepted")
        return _remember(RedirectResponse("/", 303), request, COOKIE, site.sessions.begin(), LASTS_SECONDS)

    @pages.post("/logout")
    async def log_out(session: Annotated[Session, Depends(checks.form)]) -> Response:
        site.sessions.end(session)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    @pages.post("/language")
    async def speak(request: Request, to: Annotated[str, Form(pattern="^(zh|en)$")], back: Typed = "/") -> Response:
        local = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        return _remember(RedirectResponse(local, 303), request, LANGUAGE, to, _YEAR)


def _lists(pages: APIRouter, site: Site, checks: _Checks) -> None:
    Logged = Annotated[Session, Depends(checks.session)]  # noqa: N806 - a type

    async def overview() -> dict[str, Any]:
        waiting = await site.store.read(lambda connection: archive.listed(connection, "manual", _ATTENTION))
        recent = await site.store.read(lambda connection: archive.listed(connection, None, _RECENT))
        now = site.parts.clock.now()
        times = await site.store.read(lambda connection: stats.in_all(connection, stats.Wanted(), now))
        return {
            "standing": await api.standing(site.parts),
            "times": times,
            "waiting": waiting,
            "contradictions": await api.contradictions(site.parts, _CONTRADICTIONS),
            "contradicted": sum(each.contradicted for each in site.parts.organisations.known),
            "recent": [each for each in recent if each.tone != "person"],
        }

    @pages.get("/")
    async def home(request: Request, session: Logged) -> HTMLResponse:
        return site.page(request, "home.html", session=session, **await overview())

    @pages.get("/live")
    async def home_again(request: Request, session: Logged) -> HTMLResponse:
        return site.page(request, "home_live.html", session=session, **await overview())

    @pages.get("/cases")
    async def listed(request: Request, session: Logged, state: api.Group = "open") -> HTMLResponse:
        found = await site.store.read(lambda connection: archive.listed(connection, state, 200))
        return site.page(request, "list.html", session=session, group=state, found=found)

    @pages.post("/search")
    async def search(request: Request, session: Annotated[Session, Depends(checks.form)], q: Typed = "") -> Response:
        found = await site.store.read(lambda connection: archive.search(connection, q)) if q.strip() else []
        if len(found) == 1:
            return RedirectResponse(f"/cases/{found[0].id}", 303)
        return site.page(request, "search.html", session=session, wanted=q, found=found)


def _one_case(pages: APIRouter, site: Site, checks: _Checks) -> None:
    Logged = Annotated[Session, Depends(checks.session)]  # noqa: N806 - a type

    @pages.get("/cases/{case_id}")
    async def case(request: Request, session: Logged, case_id: str) -> HTMLResponse:
        found = await api.known_case(site.parts, case_id)
        trace = await site.store.read(lambda connection: archive.trace(connection, case_id))
        return site.page(request, "case.html", session=session, case=found, trace=trace, case_id=case_id)

    @pages.get("/cases/{case_id}/live")
    async def case_again(request: Request, session: Logged, case_id: str) -> HTMLResponse:
        found = await api.known_case(site.parts, case_id)
        return site.page(request, "case_live.html", session=session, case=found, case_id=case_id)

    @pages.get("/cases/{case_id}/spans")
    async def spans_again(request: Request, session: Logged, case_id: str) -> HTMLResponse:
        trace = await site.store.read(lambda connection: archive.trace(connection, case_id))
        return site.page(request, "spans.html", session=session, trace=trace, case_id=case_id)

    @pages.get("/events", dependencies=[Depends(checks.session)])
    async def events(
        case: str | None = None,
        last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    ) -> StreamingResponse:
        return await api.stream(site.parts.feed, last_event_id, case)


def _remember(answer: Response, request: Request, name: str, value: str, seconds: int) -> Response:
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, seconds, path="/", httponly=True, samesite="strict", secure=secure)
    return answer
