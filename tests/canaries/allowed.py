"""Who may hold what: the rulebook's visibility (domain §4) once more, copied by hand and from no table of the code's.

Full sight is the only one that shows here: a mask leaves less than the shortest part that is looked for, a hash has a
key, and yes or no is nobody's number. A hash without a key, base64, or any other disguise is allowed nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from tests.canaries.forms import ANYBODY, Canary, Form
from tests.canaries.people import BANK, INSURER, OTHER_INSURER

_PLAIN: Final[frozenset[Form]] = frozenset({"raw", "json", "bare", "grouped", "part"})
"""How those may write a value who may have it: part of it stands in the whole, too."""
_KEPT: Final[frozenset[Form]] = _PLAIN | {"base64"}
"""Our own databases keep messages that are to be sent again as bytes in JSON."""

_SIGHTS: Final = """
field            O M T I P B X C E
vin              ● ● ● ● ● ● ● ● ●
engine_no        ● ● ● ● ● ◐ . ● ●
motor_no         ● ● ● ● ● ◐ . ● ●
coc_no           ● ● ● ◐ ● . . . .
buyer_name       ● . ● ● ● ● . . .
buyer_id_type    ● . ● ● ● ● . . .
buyer_id_no      ● . ● ● ● ● . . .
phone            ● . ◐ ● ● ● . . .
address          ● . ◐ ● ● ● . . .
plate_no         ● . . ● ● ● ◐ . .
plate_kind       ● . . ● ● ● ◐ . .
reg_cert_no      ◐ . . ◐ ● ● ● . ●
loan_contract_no . . . . . ● . . .
loan_amount      . . . . . ● . . .
decision         . . . . . ● . . .
mortgage_no      ◐ . . ◐ ● ● ◐ ◐ ◐
grantee_name     . . . . ● . . . .
grantee_id_no    . . . . ● . . . .
"""
"""Rulebook §4. Order number, reasons and what nobody knows have no row: they are nobody's but their writer's. The
police get the loan contract's number inside the mortgage application alone."""
_ONLY_IN: Final = {("P", "loan_contract_no"): "mortgage.register"}
_PARTY: Final = {"miit": "M", "tax": "T", "insurer": "I", "police": "P", "bank": "B", "commerce": "X", "customs": "C"}

_AT_HOME: Final = frozenset({"miit", "tax", "police", f"insurer-{INSURER}"})
_FINANCED: Final = _AT_HOME | {f"bank-{BANK}"}
CONCERNED: Final[dict[str, frozenset[str]]] = {
    "loan": _FINANCED,
    "file": _FINANCED,
    "declined": _FINANCED,
    "declined-to": _FINANCED,
    "corrected": _AT_HOME,
    "corrected-to": _AT_HOME,
    "cancelled": _AT_HOME,
    "returned": _AT_HOME,
    "dead": _AT_HOME,
    "latest": _AT_HOME,
    "kafka": frozenset({"miit", "tax", "police", f"insurer-{OTHER_INSURER}"}),
    "abroad": frozenset({"miit", "commerce", "customs"}),
    "grantee": frozenset({"police"}),
    ANYBODY: _FINANCED | {f"insurer-{OTHER_INSURER}"},
}
"""Which organisations have a part in a case. What was refused, contested or a stranger's is no case of anybody's."""

_CAR: Final = frozenset({"vin", "engine_no", "motor_no", "coc_no", "order_no"})
_PERSON: Final = frozenset({"buyer_name", "buyer_id_type", "buyer_id_no", "phone", "address"})
_SALE: Final = _CAR | _PERSON | {"loan_amount", "reason"}
_ANSWERED: Final = frozenset({"loan_contract_no", "plate_no", "reg_cert_no", "mortgage_no"})
_GRANTEE: Final = frozenset({"grantee_name", "grantee_id_no"})
_KINDS: Final = frozenset({"buyer_id_type", "plate_kind", "decision"})
_ALL: Final = _SALE | _ANSWERED | _GRANTEE | _KINDS
_STORY: Final = frozenset({"vin", "order_no", "reason"})
"""What is told of a case to operators."""


_OURS: Final = frozenset(CONCERNED) | {"contested", "desk"}
_POISONED: Final = ("sale.events", "case.events", "delivery.events", "tax.events", "police.commands", "telemetry.spans")
"""The topics on which strangers put their bytes."""


class _Subscriber(NamedTuple):
    """A party's letter, whose cars it may hear of, and what it wrote itself and so may have again."""

    party: str
    cases: frozenset[str]
    also: frozenset[str] = frozenset()


_HOME: Final = frozenset(CONCERNED) - {"abroad", "grantee"}
SUBSCRIBERS: Final = {
    "automaker-data": _Subscriber("O", frozenset(CONCERNED) | {"contested"}, frozenset({"order_no"})),
    "tax-office": _Subscriber("T", frozenset(CONCERNED) | {"contested"}),
    "insurer-one": _Subscriber("I", (_HOME - {"kafka"}) | {"contested"}),
    "shanghai-police": _Subscriber("P", frozenset({"latest"})),
    "bank-one": _Subscriber("B", frozenset({"loan", "file", "declined", "declined-to"})),
    "export-desk": _Subscriber("E", frozenset({"abroad"})),
}
"""Who subscribes, by the file that every installation begins with. Of two more one asks for too much and the other's
time is over: they hear of no car."""


class _Own(NamedTuple):
    """A place of the broker's own or of a publisher, and which fields of which cases may be there, written how."""

    place: str
    fields: frozenset[str]
    cases: frozenset[str] = _OURS
    forms: frozenset[Form] = _PLAIN


def _on(topic: str, fields: frozenset[str], cases: frozenset[str] = _OURS) -> tuple[_Own, _Own]:
    """In the values of a topic, and so in Kafka's files of it."""
    return _Own(f"topic:{topic}:value:*", fields, cases), _Own(f"kafka:{topic}", fields, cases)


_SUBMITTED: Final = frozenset({"kafka", "refused", ANYBODY})
_REFUSED: Final = frozenset({"refused"})
_POISON: Final = frozenset({"poison", ANYBODY})
_ID: Final = frozenset({"source_id"})
_OWN: Final = (
    # The door and the journey read what publishers say; dispatch carries it out.
    *_on("sale.events", _SALE),
    _Own("database:intake", _SALE, forms=_KEPT),
    _Own("database:journey", _ALL, forms=_KEPT),
    _Own("database:journey", _STORY, _POISON),
    _Own("database:dispatch", _ALL, _OURS | _POISON, _KEPT),
    # A sale of a file is known by its order's number, which is the publisher's own id of it.
    _Own("topic:sale.events:headers", frozenset({"order_no"}), frozenset({"file"})),
    # What a publisher says is its own, and so is the id by which it calls it.
    _Own("topic:submit.byd:*", _ALL | _ID, _SUBMITTED),
    _Own("kafka:submit.byd", _ALL | _ID, _SUBMITTED),
    _Own("topic:refused.byd:*", _ID, _REFUSED),
    _Own("kafka:refused.byd", _ID, _REFUSED),
    _Own("database:intake", _ID, _REFUSED, _KEPT),
    # Its own car is told to it, its order, and which columns of its file nobody knows.
    *_on("refused.platform", frozenset({"vin", "order_no"}), frozenset({"loan"})),
    _Own("door:platform", frozenset({"order_no"}), _OURS - {"contested", "kafka"}),
    _Own("door:byd", frozenset({"order_no"}), frozenset({"contested", "kafka"})),
    _Own("door:platform", frozenset({"vin", "unknown"}), _REFUSED),
    _Own("typed:sale publish", frozenset({"unknown"}), _REFUSED),
    _Own("history:*", frozenset({"vin", "order_no"})),
    # The story of a case names the car, its order and what operators wrote, and no person.
    *_on("case.events", _STORY),
    *_on("delivery.events", _STORY, _OURS | _POISON),
    *_on("*.dead", _STORY, _OURS | _POISON),
    _Own("database:console", _STORY, _OURS | _POISON),
    _Own("export:cases", _STORY),
    _Own("operator:*", _STORY, _OURS | _POISON),
    _Own("page:console", _STORY, _OURS | _POISON),
    _Own("typed:*", _STORY, _OURS | _POISON),
    # Who was shown what, and why a grant was taken back.
    _Own("database:projection", frozenset({"reason"})),
    _Own("file:evidence/grants.jsonl", frozenset({"reason"})),
    # An operator who says why is shown a command whole.
    _Own("operator:dispatch:reveal", _ALL),
    # Descriptions have examples, which are nobody's.
    _Own("export:contracts", _KINDS, frozenset({ANYBODY})),
    # The test's own knobs name cars.
    _Own("knobs", frozenset({"vin"})),
    # Strangers' bytes lie where they were put and in quarantine, headers and all.
    *(
        _Own(place, _ALL, _POISON)
        for name in _POISONED
        for topic in (name, f"{name}.poison")
        for place in (f"topic:{topic}:headers", f"topic:{topic}:value:*", f"kafka:{topic}")
    ),
)


def is_allowed(place: str, canary: Canary, form: Form) -> bool:
    """Whether this may be there, in this form."""
    if any(_has(own, place, canary, form) for own in _OWN):
        return True
    return form in _PLAIN and (_may_party(place, canary) or _may_subscriber(place, canary))


def _has(own: _Own, place: str, canary: Canary, form: Form) -> bool:
    return (
        canary.field in own.fields and canary.case in own.cases and form in own.forms and fnmatchcase(place, own.place)
    )


def _may_party(place: str, canary: Canary) -> bool:
    return any(
        organisation in CONCERNED.get(canary.case, frozenset()) and _sees(organisation, operation, canary.field)
        for organisation, operation in _holders(place)
    )


def _may_subscriber(place: str, canary: Canary) -> bool:
    """On its own topic what is graded G1 or G2; what is graded higher only where it was sealed for it alone."""
    kind, _, rest = place.partition(":")
    name, _, part = rest.partition(":")
    if kind == "sealed":
        subscriber = SUBSCRIBERS.get(name)
    elif name.startswith("to.") and canary.field in _CAR and (kind == "kafka" or part.startswith("value:")):
        subscriber = next((SUBSCRIBERS[one] for one in SUBSCRIBERS if name.startswith(f"to.{one}.")), None)
    else:
        return False
    if subscriber is None or canary.case not in subscriber.cases | {ANYBODY}:
        return False
    return canary.field in subscriber.also or _sight(canary.field, subscriber.party) == "●"


def _holders(place: str) -> Iterator[tuple[str, str]]:
    """Whose a place is, where it is an agency's; by which operation, where that is known."""
    kind, _, rest = place.partition(":")
    name, _, part = rest.partition(":")
    match kind:
        case "agency":
            yield name, part
        case "kafka":
            yield from ((owner, "*") for owner in _owners(name))
        case "topic" if part.startswith("value:"):
            yield from ((owner, part.removeprefix("value:")) for owner in _owners(name))


def _owners(topic: str) -> Iterator[str]:
    """Whose words a topic carries, or to whom."""
    owner, _, sort = topic.rpartition(".")
    if sort == "commands":
        yield owner
    elif sort == "events":
        everybody = frozenset[str]().union(*CONCERNED.values())
        yield from (one for one in everybody if one.partition("-")[0] == owner)


def _sees(organisation: str, operation: str, field: str) -> bool:
    party = _PARTY[organisation.partition("-")[0]]
    only = _ONLY_IN.get((party, field))
    if only is not None:
        return operation in {only, "*"}
    return _sight(field, party) == "●"


def _sight(field: str, party: str) -> str:
    head, *rows = (line.split() for line in _SIGHTS.strip().splitlines())
    row = next((row for row in rows if row[0] == field), None)
    return row[head.index(party)] if row else "."
