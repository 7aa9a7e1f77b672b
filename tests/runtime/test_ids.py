"""Message ids."""

from __future__ import annotations

import uuid

from services.runtime.ids import new_id


def test_ids_are_version_7_and_sort_by_time() -> None:
    """RFC 9562: version and variant bits, and the millisecond in front."""
    ids = [new_id() for _ in range(100)]
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert {uuid.UUID(one).variant for one in ids} == {uuid.RFC_4122}
    assert len(set(ids)) == len(ids)
    assert ids[0][:13] <= ids[-1][:13]
