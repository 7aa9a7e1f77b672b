"""Who may hold what: the rulebook's visibility (domain §4) once more, copied by hand and from no table of the code's.

Full sight is the only one that shows here: a mask leaves less than the shortest part that is looked for, a hash has a
key, and yes or no is nobody's number. A hash without a key, base64, or any other disguise is allowed nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from tests.canaries.forms import Canary, Form
from tests.canaries.people import BANK, INSURER, OTHER_INSURER

_PLAIN: Final[frozenset[Form]] = frozenset({"raw", "json", "bare", "grouped", "part"})
"""How those may write a value who may have it: part of it stands in the whole, too."""

_SIGHTS: Final = """
field            O M T I P B X C E
vin              ● ● ● ● ● ● ● ● ●
engine_no        ● ● ● ● ● ◐ . ● ●
motor_no         ● ● ● ● ● ◐ . ● ●
coc_no           ● ● ● ◐ ● . . . .
buyer_name       ● . ● ● ● ● . . .
buyer_id_no      ● . ● ● ● ● . . .
phone            ● . ◐ ● ● ● . . .
address          ● . ◐ ● ● ● . . .
plate_no         ● . . ● ● ● ◐ . .
reg_cert_no      ◐ . . ◐ ● ● ● . ●
loan_contract_no . . . . . ● . . .
loan_amount      . . . . . ● . . .
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
}
"""Which organisations have a part in a case. What was refused, contested or a stranger's is no case of anybody's."""

_CAR: Final = frozenset({"vin", "engine_no", "motor_no", "coc_no", "order_no"})
_PERSON: Final = frozenset({"buyer_name", "buyer_id_no", "phone", "address"})
_SALE: Final = _CAR | _PERSON | {"loan_amount", "reason"}
_ANSWERED: Final = frozenset({"loan_contract_no", "plate_no", "reg_cert_no", "mortgage_no"})
_GRANTEE: Final = frozenset({"grantee_name", "grantee_id_no"})
_ALL: Final = _SALE | _ANSWERED | _GRANTEE
_STORY: Final = frozenset({"vin", "order_no", "reason"})
"""What is told of a case to operators."""


class _Own(NamedTuple):
    """A place of the broker's own, and which fields may be there; of which cases, where not of all that are ours."""

    places: str
    fields: frozenset[str]
    cases: frozenset[str] | None = None
    only: frozenset[str] = frozenset()


_OURS: Final = frozenset(CONCERNED) | {"contested", "desk"}
_SUBMITTED: Final = frozenset({"kafka", "refused"})
_POISON: Final = frozenset({"poison"})
_POISONED: Final = (
    "sale.events",
    "case.events",
    "delivery.events",
    "tax.events",
    "police.commands",
    "telemetry.spans",
)
"""The topics on which strangers put their bytes."""

_OWN: Final = (
    # The door and the journey read what publishers say; dispatch carries it out.
    _Own("topic:sale.events:value:*", _SALE),
    _Own("kafka:sale.events", _SALE),
    _Own("database:intake", _SALE),
    _Own("database:journey", _ALL),
    _Own("database:dispatch", _ALL),
    # What a publisher produces is its own.
    _Own("topic:submit.byd:*", _SALE, _SUBMITTED),
    _Own("kafka:submit.byd", _SALE, _SUBMITTED),
    # The story of a case names the car, its order and what operators wrote, and no person.
    *(
        _Own(places, _STORY)
        for places in (
            "topic:case.events:value:*",
            "topic:delivery.events:value:*",
            "topic:*.dead:value:*",
            "kafka:case.events",
            "kafka:delivery.events",
            "kafka:*.dead",
            "database:console",
            "export:cases",
            "operator:*",
            "page:console",
            "typed:*",
        )
    ),
    # Publishers' own files: the VIN that they published themselves.
    _Own("history:*", frozenset({"vin", "order_no"})),
    # The test's own knobs name cars.
    _Own("knobs", frozenset({"vin"})),
    # Strangers' bytes lie where they were put, and in quarantine, raw.
    *(_Own(f"{kind}:{name}{part}", _ALL, _POISON) for name in _POISONED for kind, part in (("topic", ":*"), ("kafka", ""))),
    *(_Own(f"{kind}:{name}.poison{part}", _ALL, _POISON) for name in _POISONED for kind, part in (("topic", ":value:*"), ("kafka", ""))),
)


def is_allowed(place: str, canary: Canary, form: Form) -> bool:
    """Whether this may be there, in this form."""
    return form in _PLAIN and (_may_own(place, canary) or _may_party(place, canary))


def _may_own(place: str, canary: Canary) -> bool:
    return any(
        canary.field in own.fields and canary.case in (own.cases or _OURS) and fnmatchcase(place, own.places)
        for own in _OWN
    )


def _may_party(place: str, canary: Canary) -> bool:
    return any(
        organisation in CONCERNED.get(canary.case, frozenset()) and _sees(organisation, operation, canary.field)
        for organisation, operation in _holders(place)
    )


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
