"""Message ids."""

from __future__ import annotations

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.runtime.ids import new_id

ROOT = Path(__file__).parents[2]


def test_ids_are_version_7_and_sort_by_time() -> None:
    """RFC 9562: version and variant bits, and the millisecond in front."""
    ids = [new_id() for _ in range(100)]
    assert {uuid.UUID(one).version for one in ids} == {7}
    assert {uuid.UUID(one).variant for one in ids} == {uuid.RFC_4122}
    assert len(set(ids)) == len(ids)
    assert ids[0][:13] <= ids[-1][:13]


def test_threads_never_mint_the_same() -> None:
    """However they interleave."""
    with ThreadPoolExecutor(4) as threads:
        minted = [id_ for ids in threads.map(lambda _: [new_id() for _ in range(2_000)], range(4)) for id_ in ids]
    assert len(set(minted)) == len(minted)


def test_a_forked_child_does_not_mint_its_parents_ids() -> None:
    """What was drawn in advance is the parent's alone."""
    script = """
import os
from services.runtime.ids import new_id
new_id()
if child := os.fork():
    os.waitpid(child, 0)
print("".join(new_id()[19:] for _ in range(20)))
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    theirs, ours = ({line[at : at + 17] for at in range(0, len(line), 17)} for line in told.split())
    assert len(theirs) == len(ours) == 20
    assert theirs.isdisjoint(ours)
