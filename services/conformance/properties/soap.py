"""What SOAP adds: answers are documents with a code of their own and no faults; the header says what the body does."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

from adapters.bindings import xml
from adapters.spec import Adapter, Operation
from services.conformance.car import wrong_check
from services.conformance.case import Property
from services.conformance.client import Came
from services.conformance.stage import Stage, demand, replaced
from services.conformance.words import Words

from .which import in_soap, personal

_FAULT: Final = "{http://schemas.xmlsoap.org/soap/envelope/}Fault"
_DECLARED: Final = re.compile(r"\A<\?xml[^>]*\?>")
_VALUE: Final = re.compile(r"(?:%[0-9A-F]{2})+")
_ANOTHER: Final = '"urn:conformance:another-operation"'


async def _no_fault(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    done = await stage.ask(ask)
    demand(not _is_fault(done), "an answer with its code", f"a fault, {done.told}")
    spoilt = replaced(ask.body, ask.car.vin, wrong_check(ask.car.vin))
    refused = await stage.ask(stage.with_body(ask, spoilt).once_more())
    demand(not _is_fault(refused), "a refusal with its code", f"a fault, {refused.told}")


def _is_fault(came: Came) -> bool:
    if came.heard is None:
        return False
    try:
        root = xml.tree(came.heard.raw)
    except xml.NotXml:
        return False
    return next(root.iter(_FAULT), None) is not None


async def _another_action(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    came = await stage.altered(ask, headers={"SOAPAction": _ANOTHER})
    demand(came.is_no and not came.is_named_no, "a fault of the client's: header and message differ", came)
    await stage.event(ask)


async def _in_gb18030(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    text = _DECLARED.sub("", _VALUE.sub(_legible, stage.written(ask).decode()))
    came = await stage.altered(
        ask,
        raw=f'<?xml version="1.0" encoding="GB18030"?>{text}'.encode("gb18030"),
        headers={"Content-Type": "text/xml; charset=GB18030"},
    )
    demand(came.event, ask.operation.command.answer.name, came)


def _legible(value: re.Match[str]) -> str:
    """What was URL-encoded, as it is written in the document; what means something to XML stays as it was."""
    plain = unquote_plus(value[0])
    return value[0] if set(plain) & set("<>&]%+") else plain


def _with_names(adapter: Adapter, operation: Operation) -> bool:
    return in_soap(adapter, operation) and bool(personal(operation))


ROWS: Final = (
    Property(
        "gb18030",
        "encodings",
        Words("以 GB18030 书写的报文，同样受理", "a message in GB18030 is taken as well"),
        Words(
            "整份报文以 GB18030 直接书写汉字并如此声明，与 UTF-8 同样受理",
            "a message that is in GB18030 as a whole, and says so, is taken as one in UTF-8",
        ),
        Words(
            "按 Content-Type 与 XML 声明的编码解析，不可一律当作 UTF-8",
            "decode as Content-Type and XML declaration say, not always as UTF-8",
        ),
        _with_names,
        _in_gb18030,
        once=True,
    ),
    Property(
        "no-fault",
        "fixtures",
        Words("业务答复不用 Fault", "no fault where an answer is due"),
        Words(
            "办结与业务拒绝都以带结果代码的文档答复；Fault 只用于无法理解的报文",
            "success and refusal are documents with a code; a fault is for messages that nobody understands",
        ),
        Words(
            "捕获业务异常并写成结果代码，不可让框架变成 Fault",
            "catch refusals of the business and write their codes, lest a framework make faults of them",
        ),
        in_soap,
        _no_fault,
        once=True,
    ),
    Property(
        "soap-action",
        "security",
        Words("SOAPAction 与报文不符，拒绝", "a SOAPAction that differs from the message is refused"),
        Words(
            "SOAPAction 写明另一操作的报文须以 Fault 拒绝，不办理",
            "a message whose SOAPAction names another operation is refused by a fault, and nothing is done",
        ),
        Words(
            "以报文体决定操作，并核对 SOAPAction 为空或与之相同",
            "let the body decide, and check that SOAPAction is empty or says the same",
        ),
        in_soap,
        _another_action,
        once=True,
    ),
)
