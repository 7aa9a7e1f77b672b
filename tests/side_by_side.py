"""How two workers share the tests: a file after another, the longest first, and what is shared to one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

SHARING: Final = ("road/test_samples_close.py", "road/test_outage.py", "road/test_other_clients.py")
"""Files whose tests use one installation. In two workers there would be two of them, and each would close 400 sales.

The last one ends with the checker's verdict on what all of them did there.
"""
LONGEST: Final = (
    *SHARING,
    "simulation/test_seeds.py",
    "road/test_kill_nine.py",
    "scenarios/test_played.py",
    "chaos/test_short_run.py",
    "canaries/test_nothing_leaks.py",
    "stack/test_supervisor.py",
    "road/test_demo.py",
    "dispatch/test_misbehaviour.py",
    "dispatch/test_features.py",
    "dispatch/test_workers.py",
    "cli/test_up_down.py",
    "cli/test_case.py",
    "stack/test_run.py",
)
"""What takes longest, the longest first: a long file that comes last leaves the other worker idle."""
_HERE: Final = Path(__file__).parent


class Balanced(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker what is shared as if it were one file."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return SHARING[0] if file.endswith(SHARING) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Balanced | None:
    """Files, where they were asked for, in our order and not by their number of tests."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return Balanced(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    rank = {_HERE / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
