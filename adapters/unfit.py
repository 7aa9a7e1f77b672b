"""Folders that cannot be loaded: each is told with its place and its reason, and none keeps the others from working."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Final, NamedTuple

from pydantic import ValidationError


class Unfit(NamedTuple):
    """`place` is a file below the folder `adapters/`, with the line where one is known."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"adapters/{self.place}: {self.reason}"


UNFIT: Final[dict[str, Unfit]] = {}
"""By the folder's name. Whoever carries out commands must not begin while there is any: those to it would be lost."""


def unfit(adapter: str, file: str, wrong: Exception) -> Unfit:
    """Why a folder cannot be loaded; `file` is what was read, where the exception does not know better."""
    if isinstance(wrong, ValidationError):
        places = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors(include_input=False))
        return Unfit(f"{adapter}/{file}", "; ".join(places))
    reason = wrong.msg if isinstance(wrong, SyntaxError) else str(wrong)
    said = reason if isinstance(wrong, tomllib.TOMLDecodeError) else f"{type(wrong).__name__}: {reason}"
    return Unfit(_place(adapter, file, wrong), said)


def _place(adapter: str, file: str, wrong: Exception) -> str:
    """Where in the folder it went wrong, as far down as our own lines go."""
    ours = str(files(__package__) / adapter)
    if isinstance(wrong, SyntaxError) and wrong.filename and wrong.filename.startswith(ours):
        return f"{adapter}{wrong.filename.removeprefix(ours)}:{wrong.lineno}"
    last, step = f"{adapter}/{file}", wrong.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if name.startswith(ours):
            last = f"{adapter}{name.removeprefix(ours)}:{step.tb_lineno}"
        step = step.tb_next
    return last
