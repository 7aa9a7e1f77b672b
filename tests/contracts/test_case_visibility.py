"""What the journey asks of whom tells of a loan, or an export: it stands in a case's state and reaches no party."""

from __future__ import annotations

from typing import get_args

import pytest

from contracts.case import CASE_CHANGED, Asked
from contracts.fields import FIELDS, Party


@pytest.mark.parametrize("name", sorted(Asked.model_fields))
def test_nobody_sees_what_was_asked_of_whom(name: str) -> None:
    """Not by a field of another contract that is called the same."""
    seen = {party: FIELDS[name].seen_by(party, CASE_CHANGED.name) for party in get_args(Party)}
    assert set(seen.values()) == {"denied"}
