"""Whole installations on real processes and a real Kafka. Starting one takes ten seconds, so tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.road.installation import NAMED_BY_THE_MACHINE, SAMPLES, OwnInstallation, Typed

CLOSED_WITHIN_S = 300


@contextmanager
def _up(root: Path) -> Iterator[OwnInstallation]:
    installation = OwnInstallation(root)
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TONGCHE_") and name not in NAMED_BY_THE_MACHINE:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnInstallation]:
    """One that all share who break nothing in it."""
    with _up(tmp_path_factory.mktemp("road") / "data") as installation:
        yield installation


@pytest.fixture
def installation_of_its_own(tmp_path: Path) -> Iterator[OwnInstallation]:
    """One to break."""
    with _up(tmp_path / "data") as installation:
        yield installation


@pytest.fixture(scope="session")
def samples(installation: OwnInstallation) -> Typed:
    """What `sale publish` said about the 400 sales, once every one of them is closed."""
    before = installation.cases()["closed"]
    typed = installation.type_in("sale", "publish", str(SAMPLES / "sales.csv"), "--dated", "today")
    installation.until_closed(before + 400, CLOSED_WITHIN_S)
    return typed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed shows the logs of its installation."""
    report = yield
    used = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, OwnInstallation)]
    if report.failed:
        report.sections += [(f"logs of {installation.root}", installation.tails()) for installation in used]
    return report
