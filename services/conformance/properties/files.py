"""Who is spoken to by files: a receipt is there as a whole or not at all, and a document put down again is the same."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from adapters.errors import TakenIn
from services.conformance.case import Property
from services.conformance.client import Came
from services.conformance.stage import Stage, demand
from services.conformance.words import Words

from .which import done_by_files

_LOOKS_EVERY_S: Final = 0.02
_COMINGS: Final = 8
"""So often a case comes in anew: behind one address there may be several hosts."""
_DECLARED: Final = re.compile(r"\A<\?xml[^>]*\?>")


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


async def _other_document(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    first = await stage.event(ask)
    came = await stage.ask(stage.under(await stage.ready(name), ask.key))
    # Customs have no code of their own for it; whatever they say, it must not be that this one was done.
    told = came.heard is not None and came.event in (None, first)
    demand(told, "a refusal: the message id was used for another document", came)
    await stage.same(ask, first)


async def _strangers_key(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await stage.stranger.ask(ask)
    demand(came.silence == "no connection", "no entry: nobody knows this key", came)
    await stage.event(ask)


async def _registered_host(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    for _ in range(_COMINGS):
        async with stage.client.wire.apart() as wire:
            came = await replace(stage.client, wire=wire).fetch(ask)
        demand(came.heard, "a host that proves itself by a registered key, whenever one comes", came)
    await stage.event(ask)


async def _in_gb18030(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    text = _DECLARED.sub("", stage.written(ask).decode())
    came = await stage.altered(ask, raw=f'<?xml version="1.0" encoding="GB18030"?>{text}'.encode("gb18030"))
    demand(came.event, ask.operation.command.answer.name, came)


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
    Property(
        "other-document",
        "idempotency",
        Words("同名而内容不同，不办理", "another document under a used id does nothing"),
        Words(
            "以用过的报文标识放下另一报文不得办理，首次的回执不变",
            "another document under a used message id has no effect; the first receipt stays",
        ),
        Words(
            "随报文标识保存内容的摘要，内容不同即拒绝",
            "keep a digest of the document with its message id; refuse where it differs",
        ),
        done_by_files,
        _other_document,
    ),
    Property(
        "in-gb18030",
        "encodings",
        Words("以 GB18030 书写的报文，同样受理", "a document in GB18030 is taken as well"),
        Words(
            "以 GB18030 书写并如此声明的报文，与 UTF-8 同样受理",
            "a document in GB18030 that says so is taken as one in UTF-8",
        ),
        Words("按 XML 声明的编码解析，不可一律当作 UTF-8", "decode as the XML declaration says, not always as UTF-8"),
        done_by_files,
        _in_gb18030,
        once=True,
    ),
    Property(
        "strangers-key",
        "security",
        Words("陌生人的 SSH 密钥，拒绝", "a stranger's SSH key is refused"),
        Words("以未登记的密钥登录须拒绝", "whoever logs in with a key that nobody registered is turned away"),
        Words(
            "只信任登记过的公钥，不开放口令与匿名登录", "trust registered keys only: no passwords, no anonymous login"
        ),
        done_by_files,
        _strangers_key,
        once=True,
    ),
    Property(
        "registered-host",
        "security",
        Words("主机密钥，次次相符", "the host's key is the registered one, every time"),
        Words(
            "每次新建连接，主机均须以登记过的密钥证明自己",
            "on every new connection the host proves itself by a key that is registered",
        ),
        Words(
            "同一地址后的各台主机共用一把主机密钥；更换时先登记新的，再启用",
            "one key for all hosts behind the address; a new one is registered before it is used",
        ),
        done_by_files,
        _registered_host,
        once=True,
    ),
)
