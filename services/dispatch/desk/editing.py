"""What a person may put in an agency's or the journey's place: other data for a command, or the answer to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.contract import Contract
from contracts.envelope import SCHEMA_BASE, Message, encode
from contracts.faults import faults_of
from contracts.registry import contract_of
from contracts.sale import Fault
from contracts.topics import COMMANDS
from services.dispatch.delivery import Delivery
from services.runtime.record import Record

FIXED: Final = frozenset({"vin"})
"""What no edit may change: another vehicle's command is another delivery, in another lane."""
_OTHER: Final = "V102"

Data = dict[str, Any]


class NotValid(Exception):
    """What a person gave is none of our messages; nothing was changed. Faults name fields, never values."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.reason}" for fault in faults))
        self.faults = faults


class Unchanged(Exception):
    """What a person wants said is what is said already."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a command should say instead: single fields, of which None takes one out, or all of it.

    `revision` is the one that the person saw, if they said so.
    """

    fields: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    revision: int | None = None

    def of(self, before: Data) -> Data:
        """The data with this change."""
        if self.data is not None:
            return dict(self.data)
        changed = before | dict(self.fields or {})
        return {name: value for name, value in changed.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Edition:
    """A command with other data under its old envelope, and what its data was before and is after."""

    record: Record
    before: Data
    after: Data


def edited(delivery: Delivery, change: Change) -> Edition:
    """The command as a person wants it. Raises `NotValid` with every fault at once, or `Unchanged`."""
    command = delivery.command
    before = content(command.data)
    wished = change.of(before)
    data, faults = faults_of(type(command.data), wished)
    moved = [name for name in sorted(FIXED) if wished.get(name) != before.get(name)]
    if data is None or moved:
        others = tuple(fault for fault in faults if fault.field not in moved)
        raise NotValid((*(Fault(code=_OTHER, field=name, reason="may-not-change") for name in moved), *others))
    after = content(data)
    if after == before:
        raise Unchanged
    return Edition(_record(delivery.record, command, data), before, after)


def answered(delivery: Delivery, raw: Mapping[str, Any]) -> Contract:
    """The answer that a person has from the agency. Raises `NotValid`, also where it is about another thing."""
    answer, faults = faults_of(COMMANDS[delivery.name].answer.models[-1], raw)
    if answer is None:
        raise NotValid(faults)
    asked = vars(delivery.command.data)
    other = [name for name in delivery.operation.echoes if getattr(answer, name) != asked[name]]
    if other:
        raise NotValid(tuple(Fault(code=_OTHER, field=name, reason="not-as-asked") for name in other))
    return answer


def content(data: Contract) -> Data:
    """A message's data as JSON has it."""
    found: Data = json.loads(data.model_dump_json(exclude_none=True))
    return found


def _record(old: Record, command: Message[Contract], data: Contract) -> Record:
    """The same record with other data; ids, times and causes stay, and so do headers that are none of ours."""
    type_ = contract_of(data)[0].type_of()
    envelope = command.envelope._replace(type=type_, dataschema=SCHEMA_BASE + type_)
    headers, value = encode(Message(envelope, data))
    names = {name for name, _ in headers}
    foreign = tuple(header for header in old.headers if header[0] not in names)
    return old._replace(headers=headers + foreign, value=value)
