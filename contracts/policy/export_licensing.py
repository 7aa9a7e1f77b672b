"""Whether a car needs a licence to be exported (出口许可)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ..numbers import hs
from .params import NewBevLicenceParams
from .policies import Policies, PolicyGap

Condition = Literal["new", "used"]


@dataclass(frozen=True, slots=True)
class LicenceNeed:
    """The answer, with the id of the pack that gave it."""

    required: bool
    pack: str


def licence_required(
    policies: Policies, hs_code: str, application_date: date, condition: Condition = "new"
) -> LicenceNeed:
    """Whether customs will ask for a licence for this line.

    Every used car needs one. Of new cars the pack speaks only for battery-electric ones: a line of their heading that
    it does not list is a PolicyGap, a line of another heading is none of its business and needs none by it.
    """
    code = hs.validate(hs_code)
    if condition == "used":
        return LicenceNeed(
            required=True, pack=policies.pack_for("export-licence-used", application_date, kind="export-used").id
        )
    pack = policies.pack_for("export-licence-new", application_date, kind="export-new")
    rules = pack.params_as(NewBevLicenceParams)
    if code.startswith(rules.heading) and code not in rules.licensed + rules.free:
        raise PolicyGap("export-licence-new", application_date, "this line of the heading is not listed")
    return LicenceNeed(required=code in rules.licensed, pack=pack.id)
