"""The same content however it is written, and answers in the one writing that was agreed."""

from __future__ import annotations

import json
from typing import Any, Final

from services.conformance.car import with_rare_characters
from services.conformance.case import Property
from services.conformance.client import Ask, Came
from services.conformance.stage import Stage, demand, replaced
from services.conformance.words import Words

from .which import about_a_person, in_json, over_http

_JSON: Final = "application/json"


async def _written(stage: Stage, ask: Ask, raw: bytes, content_type: str = _JSON) -> None:
    came = await stage.altered(ask, raw=raw, headers={"Content-Type": content_type})
    demand(came.event, ask.operation.command.answer.name, came)


async def _plain_utf8(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    await _written(stage, ask, json.dumps(stage.document(ask), ensure_ascii=False).encode())


async def _with_charset(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    raw = json.dumps(stage.document(ask), ensure_ascii=False).encode()
    await _written(stage, ask, raw, "application/json; charset=utf-8")


async def _other_order(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    await _written(stage, ask, json.dumps(_turned(stage.document(ask)), indent=2).encode())


def _turned(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: _turned(body[name]) for name in reversed(body)}
    return body


async def _rare_characters(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    person: str = getattr(ask.command, "buyer_name" if hasattr(ask.command, "buyer_name") else "grantee_name")
    await stage.event(stage.with_body(ask, replaced(ask.body, person, with_rare_characters(person))))


async def _undecodable(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    vin = ask.car.vin.encode()
    came = await stage.altered(ask, raw=stage.written(ask).replace(vin, vin + b"\xff\xfe"))
    demand(came.is_no, "HTTP 4xx: bytes that are no UTF-8", came)


async def _answer_in_json(stage: Stage, name: str) -> None:
    for came in (await stage.ask(await stage.ready(name)), await stage.altered(await stage.ready(name), raw=b"{}")):
        demand(came.heard is not None, "an answer", came)
        _demand_json(came)


def _demand_json(came: Came) -> None:
    if came.heard is None:
        return
    kind = came.heard.headers.get("content-type", "").partition(";")[0].strip().lower()
    demand(kind == _JSON or kind.endswith("+json"), "Content-Type: application/json", f"Content-Type: {kind or 'none'}")
    demand(_is_utf8(came.heard.raw), "UTF-8", f"HTTP {came.heard.status}, bytes that are no UTF-8")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _not_packed(stage: Stage, name: str) -> None:
    came = await stage.ask(await stage.ready(name))
    packed = came.heard.headers.get("content-encoding", "identity") if came.heard else "identity"
    demand(packed == "identity", "an answer as it is, for `identity` was asked", f"Content-Encoding: {packed}")
    demand(came.event, stage.adapter.operations[name].command.answer.name, came)


_ANY_PARSER: Final = Words(
    "用合格的 JSON 解析器读取，不可按字节或次序比对", "read with a proper JSON parser, not by bytes or order"
)

ROWS: Final = (
    Property(
        "utf-8",
        "encodings",
        Words("汉字按 UTF-8 直接书写", "Chinese written as UTF-8"),
        Words(
            "请求中的汉字直接以 UTF-8 书写，与转义书写同样受理", "Chinese as plain UTF-8 is taken as when it is escaped"
        ),
        _ANY_PARSER,
        in_json,
        _plain_utf8,
        once=True,
    ),
    Property(
        "charset",
        "encodings",
        Words("Content-Type 带字符集", "a content type with its charset"),
        Words("application/json; charset=utf-8 同样受理", "application/json; charset=utf-8 is taken as well"),
        Words("只看分号之前的类型", "look only at what stands before the semicolon"),
        in_json,
        _with_charset,
        once=True,
    ),
    Property(
        "member-order",
        "encodings",
        Words("字段次序与空白不限", "any order of members, any white space"),
        Words("JSON 对象的字段次序和空白没有含义", "order and white space mean nothing in JSON"),
        _ANY_PARSER,
        in_json,
        _other_order,
        once=True,
    ),
    Property(
        "rare-characters",
        "encodings",
        Words("生僻字与间隔号", "rare characters, and the dot of foreign names"),
        Words("姓名含扩展区汉字（四字节）须受理", "a name with characters of four bytes is taken"),
        Words(
            "数据库与中间件用 utf8mb4 或等同编码，不设汉字白名单",
            "store as utf8mb4 or equal; keep no list of allowed characters",
        ),
        about_a_person,
        _rare_characters,
    ),
    Property(
        "undecodable",
        "encodings",
        Words("无法解码的请求，拒绝", "a request that cannot be decoded is refused"),
        Words(
            "无法解码的请求以 4xx 拒绝，不猜测编码", "what cannot be decoded is refused with 4xx, no encoding guessed"
        ),
        Words("严格解码，失败答 400", "decode strictly, answer 400 where that fails"),
        over_http,
        _undecodable,
        once=True,
        expects_no=True,
    ),
    Property(
        "answer-in-json",
        "encodings",
        Words("答复是 UTF-8 的 JSON，拒绝时亦然", "answers are JSON in UTF-8, refusals too"),
        Words("成功与拒绝都以 application/json、UTF-8 答复", "success and refusal are application/json in UTF-8"),
        Words("网关与框架的默认错误页也要换成 JSON", "have gateways and frameworks answer errors in JSON, too"),
        in_json,
        _answer_in_json,
        once=True,
    ),
    Property(
        "not-packed",
        "encodings",
        Words("不要求压缩则不压缩", "nothing is compressed that was not asked to be"),
        Words("请求声明 identity，答复不得压缩", "`identity` was asked, so the answer is as it is"),
        Words("按 Accept-Encoding 决定是否压缩", "compress by what Accept-Encoding says"),
        over_http,
        _not_packed,
        once=True,
    ),
)
