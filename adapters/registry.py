"""Every adapter by its name. A new agency is a folder and an entry here."""

from __future__ import annotations

from typing import Final

from . import bank, commerce, customs, insurer, miit, police, tax
from .spec import Adapter

ADAPTERS: Final[dict[str, Adapter]] = {
    module.ADAPTER.name: module.ADAPTER for module in (miit, tax, insurer, bank, police, commerce, customs)
}
