"""A view: what one grant lets its subscriber see of a message, worked out once; or why it may not be given (A403).

Deny by default: what is not asked for, not known, or not in the matrix is not there. A view works on a message's data
as JSON has it, in the pinned version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel

from ..envelope import SCHEMA_BASE
from ..fields import FIELDS, Sight, field_names, parts_of
from ..registry import CONTRACTS
from ..topics import SUBSCRIBABLE
from ..versions import Versions
from .facts import FREE_TEXT, is_anothers_word, may_know
from .losses import tellable
from .masks import MASKS, Form, Unfit, hashed, plain, yes_no
from .subscriber import Grant, Subscriber

CODE: Final = "A403"
_SEALED_GRADES: Final = frozenset({"G3", "G4"})

Why = Literal[
    "unknown-contract",
    "not-subscribable",
    "unknown-version",
    "unknown-field",
    "denied",
    "free-text",
    "no-form",
    "no-key",
    "missing",
    "twice",
    "over-before-it-begins",
    "overlaps",
]
WORDS: Final[Mapping[Why, tuple[str, str]]] = {
    "unknown-contract": ("没有这个消息类型", "no such contract"),
    "not-subscribable": ("该消息类型不对外提供", "nobody can subscribe to this contract"),
    "unknown-version": ("该版本未发布", "this version was never published"),
    "unknown-field": ("该版本没有此字段", "this version has no such field"),
    "denied": ("可见性矩阵不允许该方查看", "the visibility matrix denies it to this party"),
    "free-text": ("自由文本可能含任何人的信息", "free text may hold anything about anybody"),
    "no-form": ("没有规定其遮盖形式", "nobody has said how it is masked"),
    "no-key": ("须加密传送，但订阅方未提供公钥", "it is only sent sealed, and the subscriber has no key"),
    "missing": ("必须填写", "it must be said"),
    "twice": ("重复", "it is there twice"),
    "over-before-it-begins": ("截止早于开始", "it would end before it begins"),
    "overlaps": (
        "同一订阅方同一消息的另一授权同时有效",
        "another grant of the same contract would be in force with it",
    ),
}


class Denial(NamedTuple):
    """One thing that stands against a grant: the field it is about, or the grant's own key, and why. Never a value."""

    field: str
    why: Why

    @property
    def zh(self) -> str:
        """For people."""
        return WORDS[self.why][0]

    @property
    def en(self) -> str:
        """For people."""
        return WORDS[self.why][1]


class NotEntitled(ValueError):
    """The grant is refused as a whole, for all these reasons."""

    def __init__(self, denials: tuple[Denial, ...]) -> None:
        super().__init__(f"{CODE} " + "; ".join(f"{denial.field}: {denial.en}" for denial in denials))
        self.denials = denials


def judge(subscriber: Subscriber, grant: Grant) -> tuple[Denial, ...]:
    """Everything that stands against a grant, at once; nothing where it may be given."""
    said = {"purpose": grant.purpose, "legal_basis": grant.legal_basis, "until": grant.until, "fields": grant.fields}
    found = [Denial(name, "missing") for name, value in said.items() if not value]
    if grant.since is not None and grant.until is not None and grant.since >= grant.until:
        found.append(Denial("until", "over-before-it-begins"))
    if any(_overlap(grant, other) for other in takewhile(lambda one: one.id != grant.id, subscriber.grants)):
        # A reader knows a message by its id: two views of one message would look to it like one that came twice.
        found.append(Denial("contract", "overlaps"))
    return (*found, *_against_fields(subscriber, grant))


def _overlap(one: Grant, other: Grant) -> bool:
    """Whether both would show the same messages at some moment; one without an end is refused anyway."""
    if one.contract != other.contract or one.until is None or other.until is None:
        return False
    return (one.since is None or one.since < other.until) and (other.since is None or other.since < one.until)


def _against_fields(subscriber: Subscriber, grant: Grant) -> Iterator[Denial]:
    versions = CONTRACTS.get(grant.contract)
    if versions is None:
        yield Denial("contract", "unknown-contract")
    elif not any(versions in carried for carried in SUBSCRIBABLE.values()):
        yield Denial("contract", "not-subscribable")
    elif not 1 <= grant.version <= versions.newest:
        yield Denial("version", "unknown-version")
    else:
        if not subscriber.topics_of(grant) or not may_know(subscriber.party, versions):
            yield Denial("contract", "denied")
        known = field_names(versions.model(grant.version))
        for place, name in enumerate(grant.fields):
            why = "twice" if name in grant.fields[:place] else _against(subscriber, versions, name, known)
            if why is not None:
                yield Denial(name, why)


def _against(subscriber: Subscriber, versions: Versions, name: str, known: frozenset[str]) -> Why | None:
    if name not in known or name not in FIELDS:
        return "unknown-field"
    if name in FREE_TEXT:
        return "free-text"
    if is_anothers_word(name, versions):
        return "denied"
    sight = FIELDS[name].seen_by(subscriber.party, versions.name)
    if sight == "denied":
        return "denied"
    if sight == "masked" and name not in MASKS:
        return "no-form"
    return "no-key" if is_sealed(name, sight) and subscriber.key is None else None


def is_sealed(name: str, sight: Sight) -> bool:
    """Whether a field is only sent encrypted for its recipient: G3 and G4, where they are seen in full."""
    return sight == "full" and FIELDS[name].grade in _SEALED_GRADES


class Shown(NamedTuple):
    """What is shown of one message: in clear, and sealed, in the same nesting; and which fields that were, as bits."""

    clear: dict[str, Any]
    sealed: dict[str, Any]
    seen: int


class _Step(NamedTuple):
    """One key of a message: a field and its form, or a group and the steps inside it."""

    key: str
    bit: int
    form: Form
    sealed: bool
    inside: tuple[_Step, ...] | None


@dataclass(frozen=True)
class View:
    """What one grant shows. Made by `view_of`, which sees to it that nothing is in it that may not be."""

    subscriber: Subscriber
    grant: Grant
    versions: Versions
    sights: Mapping[str, Sight]
    """Of each field that is asked for."""
    _steps: tuple[_Step, ...] = field(repr=False)

    @property
    def type(self) -> str:
        """The CloudEvents type of the version that was pinned."""
        return self.versions.type_of(self.grant.version)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of which it is a view."""
        return self.subscriber.topics_of(self.grant)

    @property
    def dataschema(self) -> str:
        """The name of this view's schema."""
        return f"{SCHEMA_BASE}to.{self.subscriber.name}.{self.type}"

    @cached_property
    def grade(self) -> str:
        """The class of the most sensitive field that is shown."""
        return max(FIELDS[name].grade for name in self.sights)

    def show(self, data: Mapping[str, Any]) -> Shown:
        """What may be seen of a message's data. Raises `Unfit` where a field holds what it cannot."""
        return _shown(self._steps, data)

    def fields_of(self, seen: int) -> tuple[str, ...]:
        """The names behind the bits of `Shown.seen`."""
        return tuple(name for place, name in enumerate(self.sights) if seen >> place & 1)

    def lost(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Of what a downcast lost that of which its grant asks for something: nobody is told of what is not theirs."""
        return tuple(name for name in names if name in self._tellable)

    @cached_property
    def _tellable(self) -> frozenset[str]:
        return tellable(self.subscriber.party, self.grant, self.versions)


def view_of(subscriber: Subscriber, grant: Grant, secret: bytes) -> View:
    """The view that a grant gives; `secret` keys this subscriber's hashes. Raises `NotEntitled`."""
    denials = judge(subscriber, grant)
    if denials:
        raise NotEntitled(denials)
    versions = CONTRACTS[grant.contract]
    sights = {name: FIELDS[name].seen_by(subscriber.party, grant.contract) for name in grant.fields}
    return View(subscriber, grant, versions, sights, _steps(versions.model(grant.version), sights, secret))


def _steps(model: type[BaseModel], sights: Mapping[str, Sight], secret: bytes) -> tuple[_Step, ...]:
    steps = []
    for name, info in model.model_fields.items():
        parts = parts_of(info.annotation)
        if parts:
            inside = tuple(step for part in parts for step in _steps(part, sights, secret))
            if inside:
                steps.append(_Step(name, 0, plain, False, inside))
        elif name in sights:
            bit = 1 << list(sights).index(name)
            steps.append(_Step(name, bit, _form(name, sights[name], secret), is_sealed(name, sights[name]), None))
    return tuple(steps)


def _form(name: str, sight: Sight, secret: bytes) -> Form:
    match sight:
        case "full":
            return plain
        case "masked":
            return MASKS[name]
        case "hashed":
            return hashed(secret, name)
        case "yes_no":
            return yes_no
        case "denied":
            raise NotEntitled((Denial(name, "denied"),))


def _shown(steps: tuple[_Step, ...], data: Mapping[str, Any]) -> Shown:
    clear: dict[str, Any] = {}
    sealed: dict[str, Any] = {}
    seen = 0
    for key, bit, form, is_secret, inside in steps:
        value = data.get(key)
        if value is None:
            continue
        if inside is not None:
            seen |= _group(key, inside, value, clear, sealed)
            continue
        try:
            told = [form(one) for one in value] if type(value) is list else form(value)
        except Unfit:
            raise Unfit(key) from None
        (sealed if is_secret else clear)[key] = told
        seen |= bit
    return Shown(clear, sealed, seen)


def _group(key: str, inside: tuple[_Step, ...], value: Any, clear: dict[str, Any], sealed: dict[str, Any]) -> int:
    """Put what may be seen of a group, or of each of a list of them, into both; gives back which fields that were."""
    many = type(value) is list
    members = value if many else [value]
    if not all(type(member) is dict for member in members):
        raise Unfit(key)
    shown = [_shown(inside, member) for member in members]
    for into, told in ((clear, [one.clear for one in shown]), (sealed, [one.sealed for one in shown])):
        if any(told):
            into[key] = told if many else told[0]
    seen = 0
    for one in shown:
        seen |= one.seen
    return seen
