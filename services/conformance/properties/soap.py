"""What SOAP adds: answers are documents with a code of their own and no faults; the header says what the body does."""

from __future__ import annotations

from typing import Final

from adapters.bindings import xml
from services.conformance.car import wrong_check
from services.conformance.case import Property
from services.conformance.client import Came
from services.conformance.stage import Stage, demand, replaced
from services.conformance.words import Words

from .which import in_soap

_FAULT: Final = "{http://schemas.xmlsoap.org/soap/envelope/}Fault"
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


ROWS: Final = (
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
