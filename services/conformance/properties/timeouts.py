"""The line breaks before, in and after a message: what came of it must be one effect or none."""

from __future__ import annotations

from typing import Final

from services.conformance.case import Property
from services.conformance.stage import Stage, demand
from services.conformance.words import Words

from .which import every, keyed_over_http

_SOME: Final = 0.5


async def _in_time(stage: Stage, name: str) -> None:
    came = await stage.client.ask(await stage.ready(name))
    demand(came.silence is None, f"an answer in {_seconds(stage, name):g} s", came)


def _seconds(stage: Stage, name: str) -> float:
    return stage.adapter.operations[name].endpoint.timeout.total_seconds()


async def _lost_answer(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    await stage.cut(ask)
    first = await stage.event(ask)
    await stage.same(ask, first)


async def _half_a_message(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    await stage.cut(ask, sent=_SOME)
    first = await stage.event(ask)
    await stage.same(ask, first)


ROWS: Final = (
    Property(
        "in-time",
        "time-outs",
        Words("在约定时间内答复", "answers in the time agreed"),
        Words("在适配器声明的时限内有答复", "there is an answer within the time-out that the adapter declares"),
        Words("缩短处理时间，或与我方约定更长的时限", "answer faster, or agree on a longer time-out with us"),
        every,
        _in_time,
    ),
    Property(
        "lost-answer",
        "time-outs",
        Words("答复丢失后同键重来", "the answer is lost, the same key comes again"),
        Words(
            "我方断线未收到答复，同键再来须得到这一次的结果，只办一次",
            "we hung up before the answer; the same key again brings the result of the one time it was done",
        ),
        Words(
            "办理与保存答复放在同一事务；对方断线不可使已办之事无法查知",
            "act and keep the answer in one transaction; a caller that hangs up must not make a deed unknowable",
        ),
        keyed_over_http,
        _lost_answer,
    ),
    Property(
        "half-message",
        "time-outs",
        Words("半截报文不办理", "half a message does nothing"),
        Words(
            "报文未收全即断，不得办理，也不得占用其键", "a message cut short has no effect and does not use up its key"
        ),
        Words("收全并解析成功后才登记键", "claim the key only once the whole message was read"),
        keyed_over_http,
        _half_a_message,
    ),
)
