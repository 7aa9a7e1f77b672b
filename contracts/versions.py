"""A message type, its versions, and the typed functions between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .contract import Contract

Kind = Literal["command", "event"]
Cast = Callable[[Any], Contract]
"""From what is valid as one version to what is valid as the next; that needs no validating again: tests do."""


class UnknownVersion(LookupError):
    """Nobody has published such a version of this contract."""


class CannotDowncast(ValueError):
    """The older version has no way to say this at all."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a downcast cannot carry: in words for who pins the old version, and the fields of the newer one by name.

    `fields` may name a group, such as `loan`. A message loses those of them that do not come back when it is lifted
    again: a price whose split is the usual one loses nothing.
    """

    zh: str
    en: str
    fields: tuple[str, ...]


class Lowered(NamedTuple):
    """A message in an older version, and the fields of the newer ones that did not survive."""

    data: Contract
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of one contract, oldest first, with the casts between neighbours.

    Readers always get the newest version; a subscriber that pinned an older one gets it by downcast.
    `losses[i]` says what `downcasts[i]` cannot carry.
    """

    name: str
    kind: Kind
    owner: str
    purpose: str
    models: tuple[type[Contract], ...]
    upcasts: tuple[Cast, ...] = ()
    downcasts: tuple[Cast, ...] = ()
    losses: tuple[Loss, ...] = ()

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
        """Lower `data` from the newest to `version`. Raises `CannotDowncast` for what that one cannot say at all."""
        return self.lower(version, data).data

    def lower(self, version: int, data: Contract) -> Lowered:
        """As `down`, and tell which fields of this very message were lost on the way."""
        lost: dict[str, None] = {}
        for step in reversed(range(version - 1, self.newest - 1)):
            older = self.downcasts[step](data)
            back = self.upcasts[step](older)
            lost |= {name: None for name in self.losses[step].fields if getattr(back, name) != getattr(data, name)}
            data = older
        return Lowered(data, tuple(lost))
