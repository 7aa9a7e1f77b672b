"""JSON in envelopes that are sealed whole, taken in at once and answered to whoever asks later: a tax office's style.

Modelled on what is public of such interfaces: the United Kingdom's Transaction Engine (a submission is acknowledged
with a correlation and a pause, then polled for), the asynchronous issuing of Chinese e-invoice platforms (the result
is asked for by the serial number 流水号 that the caller chose himself), and the detached JWS of Open Banking. The names
of fields, headers and codes are invented, for no tax office publishes its own.

A request is `{"baoWenTou": {"jieShouFang", "fuWu", "faSongShiJian", "liuShuiHao"}, "yeWuShuJu": {…}}`: for whom, for
what, when, under which serial number, and the matter itself. A seal covers the body and nothing else, so all that
decides what is to happen stands in it; path and headers only bring it there. The serial number is our idempotency
key: who replays a request gets an answer and no second deed, so no clock has to agree with another.

An answer is `{"liuShuiHao", "shouLiHao", "jieGuoMa", "jieGuoXinXi", "yeWuShuJu"}`: the serial number of what it
answers, the number under which the office took it in (受理号, which we need not remember), result and words, and the
matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from adapters.spec import UNREADABLE, Endpoint, Json, Letter, Reply, Sent, Style
from adapters.writing import local_time, present

from .rest import parsed

RESULT: Final = "jieGuoMa"
"""Where the result's code stands: in an answer, and in the body that is made of it."""
SERIAL: Final = "liuShuiHao"
_HEAD: Final = "baoWenTou"
_MATTER: Final = "yeWuShuJu"


@dataclass(frozen=True, slots=True)
class SignedRest:
    """Envelopes of JSON in UTF-8. The seal is not its business."""

    style: ClassVar[Style] = Style("signed-rest", "签名 JSON，受理后查询", "sealed JSON, taken in, then asked for")

    def written(self, endpoint: Endpoint, body: Json, sent: Sent) -> Letter:
        """The body in its envelope. What only asks has no serial number of its own."""
        head = {
            "jieShouFang": sent.organisation,
            "fuWu": endpoint.path,
            "faSongShiJian": local_time(sent.at),
            SERIAL: sent.key,
        }
        return Letter(json.dumps({_HEAD: present(head), _MATTER: body}).encode(), {"Content-Type": "application/json"})

    def read(self, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """The matter with the result's code beside it, or `UNREADABLE` for what has none: then nobody said anything."""
        envelope = parsed(raw)
        body, about = (_opened(envelope), envelope.get(SERIAL)) if isinstance(envelope, dict) else (UNREADABLE, None)
        lower = {name.lower(): value for name, value in headers.items()}
        return Reply(status, body, lower, about if isinstance(about, str) and about else None)


SIGNED_REST: Final = SignedRest()


def _opened(envelope: Mapping[str, Json]) -> Json:
    result, matter = envelope.get(RESULT), envelope.get(_MATTER)
    if not isinstance(result, str):
        return UNREADABLE
    return {**(matter if isinstance(matter, dict) else {}), RESULT: result}
