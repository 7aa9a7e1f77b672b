"""Answers that come later: asked for, or brought to our door, late, twice and while it was shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from adapters.errors import NotYet, TakenIn
from services.conformance.car import wrong_check
from services.conformance.case import Property
from services.conformance.client import Ask, Came, fresh_key
from services.conformance.door import Brought, Door
from services.conformance.stage import Stage, Unmet, demand, replaced
from services.conformance.words import Words

from .which import called_back, later, not_at_once

_BY_CODE: Final = "a refusal by a code that the adapter knows"


async def _taken_in(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await stage.client.ask(ask)
    demand(isinstance(came.error, TakenIn) or came.event, "taken in (202), or the answer at once", came)
    answer = await stage.client.answer(ask, came)
    # What a question is about may still be under way: that is an answer, too.
    is_not_yet = ask.operation.question and isinstance(answer.error, NotYet) and answer.is_named_no
    demand(answer.event or is_not_yet, ask.operation.command.answer.name, answer)


async def _nothing_under_the_key(stage: Stage, name: str) -> None:
    ask = replace(await stage.ready(name), key=fresh_key())
    came = await stage.client.fetch(ask)
    demand(came.is_unknown, "its own code for “nothing is known under this key”", came)


async def _asked_twice(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    event = await stage.event(ask)
    again = await stage.client.fetch(ask)
    demand(again.event == event, "the same answer, however often it is asked for", again)


async def _refusal_later(stage: Stage, name: str) -> None:
    """Asked for twice, a no stays that no: of a deed done already, if that is refused, and of a VIN that is none."""
    ask = await stage.ready(name)
    await stage.event(ask)
    spoilt = stage.with_body(ask, replaced(ask.body, ask.car.vin, wrong_check(ask.car.vin)))
    repeated = await _told_again(stage, ask.once_more())
    demand(repeated.event or repeated.is_named_no, _BY_CODE, repeated)
    refused = await _told_again(stage, spoilt.once_more())
    demand(refused.is_named_no, _BY_CODE, refused)


async def _told_again(stage: Stage, ask: Ask) -> Came:
    """What comes of a command. If it is a no to what had been taken in, it is asked for twice."""
    at_once = await stage.client.ask(ask)
    came = await stage.client.answer(ask, at_once)
    if isinstance(at_once.error, TakenIn) and came.is_named_no:
        again = await stage.client.fetch(ask)
        same = again.is_named_no and again.told == came.told
        demand(same, "the same refusal, however often it is asked for", again)
    return came


async def _sent(stage: Stage, name: str) -> tuple[Ask, Door]:
    """A command that was taken in, and the door to which its answer will be brought."""
    return await _taken(stage, await stage.ready(name))


async def _taken(stage: Stage, ask: Ask) -> tuple[Ask, Door]:
    at_once = await stage.client.ask(ask)
    demand(isinstance(at_once.error, TakenIn), "taken in, to be answered by a call-back", at_once)
    return ask, _door(stage)


def _door(stage: Stage) -> Door:
    if stage.client.door is None:
        raise Unmet("a door for call-backs", "none")
    return stage.client.door


async def _called(stage: Stage, ask: Ask, door: Door, times: int = 1) -> list[Brought]:
    """What was brought under a command's key, so often at least."""
    key, seconds = ask.key or "", stage.client.answer_s
    await door.until(lambda: len(door.under(key)) >= times, seconds)
    came = door.under(key)
    demand(len(came) >= times, f"a call-back under our key within {seconds:g} s", "none")
    return came


async def _concerning(stage: Stage, ask: Ask, door: Door) -> list[Brought]:
    """What was brought about a command's car, under whatever key, or could not be read."""
    seconds = stage.client.answer_s

    def came() -> list[Brought]:
        here = (one for one in door.came if one.organisation == stage.client.organisation)
        return [one for one in here if one.concerns(ask.key or "", ask.car.vin)]

    await door.until(came, seconds)
    demand(came(), f"a call-back within {seconds:g} s", "none")
    return came()


async def _brought(stage: Stage, name: str) -> None:
    ask, door = await _sent(stage, name)
    came = await _called(stage, ask, door)
    demand(all(one.is_sealed for one in came), "call-backs under the agency's seal", "one that nobody we know sealed")
    answer = await stage.client.answer(ask, await stage.client.ask(ask))
    demand(answer.event, ask.operation.command.answer.name, answer)


async def _is_a_message(stage: Stage, name: str) -> None:
    ask, door = await _sent(stage, name)
    came = await _concerning(stage, ask, door)
    wanted = f"a message, as {stage.adapter.name} writes them"
    demand(all(one.is_message for one in came), wanted, f"{len(came[0].raw)} bytes that are no message of that style")


async def _under_our_key(stage: Stage, name: str) -> None:
    ask, door = await _sent(stage, name)
    came = await _concerning(stage, ask, door)
    wanted = "the key of the command that it answers"
    demand(all(one.key is not None for one in came), wanted, "a call-back that names no key")
    demand(all(one.key == ask.key for one in came), wanted, "a key under which nobody asked about this car")


async def _again_while_shut(stage: Stage, name: str) -> None:
    ask, door = await stage.ready(name), _door(stage)
    key, seconds = ask.key or "", stage.client.answer_s
    door.shut[key] = 1
    await _taken(stage, ask)
    await door.until(lambda: door.under(key), seconds)
    away = [one for one in door.turned_away if one.key == key]
    demand(away, f"a call-back under our key within {seconds:g} s", "none")
    came = door.under(key)
    demand(came, f"the call-back again within {seconds:g} s of our 503", "it came once, and never again")
    same = _said(stage, ask, away[0]) == _said(stage, ask, came[0])
    demand(same, "the same answer again after 503", "another answer")


async def _one_answer(stage: Stage, name: str) -> None:
    ask, door = await _sent(stage, name)
    await _called(stage, ask, door)
    again = await stage.client.ask(ask)
    # Whoever takes it in once more will call back once more, or knows that he has; nobody says when.
    await door.until(lambda: len(door.under(ask.key or "")) > 1, stage.client.patience_s)
    demand(isinstance(again.error, TakenIn) or again.event, "taken in again, or the answer", again)
    if again.event is not None:
        brought = await stage.client.fetch(ask)
        demand(again.event == brought.event, "the answer that was brought", "another answer")
    said = [_said(stage, ask, one) for one in door.under(ask.key or "")]
    demand(
        all(one == said[0] for one in said), "the same answer each time it is brought", "different answers to one key"
    )


def _said(stage: Stage, ask: Ask, brought: Brought) -> object:
    read = stage.adapter.binding.read(200, {}, brought.raw)
    return read.status, read.about, ask.operation.command.versions.name, read.body


async def _many_in_any_order(stage: Stage, name: str) -> None:
    asks = [await stage.ready(name) for _ in range(_MANY)]
    for ask in asks:
        await stage.client.ask(ask)
    for ask in reversed(asks):
        came = await stage.client.answer(ask, Came(error=TakenIn(_SOON)))
        demand(came.event, ask.operation.command.answer.name, came)


_MANY: Final = 6
_SOON: Final = timedelta(milliseconds=100)
"""After so long each answer is looked for, the last one first."""

ROWS: Final = (
    Property(
        "taken-in",
        "call-backs",
        Words("先收下，后答复", "taken in now, answered later"),
        Words("收下即答 202，办结后可得到答复", "202 once it is taken in, and an answer when it is done"),
        Words("把请求可靠保存后再答 202", "store the request durably, then answer 202"),
        later,
        _taken_in,
    ),
    Property(
        "nothing-there",
        "call-backs",
        Words("没收到过的查不到", "nothing is known under a key that never came"),
        Words(
            "以没用过的键取答复，须答“未查到”代码", "asking under an unused key is answered by the code for “not found”"
        ),
        Words("未收到与未办结要有不同的答复", "tell “never came” from “not done yet”"),
        later,
        _nothing_under_the_key,
        expects_no=True,
    ),
    Property(
        "asked-twice",
        "call-backs",
        Words("答复可重复取", "an answer may be asked for again"),
        Words("同一答复取几次都相同", "the same answer, however often it is asked for"),
        Words("取过的答复要保留，至少到业务时限之后", "keep answers that were fetched, beyond the deadline at least"),
        later,
        _asked_twice,
    ),
    Property(
        "refused-later",
        "call-backs",
        Words("后来的拒绝也带代码", "a refusal that comes later has its code, too"),
        Words(
            "收下之后的拒绝须带已知代码，再取不变",
            "what is refused after it was taken in is refused by a known code, however often it is asked for",
        ),
        Words("取答复时拒绝与成功同样给出业务代码", "give the business code in the fetched answer, as at once"),
        later,
        _refusal_later,
    ),
    Property(
        "brought",
        "call-backs",
        Words("答复送到我方门口，且有签名", "the answer is brought to our door, sealed"),
        Words("办结后以签名回调送达，键为我方幂等键", "when done it is called back, signed, under our idempotency key"),
        Words(
            "回调带上我方的键，并以登记的证书签名",
            "carry our key in the call-back, and sign with the registered certificate",
        ),
        called_back,
        _brought,
    ),
    Property(
        "a-message",
        "call-backs",
        Words("回调是一份报文", "what is called back is a message"),
        Words(
            "回调的内容须是约定格式的报文：不得是网页、纯文本、带 DTD 的文档或其他命名空间",
            "a call-back is a message of the agreed style: no page, no plain text, no DTD, no other namespace",
        ),
        Words(
            "网关的错误页不可当作回调送出；以约定的命名空间书写，不带 DOCTYPE",
            "never bring a gateway's error page; write in the agreed namespaces, without a DOCTYPE",
        ),
        called_back,
        _is_a_message,
        once=True,
    ),
    Property(
        "our-key",
        "call-backs",
        Words("回调写明我方的键", "a call-back names our key"),
        Words(
            "回调须写明所答复请求的键，不得是对方自己的编号或别的请求的键",
            "a call-back names the key of the command it answers: no number of the agency's own, no other command's",
        ),
        Words("收下请求时保存其键，回调时原样带回", "keep the key with the request, and give it back as it came"),
        called_back,
        _under_our_key,
        once=True,
    ),
    Property(
        "brought-again",
        "call-backs",
        Words("我方 503 时稍后再送", "our door is shut, it comes again"),
        Words("回调得到 503 须再送同一内容", "turned away with 503 the call-back comes again, the same"),
        Words("回调未得 2xx 即按退避重送，内容不变", "repeat a call-back with back-off until 2xx, unchanged"),
        called_back,
        _again_while_shut,
    ),
    Property(
        "one-answer",
        "call-backs",
        Words("重复的回调内容相同", "brought twice it says the same"),
        Words("同一键的回调无论几次，内容相同", "however often it is brought, one key has one answer"),
        Words("回调由保存的答复写出，不重新计算", "write call-backs from the kept answer, do not compute it anew"),
        called_back,
        _one_answer,
    ),
    Property(
        "any-order",
        "call-backs",
        Words("次序不同，各得其答", "in any order, each gets its own answer"),
        Words("多笔先后办结，按键取得各自的答复", "several under way: each answer is found by its key"),
        Words("答复按键对应，不按先后", "match answers by key, never by their order"),
        not_at_once,
        _many_in_any_order,
        once=True,
        cars=_MANY,
    ),
)
