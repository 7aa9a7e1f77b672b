"""Our top-level packages have plain names: nobody else may bring one of the same name."""

from __future__ import annotations

import importlib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]

every_package = pytest.mark.parametrize("name", ["contracts", "adapters", "services", "observability"])


@every_package
def test_no_other_distribution_brings_a_package_of_our_name(name: str) -> None:
    """Two of one name would hide each other, by the order of a search path."""
    assert set(packages_distributions().get(name, [])) <= {"tongche"}


@every_package
def test_a_package_of_ours_is_this_checkouts(name: str) -> None:
    """What the tests import is what stands beside them."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).resolve().is_relative_to(HERE / name)
