"""The publishers file: read again when it changes, and never trusted half."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.intake.publishers import Publishers, UnreadablePublishersError


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    # Two edits within one tick of the file system's clock must differ.
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def test_a_change_takes_effect_at_once(house: Any, event: dict[str, Any]) -> None:
    """A publisher that a person removes is out with its next request."""
    assert house.publish(event).status == 202
    edit(house.folder / "publishers.toml", lambda text: text[text.index("[[publishers]]", 1) :])
    assert house.publish(event).status == 401


@pytest.mark.parametrize("broken", ["[[publishers]]\nname =", "", 'publishers = [{name="x"}]', "x = 1"])
def test_a_broken_file_shuts_nobody_out_and_lets_nobody_in(house: Any, event: dict[str, Any], broken: str) -> None:
    """The last good one stays in force; a process that starts with a broken one says so."""
    path = house.folder / "publishers.toml"
    edit(path, lambda _: broken)
    assert house.publish(event).status == 202
    assert house.publish(event, publisher=None, Authorization="Bearer x").status == 401
    with pytest.raises(UnreadablePublishersError):
        Publishers(path)


def test_two_publishers_never_share_a_token(house: Any) -> None:
    """Whose it is must be certain."""
    path = house.folder / "publishers.toml"
    first = path.read_text(encoding="utf-8").split("[[publishers]]")[1]
    edit(
        path,
        lambda text: text + "\n[[publishers]]" + first.replace('"platform"', '"twin"').replace(":platform", ":twin"),
    )
    with pytest.raises(UnreadablePublishersError, match="token_sha256"):
        Publishers(path)
