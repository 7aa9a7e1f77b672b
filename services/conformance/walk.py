"""What must have happened before an agency can do what it is asked: the process, as rows.

By the commands' names, so that an agency that nobody knows yet needs no row of its own. Two things are nobody's
command: the maker uploads the certificate, and the borrower pays back.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

UPLOADED: Final = "coc.uploaded"
"""The maker's plant told MIIT the car's certificate."""
PAID_BACK: Final = "loan.settled"
"""The borrower paid the loan back at the bank."""

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    UPLOADED: (),
    "coc.query": (UPLOADED,),
    "invoice.request": (UPLOADED,),
    "invoice.reverse": ("invoice.request",),
    "tax.declare": ("invoice.request",),
    "tax.pay": ("tax.declare",),
    "tax.reclaim": ("tax.pay",),
    "insurance.quote": ("invoice.request",),
    "insurance.bind": ("insurance.quote",),
    "insurance.endorse": ("insurance.bind", "registration.register"),
    "insurance.cancel": ("insurance.bind",),
    "loan.apply": ("invoice.request",),
    "loan.withdraw": ("loan.apply",),
    PAID_BACK: ("loan.apply",),
    "plate.reserve": (),
    "plate.release": ("plate.reserve",),
    "registration.register": ("coc.query", "tax.pay", "insurance.bind", "plate.reserve"),
    "registration.deregister": ("registration.register",),
    "mortgage.cosign": ("loan.apply", "registration.register"),
    "mortgage.register": ("mortgage.cosign",),
    "mortgage.release": ("mortgage.register", PAID_BACK),
    "elicence.issue": ("registration.register",),
    "elicence.grant": ("elicence.issue",),
    "elicence.verify": ("elicence.grant",),
    "elicence.revoke": ("elicence.issue",),
    "plate.dispatch": ("registration.register",),
    "plate.track": ("plate.dispatch",),
    "export.qualify": (),
    "licence.apply": ("export.qualify",),
    "export.declare": ("licence.apply",),
    "export.track": ("export.declare",),
}

_ENDS: Final[Mapping[str, str]] = {
    PAID_BACK: "loan.apply",
    "loan.withdraw": "loan.apply",
    "invoice.reverse": "invoice.request",
    "insurance.cancel": "insurance.bind",
    "plate.release": "plate.reserve",
    "registration.deregister": "registration.register",
    "mortgage.release": "mortgage.register",
    "elicence.revoke": "elicence.issue",
}
"""What a step puts an end to."""


def untimely(steps: Sequence[str], own: Container[str]) -> str | None:
    """The step of others that cannot be told of beforehand: it ends what an agency's own step before it rests on."""
    for place, step in enumerate(steps):
        ended = _ENDS.get(step) if step not in own else None
        if ended is not None and any(ended in before(other) for other in steps[:place] if other in own):
            return step
    return None


def before(command: str, without: Iterable[str] = (), after: Iterable[str] = ()) -> list[str]:
    """The steps before a command, in order. What is left out takes with it all that rests on it."""
    missing, walked = frozenset(without), dict[str, None]()
    for step in (*NEEDS[command], *after):
        walked.update(dict.fromkeys(_to(step, missing)))
    return list(walked)


def _to(step: str, missing: frozenset[str]) -> Iterator[str]:
    """The way to a step with the step itself; nothing if anything of it is missing."""
    if not _is_there(step, missing):
        # What does not rest on the missing one happens all the same.
        for need in NEEDS[step]:
            yield from _to(need, missing)
        return
    for need in NEEDS[step]:
        yield from _to(need, missing)
    yield step


def _is_there(step: str, missing: frozenset[str]) -> bool:
    return step not in missing and all(_is_there(need, missing) for need in NEEDS[step])
