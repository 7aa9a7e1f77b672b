"""Asking the services themselves whether they can do their work. Loopback, so no proxy may come between."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from services.runtime.broker import serves
from services.stack.state import KAFKA, Stack

_TIMEOUT = 3.0


def unready(stack: Stack) -> list[str]:
    """Name the processes that cannot do their work yet, Kafka first."""
    with ThreadPoolExecutor(len(stack.ready) + 1) as pool:
        kafka = pool.submit(serves, stack.urls[KAFKA])
        answers = {name: pool.submit(is_ready, url) for name, url in stack.ready.items()}
        waiting = [] if kafka.result() else [KAFKA]
        return waiting + [name for name, answer in answers.items() if not answer.result()]


def is_alive(url: str) -> bool:
    """Whether a process answers at all at its address, whatever it says."""
    try:
        _get(f"{url}/health", {})
    except OSError:
        return False
    return True


def get_json(url: str, token: str) -> Any:
    """Ask one of our internal interfaces; OSError when it does not answer or refuses."""
    status, body = _get(url, {"Authorization": f"Bearer {token}"})
    if status != http.client.OK:
        raise ConnectionError(f"{url}: HTTP {status}")
    return json.loads(body)


def is_ready(url: str) -> bool:
    """Whether a process says, where it is asked that, that it can do its work."""
    try:
        return _get(url, {})[0] == http.client.OK
    except OSError:
        return False


def _get(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as problem:
        raise ConnectionError(f"{url}: {problem!r}") from problem
    finally:
        connection.close()
