"""One export of a small installation, made once and read by all."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.views.subscriber import Subscribers
from services.catalogue import export
from services.catalogue.export import Described
from services.catalogue.installation import Installation, Publisher, Used
from services.dispatch import callbacks, notices
from services.intake import service as intake

ROOT: Final = Path(__file__).parents[2]
PUBLISHERS: Final = (Publisher("platform", "样例平台 / a platform"), Publisher("maker", "样例厂商 / a maker"))
KEY: Final = {
    "kty": "EC",
    "crv": "P-256",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}
"""The base point of the curve: a public key to which nobody has the private one."""


def subscribers() -> Subscribers:
    """The subscribers of a fresh installation."""
    told = tomllib.loads((ROOT / "services/stack/subscribers.default.toml").read_text(encoding="utf-8"))
    for row in told["subscribers"]:
        if "key" in row:
            row["key"] = KEY
    return Subscribers.model_validate(told)


def installation(used: dict[str, Used] | None = None) -> Installation:
    """Two publishers, and the subscribers of a fresh installation."""
    return Installation(PUBLISHERS, subscribers(), used)


def doors() -> list[Described]:
    """As the command line puts them together."""
    named = {"intake": intake, "notices": notices, "callbacks": callbacks}
    return [Described(name, door.described()) for name, door in named.items()]


@pytest.fixture(scope="session")
def exported() -> dict[str, bytes]:
    """Every file of an export, by its path."""
    return export.files(installation(), doors(), "0.0.0")


@pytest.fixture(scope="session")
def broker(exported: dict[str, bytes]) -> Any:
    """The AsyncAPI document."""
    return json.loads(exported["asyncapi.json"])
