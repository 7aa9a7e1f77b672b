"""A service as small as can be: ready after a moment, and obedient, stubborn, short-lived or slow on request."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNTS = {
    "cases": {"open": 1, "closed": 2, "manual": 3},
    "deliveries": {"held": 4, "parked": 5, "dead": 6},
    "organisations": [],
}

SLOW_S = 4.0
"""Longer than the fake stack lets a service be silent."""


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(COUNTS).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(name: str, manner: str) -> None:
    """Serve on the port that the setting of this name tells."""
    if manner == "broken":
        sys.exit(f"{name} cannot start")
    if manner == "slow":
        time.sleep(SLOW_S)
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ[f"TONGCHE_{name.upper()}_PORT"])), _Answers)
    stop = signal.SIG_IGN if manner == "stubborn" else lambda *_: threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    print(f"{name} serves", flush=True)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
