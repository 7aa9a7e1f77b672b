"""While an adapter cannot be loaded nothing begins that would need it, and a person is told where to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.organisations import UNFIT
from adapters.unfit import Unfit
from services.dispatch import service
from services.runtime.face import Runtime
from services.stack import doctor, lifecycle
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

WRONG = Unfit("newcomer/mapping.py:12", "SyntaxError: invalid syntax")


@pytest.fixture(autouse=True)
def _one_is_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UNFIT, "newcomer", WRONG)


def test_nothing_is_started(tmp_path: Path) -> None:
    """Before anything is written or fetched: commands to it would find nobody."""
    folder = DataFolder(tmp_path / "data")
    with pytest.raises(TroubleError, match=r"adapters/newcomer/mapping.py:12: SyntaxError"):
        lifecycle.prepare(folder, lambda jars: pytest.fail(str(jars)), kafka=True)
    assert not folder.root.exists()


def test_the_check_up_names_it(tmp_path: Path) -> None:
    """With the verb that says more."""
    found = {one.check: one for one in doctor.examine(DataFolder(tmp_path / "data"))}["适配器 / adapters"]
    assert not found.ok
    assert (found.found, found.fix) == (str(WRONG), "tongche partner test newcomer")


def test_dispatch_does_not_run_without_it() -> None:
    """Also where nobody asked `up`: what comes for it stays on its topic."""
    with pytest.raises(LookupError, match="newcomer"):
        service.build(Runtime.__new__(Runtime))
