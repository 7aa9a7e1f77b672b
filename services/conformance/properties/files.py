"""Who is spoken to by files: a receipt is there as a whole or not at all, and a document put down again is the same."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from adapters.errors import TakenIn
from services.conformance.case import Property
from services.conformance.client import Came
from services.conformance.stage import Stage, demand
from services.conformance.words import Words

from .which import done_by_files

_LOOKS_EVERY_S: Final = 0.02


async def _appears_whole(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await stage.client.ask(ask)
    give_up_at = asyncio.get_running_loop().time() + stage.client.answer_s
    while isinstance(came.error, TakenIn) and asyncio.get_running_loop().time() < give_up_at:
        demand(not _is_begun(came), "no receipt yet, or a whole one", "the beginning of one")
        await asyncio.sleep(_LOOKS_EVERY_S)
        came = await stage.client.fetch(ask)
    demand(came.event, ask.operation.command.answer.name, came)


def _is_begun(came: Came) -> bool:
    """Whether a receipt lies there and is none yet: the binding waits for the rest of it."""
    return came.heard is not None and came.heard.status == HTTPStatus.OK and came.status == HTTPStatus.ACCEPTED


async def _put_down_again(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    first = await stage.event(ask)
    await stage.same(ask, first)


ROWS: Final = (
    Property(
        "whole-receipt",
        "call-backs",
        Words("回执完整后才出现", "a receipt appears as a whole"),
        Words(
            "以回执的名字只能读到完整的回执，不得读到写了一半的文件",
            "under a receipt's name there is nothing or the whole of it, never a file half written",
        ),
        Words("先写临时名，写完并落盘后改名", "write under another name, and rename once it is all on disk"),
        done_by_files,
        _appears_whole,
    ),
    Property(
        "put-down-again",
        "idempotency",
        Words("同名报文再次放下，回执相同", "the same document put down again, the same receipt"),
        Words(
            "以同一报文标识再次放下的同一报文只办一次，回执不变",
            "one message id acts once; the same document put down again gets the receipt that it had",
        ),
        Words(
            "按报文标识保存首次的结果，再次收到时原样给出回执，不再办理",
            "keep the first result by its message id, and give that receipt again instead of acting again",
        ),
        done_by_files,
        _put_down_again,
    ),
)
