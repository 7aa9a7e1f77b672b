"""What a hostile or careless caller may send, and what must come of it: a plain no, nothing done, nothing told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote_plus

from services.conformance.car import MOST_CARS, wrong_check
from services.conformance.case import Property
from services.conformance.client import Ask, Came, as_it_is
from services.conformance.stage import Stage, Unmet, demand, replaced
from services.conformance.words import Words

from .which import about_a_person, every, in_json, keyed_over_http, over_http, personal, sealed

_DEEP: Final = 20_000
_HUGE: Final = 4 * 1024 * 1024
_LONG: Final = 8_000
_NO: Final = "HTTP 4xx"
_NAMED: Final = "a refusal by a code that the adapter knows"


async def _wrong_vin(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    body = replaced(ask.body, ask.car.vin, wrong_check(ask.car.vin))
    came = await stage.ask(stage.with_body(ask, body))
    demand(came.is_named_no, _NAMED, came)


async def _missing_fields(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    for member in tuple(ask.body):
        less = {other: value for other, value in ask.body.items() if other != member}
        came = await stage.ask(stage.with_body(ask, less).once_more())
        demand(came.event or came.is_named_no, f"{_NAMED}, or an answer where {member} may be absent", came)
        if _names_the_car(ask.body[member], ask.car.vin):
            demand(came.is_named_no, f"{_NAMED}: {member} is missing", came)
        if came.event is not None:
            # It may be absent, so the deed is done: the next field needs another car.
            ask = await stage.ready(name)


async def _wrong_types(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    for member in tuple(ask.body):
        came = await stage.ask(stage.with_body(ask, {**ask.body, member: [{"a": 1}]}).once_more())
        demand(came.event or came.is_named_no, f"{_NAMED}, where {member} is a list", came)
        if _names_the_car(ask.body[member], ask.car.vin):
            demand(came.is_named_no, f"{_NAMED}: {member} is a list", came)
        if came.event is not None:
            ask = await stage.ready(name)


def _names_the_car(value: Any, vin: str) -> bool:
    return vin in (value.values() if isinstance(value, Mapping) else (value,))


async def _unsealed(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await replace(stage.client, seal=as_it_is).ask(ask)
    demand(came.is_no and not came.is_named_no, "HTTP 4xx: who it is from was not proved", came)
    await _still_there(stage, ask)


async def _changed_on_the_way(stage: Stage, name: str) -> None:
    ask, other = await stage.ready(name), stage.car()
    said = stage.client.said(ask)
    came = await stage.client.send(ask, replace(said, raw=said.raw.replace(ask.car.vin.encode(), other.vin.encode())))
    demand(came.is_no and not came.is_named_no, "HTTP 4xx: the seal does not fit the message", came)
    await _still_there(stage, ask)


async def _strangers_seal(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await stage.stranger.ask(ask)
    demand(came.is_no and not came.is_named_no, "HTTP 4xx: nobody knows this seal", came)
    await _still_there(stage, ask)


async def _refused(stage: Stage, ask: Ask, **changes: Any) -> None:
    """What is sent is refused, and the agency works as before."""
    came = await stage.altered(ask, **changes)
    demand(came.is_no, _NO, came)
    await _still_there(stage, ask)


async def _still_there(stage: Stage, ask: Ask) -> None:
    try:
        await stage.event(ask)
    except Unmet as wrong:
        raise Unmet("the same command, well written, succeeds afterwards", wrong.came) from None


async def _unreadable(stage: Stage, name: str) -> None:
    await _refused(stage, await stage.ready(name), raw=b'\x00\x1f{]}<<< no "message"')


async def _nothing(stage: Stage, name: str) -> None:
    await _refused(stage, await stage.ready(name), raw=b"")


async def _no_object(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    await _refused(stage, ask, raw=json.dumps([stage.document(ask)]).encode())


async def _deep(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    raw = stage.written(ask)[:-1] + b',"x":' + b"[" * _DEEP + b"]" * _DEEP + b"}"
    came = await stage.altered(ask, raw=raw)
    demand(came.is_no or came.event, f"{_NO}, or the answer if it never looks into what it does not know", came)
    await _still_there(stage, ask)


async def _huge(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    raw = json.dumps({**stage.document(ask), "x": "x" * _HUGE}).encode()
    came = await stage.altered(ask, raw=raw)
    hung_up = came.silence is not None and "connection" in came.silence
    demand(came.is_no or hung_up, f"{_NO} (413), or a closed connection", came)
    await _still_there(stage, ask)


async def _not_a_number(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    raw = stage.written(ask)[:-1] + b',"x":NaN}'
    await _refused(stage, ask, raw=raw)


async def _long_key(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    first = await stage.altered(ask, headers={"Idempotency-Key": "k" * _LONG})
    demand(first.is_no or first.event, f"{_NO}, or the answer", first)


async def _get(stage: Stage, name: str) -> None:
    await _refused(stage, await stage.ready(name), method="GET", raw=b"")


async def _unknown_path(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await stage.altered(ask, url=stage.url(ask) + "-conformance-no-such-path")
    demand(came.is_no and not came.is_named_no, f"{_NO}, and none of the codes of its business", came)


async def _tells_nobody(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    spoilt = replaced(ask.body, ask.car.vin, wrong_check(ask.car.vin))
    told = [str(getattr(ask.command, field)) for field in personal(ask.operation) if getattr(ask.command, field)]
    refused = await stage.ask(stage.with_body(ask, spoilt))
    broken = await stage.altered(ask, raw=stage.written(ask)[:-1])
    for came in (refused, broken):
        demand(came.heard is not None, _NO, came)
        _demand_silence_about(told, came)


def _demand_silence_about(person: list[str], came: Came) -> None:
    if came.heard is None:
        return
    text = came.heard.raw.decode(errors="replace")
    ways = (str, lambda value: json.dumps(value)[1:-1], quote_plus)
    repeated = any(way(value) in text for value in person for way in ways)
    demand(not repeated, "a refusal without a word about a person", f"HTTP {came.heard.status}, with personal data")


_READ_FIRST: Final = Words(
    "先校验再办理；解析失败答 400，不可答 5xx", "check before acting; answer 400 where reading fails, never 5xx"
)

_PROVE: Final = Words(
    "验签通过后才读取内容；失败答 401", "verify the seal before reading anything; answer 401 where that fails"
)

ROWS: Final = (
    Property(
        "wrong-vin",
        "security",
        Words("车架号校验位不符，拒绝", "a VIN with a wrong check digit is refused"),
        Words("校验位不符的车架号须以已知代码拒绝", "a VIN whose check digit is wrong is refused by a known code"),
        Words("按 GB 16735 校验第 9 位", "check the ninth character by GB 16735"),
        every,
        _wrong_vin,
    ),
    Property(
        "missing-fields",
        "security",
        Words("缺字段，以代码拒绝", "a missing field is refused by a code"),
        Words("逐一缺少每个字段，须以已知代码拒绝，不得 5xx", "each field missing in turn is refused by a known code"),
        _READ_FIRST,
        every,
        _missing_fields,
        cars=MOST_CARS,
    ),
    Property(
        "wrong-types",
        "security",
        Words("类型不符，以代码拒绝", "a field of another type is refused by a code"),
        Words("逐一以列表代替每个字段，须以已知代码拒绝，不得 5xx", "a list instead of each field in turn is refused"),
        _READ_FIRST,
        in_json,
        _wrong_types,
        cars=MOST_CARS,
    ),
    Property(
        "unreadable",
        "security",
        Words("不成报文，拒绝", "what is no message is refused"),
        Words(
            "无法解析的请求以 4xx 拒绝，随后照常", "what cannot be parsed is refused with 4xx; afterwards all is well"
        ),
        _READ_FIRST,
        over_http,
        _unreadable,
        once=True,
    ),
    Property(
        "empty",
        "security",
        Words("空请求，拒绝", "nothing at all is refused"),
        Words("空报文以 4xx 拒绝", "an empty body is refused with 4xx"),
        _READ_FIRST,
        over_http,
        _nothing,
        once=True,
    ),
    Property(
        "no-object",
        "security",
        Words("列表代替对象，拒绝", "a list instead of an object is refused"),
        Words("顶层不是对象须以 4xx 拒绝", "anything but an object is refused with 4xx"),
        _READ_FIRST,
        in_json,
        _no_object,
        once=True,
    ),
    Property(
        "deep",
        "security",
        Words("嵌套极深，不崩溃", "nesting without end does not break it"),
        Words(
            "两万层嵌套须拒绝或忽略，随后照常", "twenty thousand levels are refused or ignored; afterwards all is well"
        ),
        Words("限制嵌套层数", "limit how deep you read"),
        in_json,
        _deep,
        once=True,
    ),
    Property(
        "huge",
        "security",
        Words("超大报文，拒绝", "a message of four megabytes is refused"),
        Words(
            "4 MiB 的报文以 413 拒绝或断开，随后照常", "4 MiB are refused with 413 or cut off; afterwards all is well"
        ),
        Words("在读入内存之前限制长度", "limit the length before reading it into memory"),
        in_json,
        _huge,
        once=True,
    ),
    Property(
        "nan",
        "security",
        Words("NaN 不是 JSON，拒绝", "NaN is no JSON, and is refused"),
        Words("含 NaN 的请求须以 4xx 拒绝", "a request with NaN is refused with 4xx"),
        Words("令解析器拒绝 NaN 与 Infinity", "have the parser refuse NaN and Infinity"),
        in_json,
        _not_a_number,
        once=True,
    ),
    Property(
        "long-key",
        "security",
        Words("超长的幂等键，不出错", "a key without end breaks nothing"),
        Words(
            "八千字符的键须拒绝或照办，不得 5xx", "a key of eight thousand characters is refused or taken, never 5xx"
        ),
        Words("限制键长，超长答 400", "limit the key's length and answer 400 beyond"),
        keyed_over_http,
        _long_key,
        once=True,
    ),
    Property(
        "get",
        "security",
        Words("用 GET 不办理", "GET does nothing"),
        Words("办理只用 POST，GET 以 4xx 拒绝", "deeds are posted; GET is refused with 4xx"),
        Words("对其他方法答 405", "answer 405 to other methods"),
        over_http,
        _get,
        once=True,
    ),
    Property(
        "unknown-path",
        "security",
        Words("地址错误不像业务答复", "a wrong address sounds like no business answer"),
        Words(
            "不存在的路径以 4xx 答复，且不带业务代码，以免误作“未查到”",
            "a path that is not there is 4xx without a business code, lest it be taken for “not found”",
        ),
        Words("路由层的 404 不套用业务错误格式中的代码", "keep business codes out of the router's own 404"),
        over_http,
        _unknown_path,
        once=True,
    ),
    Property(
        "unsealed",
        "security",
        Words("未签名的请求，拒绝", "a request without our seal is refused"),
        Words("未签名的请求以 4xx 拒绝，不办理", "what nobody signed is refused with 4xx, and nothing is done"),
        _PROVE,
        sealed,
        _unsealed,
    ),
    Property(
        "changed",
        "security",
        Words("签名后改动的请求，拒绝", "a request changed after it was sealed is refused"),
        Words("签名之后换了车架号的请求以 4xx 拒绝", "another VIN in a signed request: refused with 4xx"),
        _PROVE,
        sealed,
        _changed_on_the_way,
    ),
    Property(
        "stranger",
        "security",
        Words("陌生人的签名，拒绝", "a stranger's seal is refused"),
        Words("以未登记的密钥签名的请求以 4xx 拒绝", "a request signed with a key that nobody registered is refused"),
        Words(
            "只信任登记过的证书，不信任报文自带的证书",
            "trust registered certificates, never the one inside the message",
        ),
        sealed,
        _strangers_seal,
        once=True,
    ),
    Property(
        "tells-nobody",
        "security",
        Words("拒绝时不重复个人信息", "a refusal repeats nobody's data"),
        Words(
            "拒绝与出错的答复不得带有请求中的姓名、证件号、电话、地址",
            "refusals and errors hold no name, number, telephone or address of the request",
        ),
        Words(
            "错误信息只写字段名与代码，不写字段值，不回显请求",
            "name fields and codes in errors, never values; echo no request",
        ),
        about_a_person,
        _tells_nobody,
    ),
)
