"""Who may come in: the operator, with the login of the console; and what every request meets before that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from services.runtime.browsing import SECURITY, STATIC, refusal
from services.runtime.sessions import COOKIE, LASTS_SECONDS, WINDOW_SECONDS, Brake, Session, Sessions, same
from services.runtime.settings import Secrets, Settings
from services.simulator.page.pages import LANGUAGE, Pages

_YEAR: Final = 365 * 24 * 3600
_OWN: Final = Path(__file__).with_name("static")
_FILES: Final = {
    "palette.css": (STATIC, "text/css"),
    "icon.svg": (STATIC, "image/svg+xml"),
    "simulator.css": (_OWN, "text/css"),
    "simulator.js": (_OWN, "text/javascript"),
}
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

Form = Mapping[str, str]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Logged = Callable[[web.Request, Session], Awaitable[web.StreamResponse]]
Acting = Callable[[web.Request, Session, Form], Awaitable[web.StreamResponse]]


class Entrance:
    """Sessions are those of the console: whoever is logged in there is logged in here."""

    def __init__(self, pages: Pages, secrets: Secrets, settings: Settings) -> None:
        self._pages = pages
        self._brake = Brake(settings.clock)
        self._sessions = Sessions(secrets, settings.clock)
        self._names = _LOOPBACK if settings.bind in _LOOPBACK else None

    def install(self, app: web.Application) -> None:
        """Give an application our addresses."""
        app.router.add_get("/_login", self.open(self._ask))
        app.router.add_post("/_login", self.open(self._log_in))
        app.router.add_post("/_logout", self.acting(self._log_out))
        app.router.add_post("/_language", self.open(self._speak))
        app.router.add_get("/_static/{name}", self.open(self._static))

    def open(self, handler: Handler) -> Handler:
        """For anybody."""

        async def answer(request: web.Request) -> web.StreamResponse:
            refused = refusal(request.method, request.headers)
            if refused is not None:
                return hardened(web.Response(status=refused.status, text=refused.text))
            if not self._is_called_by_its_name(request):
                return hardened(web.Response(status=HTTPStatus.MISDIRECTED_REQUEST))
            return hardened(await handler(request))

        return answer

    def logged(self, handler: Logged) -> Handler:
        """For the operator."""

        async def answer(request: web.Request) -> web.StreamResponse:
            session = self._sessions.read(request.cookies.get(COOKIE))
            return _to_log_in(request) if session is None else await handler(request, session)

        return self.open(answer)

    def acting(self, handler: Acting) -> Handler:
        """For a form that the operator sends from a page of this session."""

        async def answer(request: web.Request, session: Session) -> web.StreamResponse:
            form = await _form(request)
            if not same(form.get("csrf", ""), session):
                return self._pages.wrong(request, session, HTTPStatus.FORBIDDEN)
            return await handler(request, session, form)

        return self.logged(answer)

    def _is_called_by_its_name(self, request: web.Request) -> bool:
        """Another site's name that resolves to this machine must not get our pages."""
        return self._names is None or urlsplit(f"//{request.host}").hostname in self._names

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        return self._pages.page(request, "login.html", None, failed=False, braked=False)

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        form, address = await _form(request), request.remote or "-"
        if self._brake.holds(address):
            answer = self._pages.page(request, "login.html", None, 429, failed=False, braked=True)
            answer.headers["Retry-After"] = str(int(WINDOW_SECONDS))
            return answer
        if not self._sessions.knows(form.get("user", ""), form.get("password", "")):
            self._brake.failed(address)
            return self._pages.page(request, "login.html", None, 401, failed=True, braked=False)
        return _remember(see("/"), request, COOKIE, self._sessions.begin(), LASTS_SECONDS)

    async def _log_out(self, request: web.Request, session: Session, form: Form) -> web.StreamResponse:
        del request, form
        self._sessions.end(session)
        answer = see("/_login")
        answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return answer

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        form = await _form(request)
        to, back = form.get("to", ""), form.get("back", "/")
        if to not in {"zh", "en"}:
            return self._pages.wrong(request, None, HTTPStatus.BAD_REQUEST)
        local = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        return _remember(see(local), request, LANGUAGE, to, _YEAR)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in _FILES:
            return self._pages.wrong(request, None, HTTPStatus.NOT_FOUND)
        folder, kind = _FILES[name]
        headers = {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "no-cache"}
        return web.Response(body=(folder / name).read_bytes(), headers=headers)


def hardened(answer: web.StreamResponse) -> web.StreamResponse:
    """The answer with what every page of ours tells the browser, unless it is on its way already."""
    if not answer.prepared:
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers.update(SECURITY)
    return answer


def see(address: str) -> web.Response:
    """Send the reader elsewhere on this site."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})


async def _form(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _to_log_in(request: web.Request) -> web.Response:
    # A program that keeps a page current is told; a person is led.
    if "text/html" in request.headers.get("Accept", ""):
        return see("/_login")
    return web.Response(status=HTTPStatus.UNAUTHORIZED)


def _remember(answer: web.Response, request: web.Request, name: str, value: str, seconds: int) -> web.Response:
    secure = request.scheme == "https"
    answer.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Strict", secure=secure)
    return answer
