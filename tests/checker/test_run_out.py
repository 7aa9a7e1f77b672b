"""A reservation ends by itself while a case is held: what the case says of it is old, and not false."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.checker import check
from tests.checker.synthetic import NOW, Scene, scene

_LATER = NOW + timedelta(days=30)


def _held() -> Scene:
    """A case that waits for a person, with a plate that the police let go weeks ago."""
    made = scene(("cash",))
    kept = {"invoice.request", "tax.declare", "tax.pay", "insurance.bind", "plate.reserve"}
    made.ledger = [line for line in made.ledger if line["operation"] in kept]
    plate = {"name": "plate", "state": "RESERVED", "hold": "dead", "code": None, "until": None, "owner": "police-desk"}
    made.case().update(headline="MANUAL", owner="police-desk", closed_at=None, facets=[plate])
    return made


@pytest.mark.parametrize(("done", "claimed"), [(True, []), (False, ["plate.reserve"])], ids=["run out", "never done"])
def test_a_plate_that_has_run_out_was_reserved(tmp_path: Path, *, done: bool, claimed: list[str]) -> None:
    """The claim is a finding only where the police never reserved one."""
    made = _held()
    if not done:
        made.ledger.remove(made.effect("plate.reserve"))
    found = check(made.write(tmp_path), _LATER).findings
    assert [each.about for each in found if each.what == "claimed-without-effect"] == claimed
