"""What a request says its body is."""

from __future__ import annotations

from starlette.requests import Request

from services.intake.problems import WRONG_MEDIA_TYPE, Problem, fault

EVENT = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
DATA = "application/json"


def media_type(request: Request) -> str:
    """The media type without its parameters, in lower case; "" if none is given."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def check_charset(request: Request) -> None:
    """JSON is UTF-8, and one that says otherwise is believed, and refused. Raises a `Problem`."""
    parameters = request.headers.get("content-type", "").lower().split(";")[1:]
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip("\"' ") not in ("utf-8", "utf8", "us-ascii"):
            raise Problem(WRONG_MEDIA_TYPE, fault("Content-Type", "charset"), fix="charset=utf-8")
