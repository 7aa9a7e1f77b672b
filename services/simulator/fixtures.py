"""The answers recorded beside the adapters, as scripts: read as files, because we share no code with them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from services.simulator import country
from services.simulator.country import code_of

_KEY: Final = "0198c0de-0000-7000-8000-000000000001"
"""Under which all recorded requests were sent."""
_NAME: Final = re.compile(r"[a-z0-9-]{1,80}")
_DECLARED: Final = re.compile(r'<\?xml[^>]{0,40} encoding="GB')


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as it was recorded, about the car and the request that it is given to now."""

    status: int
    headers: Mapping[str, str]
    raw: bytes


def recorded(words: str, name: str, vin: str, key: str, organisation: str) -> Recorded | None:
    """The response of one fixture, in the words of that folder, as that organisation's to a request under that key.

    None if there is no such fixture.
    """
    fixture = _fixture(words, name) if _NAME.fullmatch(name) else None
    if fixture is None:
        return None
    response = fixture["response"]
    text = response["text"] if "text" in response else json.dumps(response["body"], ensure_ascii=False)
    told = text.replace(fixture["given"]["data"]["vin"], vin).replace(_KEY, key)
    recorder = _recorder(words)
    told = told.replace(recorder, code_of(organisation)) if recorder else told
    return Recorded(response["status"], response["headers"], told.encode(_encoding(told)))


@cache
def names(words: str) -> tuple[str, ...]:
    """What is recorded in the words of that folder."""
    folder = files("adapters") / words / "fixtures"
    found = [file.name.removesuffix(".json") for file in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(name for name in found if _NAME.fullmatch(name)))


def _encoding(text: str) -> str:
    """Of XML that says so; everything else is UTF-8."""
    return "gb18030" if _DECLARED.match(text) else "utf-8"


@cache
def _recorder(words: str) -> str:
    """The code of the organisation whose answers were recorded, the first in that folder; nothing if it has none."""
    return next(one.uscc for one in country.names() if one.words == words)


@cache
def _fixture(words: str, name: str) -> dict[str, Any] | None:
    file = files("adapters") / words / "fixtures" / f"{name}.json"
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
