"""What a step was decided on, as digests: whoever has the papers can show that they are the ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from contracts.case import Input
from contracts.contract import Contract
from contracts.fields import PERSONAL
from contracts.registry import contract_of
from services.runtime import digests

from .case import Case


def inputs_of(case: Case, weighed: tuple[str, ...], answer: Contract | None = None) -> tuple[Input, ...]:
    """The papers that a row weighs, in its order, and the answer that made it fire."""
    return tuple(_inputs(case, weighed, answer))


def digest(paper: BaseModel) -> str:
    """SHA-256 of the paper's canonical JSON: keys sorted, no blanks, nothing that is absent, no personal field.

    A digest of what has few values would tell it to whoever tries them all.
    """
    return digests.digest(_impersonal(paper.model_dump(mode="json", exclude_none=True)))


def _inputs(case: Case, weighed: tuple[str, ...], answer: Contract | None) -> Iterator[Input]:
    for name in weighed:
        paper = getattr(case if name in {"sale", "returned"} else case.papers, name)
        if paper is not None:
            yield Input(name=name, sha256=digest(paper))
    if answer is not None:
        yield Input(name=contract_of(answer)[0].name, sha256=digest(answer))


def _impersonal(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _impersonal(value) for name, value in told.items() if name not in PERSONAL}
    return [_impersonal(value) for value in told] if isinstance(told, list) else told
