"""The shape of a fixture's file: somebody writes it by hand who adds an agency, so every slip is told by its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from .spec import Json


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Given(_Part):
    command: str
    data: Mapping[str, Json]
    asks: Literal["lookup", "answer"] | None = None


class _Told(_Part):
    headers: Mapping[str, str]
    body: Json = None
    text: str | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> _Told:
        if len({"body", "text"} & self.model_fields_set) != 1:
            message = "either a body, which is JSON, or a text"
            raise ValueError(message)
        return self


class _Request(_Told):
    method: Literal["POST", "GET"]
    path: str


class _Response(_Told):
    status: int


class _File(_Part):
    name: str
    given: _Given
    request: _Request
    response: _Response
    then: Mapping[str, Json]
    when: Mapping[str, Json] | None = None


def read(raw: bytes) -> dict[str, Any]:
    """The fixture in a file. Raises ValueError: no JSON, with its line, or not of this shape, with the places."""
    told: dict[str, Any] = json.loads(raw)
    _File.model_validate(told)
    return told
