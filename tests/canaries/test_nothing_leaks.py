"""Marked personal values go through everything that can happen, and are found nowhere but where the rulebook has them."""

from __future__ import annotations

import pytest

from tests.canaries.allowed import is_allowed
from tests.canaries.conftest import Aftermath

pytestmark = pytest.mark.timeout(300)


def test_no_canary_is_where_it_may_not_be(aftermath: Aftermath) -> None:
    """Each hit outside the matrix is told by place, case, field and form; never by its value."""
    outside = {
        f"{place}: {found.canary.field} of {found.canary.case}, {found.form}"
        for place, found in aftermath.found
        if not is_allowed(place, *found)
    }
    assert sorted(outside) == []
