"""The same key acts once: for whoever asks twice, at once or after a doubt, with the same content or another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from adapters.errors import Ambiguous, Unavailable
from services.conformance.case import Property
from services.conformance.client import Came
from services.conformance.stage import Stage, demand
from services.conformance.words import Words

from .which import keyed, keyed_over_http, looked_up

_KEEP: Final = Words(
    "按 Idempotency-Key 保存首次成功的答复，同键再来时原样返回，不再办理",
    "keep the first good answer by its Idempotency-Key, and give it again instead of acting again",
)


async def _again(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    first = await stage.event(ask)
    await stage.same(ask, first)


async def _other_content(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    first = await stage.event(ask)
    other = replace(await stage.ready(name), key=ask.key)
    came = await stage.ask(other)
    demand(came.is_no, "HTTP 4xx: the key was used for other content", came)
    await stage.same(ask, first)


async def _at_once(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    both = await asyncio.gather(stage.ask(ask), stage.ask(ask), stage.ask(ask))
    for came in both:
        demand(came.event is not None or _is_busy(came), "the one answer, or HTTP 409, 429 or 503 meanwhile", came)
    last = await stage.event(ask)
    for came in both:
        demand(came.event in (None, last), "one answer for all", "different answers to one key")


def _is_busy(came: Came) -> bool:
    conflict = 409
    in_flight = came.heard is not None and came.heard.status == conflict and not came.is_named_no
    return in_flight or isinstance(came.error, Unavailable | Ambiguous)


async def _no_key(stage: Stage, name: str) -> None:
    ask = replace(await stage.ready(name), key=None)
    came = await stage.ask(ask)
    demand(came.is_no, "HTTP 4xx: an idempotency key is needed", came)


async def _other_key(stage: Stage, name: str) -> None:
    first, second = await stage.ready(name), await stage.ready(name)
    one, other = await stage.event(first), await stage.event(second)
    demand(one != other, "an answer of its own for each key", "one answer for two keys")


async def _look_up(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    event = await stage.event(ask)
    found = await stage.ask(stage.look_up(ask))
    demand(found.event == event, "the look-up finds what the answer said", found)


async def _look_up_nothing(stage: Stage, name: str) -> None:
    # Another car's was carried out: who looks by less than the whole key would find that one.
    await stage.event(await stage.ready(name))
    found = await stage.ask(stage.look_up(await stage.ready(name)))
    demand(found.is_unknown, "the look-up finds nothing, and says so in its own words", found)


ROWS: Final = (
    Property(
        "same-key",
        "idempotency",
        Words("同键再来，答复相同", "the same key again, the same answer"),
        Words(
            "同一幂等键的同一请求只办一次，再来得到同一答复", "one key acts once; asked again it gets the same answer"
        ),
        _KEEP,
        keyed,
        _again,
    ),
    Property(
        "other-content",
        "idempotency",
        Words("同键而内容不同，拒绝", "the same key with other content is refused"),
        Words("同键而内容不同须以 4xx 拒绝，且首次答复不变", "other content under a used key is refused with 4xx"),
        Words(
            "随键保存请求内容的摘要，内容不同即拒绝，不可返回前一辆车的答复",
            "keep a digest of the request with its key; refuse where it differs, never give another car's answer",
        ),
        keyed,
        _other_content,
    ),
    Property(
        "at-once",
        "idempotency",
        Words("同键并发，只办一次", "the same key three times at once acts once"),
        Words(
            "同键的并发请求只办一次，其余得到同一答复或稍后再来",
            "of requests at once one acts; the others get its answer",
        ),
        Words(
            "先占住键再办理（唯一约束或锁），不可先查后写",
            "claim the key before acting (a unique constraint or a lock); looking first and writing later races",
        ),
        keyed,
        _at_once,
    ),
    Property(
        "no-key",
        "idempotency",
        Words("无幂等键，拒绝", "without a key it is refused"),
        Words("产生效果的请求必须带幂等键", "what has an effect must carry a key"),
        Words("缺少 Idempotency-Key 时答 400", "answer 400 where Idempotency-Key is absent"),
        keyed_over_http,
        _no_key,
        expects_no=True,
    ),
    Property(
        "other-key",
        "idempotency",
        Words("不同的键，各自的答复", "another key, an answer of its own"),
        Words("不同的键互不影响", "keys do not meddle with one another"),
        Words("按完整的键查找，不可截断或只取一部分", "look keys up whole, never by a part of them"),
        keyed,
        _other_key,
    ),
    Property(
        "looked-up",
        "idempotency",
        Words("办过的可查到", "what was carried out is found"),
        Words("按业务号可查到已办结果", "a look-up by business key finds what was carried out"),
        Words("查询与办理读同一份记录", "let look-up and deed read the same record"),
        looked_up,
        _look_up,
    ),
    Property(
        "not-looked-up",
        "idempotency",
        Words("没办过的查不到", "what was not carried out is not found"),
        Words("未办的查询须以其“未查到”代码答复", "a look-up for nothing answers with its code for “not found”"),
        Words("未查到时答自己的代码，不可 200 空答复", "say so by your own code; an empty 200 says nothing"),
        looked_up,
        _look_up_nothing,
    ),
)
