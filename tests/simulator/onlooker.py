"""Somebody who looks at a simulated country from outside: its loop turns in a thread of its own."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp

from tests.simulator.city import PASSWORD, City, Moment, running

WITHIN_S = 120


class Country:
    """A running simulator, and what can be done with it from another thread."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._live, args=(folder,), daemon=True)
        self._thread.start()
        assert self._ready.wait(WITHIN_S)

    @property
    def url(self) -> str:
        return self.city.base

    def act(self, work: Callable[[City], Awaitable[Any]]) -> Any:
        """Do something on its loop."""

        async def doing() -> Any:
            return await work(self.city)

        return asyncio.run_coroutine_threadsafe(doing(), self.loop).result(WITHIN_S)

    def close(self) -> None:
        """End it."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WITHIN_S)
        self.loop.close()

    def _live(self, folder: Path) -> None:
        self.loop.run_until_complete(self._serve(folder))

    async def _serve(self, folder: Path) -> None:
        async with running(folder, Moment(), lambda: 0.5) as self.city:
            self._ready.set()
            await self._stop.wait()


class Reader:
    """Somebody at a page without a browser."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.cookie = ""
        self.csrf = ""

    async def log_in(self, password: str = PASSWORD) -> int:
        """Log in; the forms of the session are known afterwards."""
        status, _ = await self.post("/_login", user="operator", password=password)
        if status == 303:
            _, text = await self.get("/")
            found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
            assert found
            self.csrf = found[1]
        return status

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Open a page."""
        async with self.city.session.get(
            self.city.base + path, headers=self._headers(headers), allow_redirects=False
        ) as got:
            return got.status, await got.text()

    async def post(self, path: str, headers: dict[str, str] | None = None, /, **form: str) -> tuple[int, str]:
        """Send a form of this session."""
        told = {"csrf": self.csrf} | form
        async with self.city.session.post(
            self.city.base + path, data=told, headers=self._headers(headers or {}), allow_redirects=False
        ) as got:
            self._keep(got)
            return got.status, await got.text()

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Accept": "text/html", "Cookie": self.cookie} | more

    def _keep(self, got: aiohttp.ClientResponse) -> None:
        jar: SimpleCookie = got.cookies
        if "tongche_session" in jar:
            self.cookie = f"tongche_session={jar['tongche_session'].value}"
