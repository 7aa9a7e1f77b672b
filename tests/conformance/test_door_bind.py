"""Our door for call-backs stands where the person says, and nowhere else."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from services.cli import application
from services.cli.grounds import Grounds
from services.stack.trouble import TroubleError
from tests.conformance.town import Town

ELSEWHERE = "127.0.0.2"
NOT_OURS = "192.0.2.1"
"""An address for documentation, which no machine has."""


def test_the_door_opens_at_the_address_that_was_named(town: Town) -> None:
    """Who calls there is heard, who calls at the usual one is not; and that address is the one that is told."""
    grounds = Grounds(town.home)

    async def heard() -> list[bool]:
        async with grounds.reached(bind=ELSEWHERE):
            port = urlsplit(grounds.door_at("bank", ELSEWHERE)).port or 0
            return [await asyncio.to_thread(_answers, host, port) for host in (ELSEWHERE, "127.0.0.1")]

    assert asyncio.run(heard()) == [True, False]
    assert grounds.door_at("bank", ELSEWHERE).startswith(f"http://{ELSEWHERE}:")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("port", [(), ("--door-port", "24711")], ids=["any port", "a port"])
def test_an_address_that_is_not_ours_is_told(port: tuple[str, ...], tmp_path: Path) -> None:
    """Instead of a traceback."""
    words = ["conformance", "run", "--agency", "bank", "--url", "http://127.0.0.1:9", *port, "--data", str(tmp_path)]
    found = CliRunner().invoke(application(), [*words, "--door-bind", NOT_OURS])
    assert isinstance(found.exception, TroubleError)
    assert "--door-bind" in found.exception.fix
