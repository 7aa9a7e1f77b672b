"""A message type, its versions, and the typed functions between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .contract import Contract

Kind = Literal["command", "event"]
Cast = Callable[[Any], Contract]


class UnknownVersion(LookupError):
    """Nobody has published such a version of this contract."""


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one contract, oldest first, with the casts between neighbours.

    Readers always get the newest version; a subscriber that pinned an older one gets it by downcast.
    `losses[i]` says in words what `downcasts[i]` cannot carry.
    """

    name: str
    kind: Kind
    owner: str
    purpose: str
    models: tuple[type[Contract], ...]
    upcasts: tuple[Cast, ...] = ()
    downcasts: tuple[Cast, ...] = ()
    losses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        steps = len(self.models) - 1
        if not len(self.upcasts) == len(self.downcasts) == len(self.losses) == steps:
            message = f"{self.name}: {steps + 1} versions need {steps} upcasts, downcasts and losses"
            raise ValueError(message)

    @property
    def newest(self) -> int:
        """The number of the newest version; versions count from 1."""
        return len(self.models)

    def type_of(self, version: int | None = None) -> str:
        """The CloudEvents type, for example `tongche.sale.confirmed.v2`."""
        return f"tongche.{self.name}.v{version or self.newest}"

    def model(self, version: int) -> type[Contract]:
        """The class of one version. Raises `UnknownVersion`."""
        if not 1 <= version <= self.newest:
            message = f"{self.name} has no version {version}"
            raise UnknownVersion(message)
        return self.models[version - 1]

    def read(self, version: int, value: bytes) -> Contract:
        """Parse a stored version and lift it to the newest. Raises pydantic's `ValidationError`."""
        return self.up(version, self.model(version).model_validate_json(value))

    def up(self, version: int, data: Contract) -> Contract:
        """Lift `data` from `version` to the newest."""
        for cast in self.upcasts[version - 1 :]:
            data = cast(data)
        return data

    def down(self, version: int, data: Contract) -> Contract:
        """Lower `data` from the newest to `version`."""
        for cast in reversed(self.downcasts[version - 1 :]):
            data = cast(data)
        return data
