"""An agency of ours in the words of another: a new insurer keeps the book of all insurers and speaks differently.

Its words stand beside its adapter, in `adapters/<name>/simulator.toml`, written by whoever adds it. They are names
only: of paths, of fields at any depth, of single values of a field, of codes. Who nests or writes numbers otherwise
than the book needs a test system of its own, or a simulated agency here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.simulator.agency import Agency, No, Service, Tongue

Path = Annotated[str, StringConstraints(pattern=r"^/[^\s?#]+$")]
Names = Mapping[str, str]


class Dialect(BaseModel):
    """The book's word → the agency's own, for each that differs; what is not listed is said as the book says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paths: Mapping[str, Path] = Field(default_factory=dict)
    fields: Names = Field(default_factory=dict)
    values: Mapping[str, Names] = Field(default_factory=dict)
    """By the book's name of a field, its values that are written otherwise."""
    codes: Names = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_said_in_one_way(self) -> Dialect:
        for names in (self.paths, self.fields, self.codes, *self.values.values()):
            if len(set(names.values())) != len(names):
                message = "two words of the book have become one"
                raise ValueError(message)
        return self

    def heard(self, body: Any) -> Any:
        """What was asked, in the book's words; a word of the book that the agency has another for means nothing here.

        None for a body that is nested deeper than anybody reads.
        """
        values = {name: _turned(meanings) for name, meanings in self.values.items()}
        try:
            return _renamed(body, _turned(self.fields), values, frozenset(self.fields))
        except RecursionError:
            return None

    def said(self, answer: Any) -> Any:
        """What the book says, in the agency's words."""
        own = {self.fields.get(name, name): meanings for name, meanings in self.values.items()}
        return _renamed(answer, self.fields, own, frozenset())

    def tongue(self, book: Tongue) -> Tongue:
        """How the agency says no."""
        words = {code: No(no.status, self.codes.get(no.code, no.code), no.text) for code, no in book.words.items()}
        return Tongue(
            self.fields.get(book.code_field, book.code_field), self.fields.get(book.text_field, book.text_field), words
        )


def _turned(names: Names) -> Names:
    return {theirs: ours for ours, theirs in names.items()}


def _renamed(value: Any, names: Names, values: Mapping[str, Names], dropped: frozenset[str]) -> Any:
    """With other names of fields, then other values of those that have them under their new name."""
    if isinstance(value, list):
        return [_renamed(one, names, values, dropped) for one in value]
    if not isinstance(value, dict):
        return value
    told = {}
    for name, inner in value.items():
        if name in names or name not in dropped:
            new = names.get(name, name)
            told[new] = _meant(_renamed(inner, names, values, dropped), values.get(new, {}))
    return told


def _meant(value: Any, meanings: Names) -> Any:
    return meanings.get(value, value) if isinstance(value, str) else value


PLAIN: Final = Dialect()
"""The book's own words."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """An agency that keeps another's book."""

    book: Agency
    dialect: Dialect
    services: Mapping[str, Service] = field(init=False)
    tongue: Tongue = field(init=False)

    def __post_init__(self) -> None:
        """Say its services and its no in its own words."""
        paths = {self.dialect.paths.get(path, path): service for path, service in self.book.services.items()}
        object.__setattr__(self, "services", paths)
        object.__setattr__(self, "tongue", self.dialect.tongue(self.book.tongue))


@cache
def dialect_of(words: str) -> Dialect:
    """How the adapter in a folder of that name is spoken to. Raises pydantic's `ValidationError`."""
    file = files("adapters") / words / "simulator.toml"
    return Dialect.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))) if file.is_file() else PLAIN
