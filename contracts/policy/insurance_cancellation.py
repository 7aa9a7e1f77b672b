"""When a compulsory policy may be ended (交强险合同解除): the holder may not simply change their mind (CTPL 16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .params import InsuranceCancellationParams
from .policies import Policies


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Whether a ground is one of the law's, or `insurers` to judge, by which pack."""

    allowed: bool
    insurers: bool
    pack: str


def cancellation(policies: Policies, ground: str, start_date: date, *, registered: bool) -> Cancellation:
    """Whether a policy that began on a day may be ended on this ground; before registration that is the insurer's rule.

    Raises PolicyGap where no pack covers the start of the cover.
    """
    pack = policies.pack_for("insurance-cancellation", start_date, kind="new-car")
    rules = pack.params_as(InsuranceCancellationParams)
    if not registered:
        return Cancellation(allowed=True, insurers=rules.before_registration == "insurer", pack=pack.id)
    return Cancellation(allowed=ground in rules.after_registration, insurers=False, pack=pack.id)
