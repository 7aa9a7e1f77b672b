"""Many at once and one after another: answers keep to their questions, and a no binds nobody."""

from __future__ import annotations

import asyncio
from typing import Final

from adapters.spec import Adapter, Operation
from services.conformance.bed import LIVE
from services.conformance.case import Property
from services.conformance.fixtures import Situation, plain
from services.conformance.stage import Stage, demand
from services.conformance.walk import NEEDS
from services.conformance.words import Words

from .which import every

_AT_ONCE: Final = 12


async def _many(stage: Stage, name: str) -> None:
    asks = [await stage.ready(name) for _ in range(_AT_ONCE)]
    answers = await asyncio.gather(*(stage.event(ask) for ask in asks))
    for ask, event in zip(asks, answers, strict=True):
        if not ask.operation.question:
            await stage.same(ask, event)


async def _too_early(stage: Stage, name: str) -> None:
    ask = await stage.staged(plain(stage.adapter, name), Situation(without=tuple(NEEDS)))
    came = await stage.ask(ask)
    demand(came.is_named_no, "a refusal, or “not yet”, by a code that the adapter knows", came)
    later = await stage.ready(name, ask.car)
    # What says something else now, because others have given numbers meanwhile, is another request.
    await stage.event(stage.under(later, ask.key) if later.body == ask.body else later)


def _rests_on_others(adapter: Adapter, operation: Operation) -> bool:
    """Whether it needs what only other agencies tell."""
    needs = NEEDS.get(operation.command.versions.name, ())
    return bool(needs) and not set(needs) & set(adapter.operations)


ROWS: Final = (
    Property(
        "many-at-once",
        "order",
        Words("多车并发，各得其答", "many cars at once, each gets its own answer"),
        Words("并发请求的答复不得互换", "answers to requests at once are never swapped"),
        Words(
            "每个请求的状态只放在该请求里，不可放在共享变量；答复写回自己的连接",
            "keep a request's state in the request, never in something shared; answer on its own connection",
        ),
        every,
        _many,
        once=True,
        cars=_AT_ONCE,
    ),
    Property(
        "too-early",
        "order",
        Words("来早了不办，同键后来可办", "too early is turned down, and the same key succeeds later"),
        Words(
            "所依据的资料未到时须以已知代码答复；资料到后同键可办成",
            "before its proofs have arrived it is turned down by a known code; afterwards the same key succeeds",
        ),
        Words("只保存成功的答复；拒绝不占用幂等键", "keep good answers only: a refusal does not use up its key"),
        _rests_on_others,
        _too_early,
        bed=LIVE,
        expects_no=True,
    ),
)
