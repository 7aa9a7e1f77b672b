"""Where agencies are judged."""

from __future__ import annotations

import pytest

from services.stack import credentials
from services.stack.data import DataFolder
from tests.conformance.town import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The simulated agencies, each time anew, with the keys of one installation."""
    home = DataFolder(tmp_path_factory.mktemp("conformance"))
    home.create()
    credentials.ensure(home)
    return Town(home)
