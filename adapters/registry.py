"""Every adapter by its name. A new one is a folder, which is found; nothing is entered here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Final

from contracts.topics import AGENCIES

from . import folders
from .spec import Adapter
from .unfit import UNFIT, unfit


def _load(name: str) -> Adapter:
    adapter: Adapter = import_module(f".{name}", __package__).ADAPTER
    if adapter.name != name:
        message = f"the adapter in the folder {name} is called {adapter.name}"
        raise ValueError(message)
    if len({operation.command.agency for operation in adapter.operations.values()}) != 1:
        message = f"{name} takes commands of several agencies, or none"
        raise ValueError(message)
    return adapter


def _order(adapter: Adapter) -> tuple[int, bool, str]:
    """By agency; of those of one agency first the one that is called after it."""
    return AGENCIES.index(adapter.agency), adapter.name != adapter.agency, adapter.name


def _fit() -> Iterator[Adapter]:
    """Those that can be loaded; of the others it is written down why."""
    for folder in folders.every():
        try:
            yield _load(folder.name)
        except Exception as wrong:  # noqa: BLE001 - whatever stands in a folder, the others are there all the same
            UNFIT[folder.name] = unfit(folder.name, "__init__.py", wrong)


ADAPTERS: Final[dict[str, Adapter]] = {adapter.name: adapter for adapter in sorted(_fit(), key=_order)}
