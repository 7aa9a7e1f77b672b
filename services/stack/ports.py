"""Free ports that stay the same: an address once printed, bookmarked or configured should go on working."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping
from typing import Final

HERE: Final = "127.0.0.1"
"""This very machine, and nobody else."""
# Below the ranges from which systems take outgoing ports: a crashed service must find its port free again.
_RANGE = range(20_000, 30_000)
_TRIES = 200


def is_free(port: int, host: str = HERE) -> bool:
    with socket.socket() as probe:
        # As servers do; otherwise a port lately closed would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str], wished: Mapping[str, int], host: str = HERE) -> dict[str, int]:
    """Give each name its wished port while that is free, else another; all are different."""
    chosen: dict[str, int] = {}
    for name in names:
        port = wished.get(name, 0)
        fits = port and port not in chosen.values() and is_free(port, host)
        chosen[name] = port if fits else _another(set(chosen.values()) | set(wished.values()), host)
    return chosen


def _another(taken: set[int], host: str) -> int:
    for port in random.sample(_RANGE, _TRIES):
        if port not in taken and is_free(port, host):
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    return int(port)
