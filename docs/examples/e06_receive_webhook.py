"""A subscriber without Kafka receives what it is posted: verified, each message once, durable before it says yes.

    SECRET=whsec_… python -m docs.examples.e06_receive_webhook 8080 received.db

`tongche webhook secret NAME` prints the secret; while it is being changed `SECRET` may hold two, with a blank between.
Standard library only; TLS is for the server in front of it. Expected, for each message:

    0190a000-… tongche.sale.confirmed.v2 0190a000-…
"""

# ruff: noqa: INP001, T201 - a folder of examples, not a package; they print
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOLERANCE_S = 300
LARGEST = 2 * 1024 * 1024


def is_ours(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether a post is Tongche's and was made just now: one of its signatures is by one of our secrets.

    Names of headers are in lower case.
    """
    id_, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(now - int(at)) > TOLERANCE_S:
        return False
    # Over the bytes as they came: the same JSON written anew would have another signature.
    content = f"{id_}.{at}.".encode() + body
    signatures = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(one, _signature(secret, content)) for one in signatures for secret in secrets)


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


class Inbox:
    """What was received, each message once however often it is posted."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with closing(self._opened()) as database, database:
            database.execute("create table if not exists inbox (id text primary key, body blob not null)")

    def keep(self, id_: str, body: bytes) -> bool:
        """Whether it is new. It is on disk when this returns."""
        with closing(self._opened()) as database, database:
            return database.execute("insert or ignore into inbox values (?, ?)", (id_, body)).rowcount == 1

    def all(self) -> list[dict[str, object]]:
        """In the order in which they came first."""
        with closing(self._opened()) as database:
            return [json.loads(body) for (body,) in database.execute("select body from inbox order by rowid")]

    def _opened(self) -> sqlite3.Connection:
        # A connection each: the server answers in threads.
        return sqlite3.connect(self._file, timeout=30)


def receiver(port: int, secrets: Sequence[str], inbox: Inbox) -> ThreadingHTTPServer:
    """A server on this machine; call `serve_forever` on it."""

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Verify, keep, and only then say yes: what is not kept by then is posted again."""
            length = int(self.headers.get("Content-Length", 0))
            if length > LARGEST:
                self._answer(413)
                return
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            if not is_ours(secrets, headers, body, time.time()):
                self._answer(401)
                return
            id_ = headers["webhook-id"]
            if inbox.keep(id_, body):
                event = json.loads(body)
                print(id_, event["type"], event["subject"], flush=True)
            self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: a line a post is enough."""

    return ThreadingHTTPServer(("127.0.0.1", port), Receiver)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not os.environ.get("SECRET"):  # noqa: PLR2004 - itself, a port and a file
        sys.exit(__doc__)
    receiver(int(sys.argv[1]), os.environ["SECRET"].split(), Inbox(Path(sys.argv[2]))).serve_forever()
