"""An export is there as a whole or not at all, and never over somebody's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.catalogue import folder
from services.catalogue.folder import MANIFEST, ForeignFolderError, replace

FILES = {"index.html": b"1", "schemas/a/v1.json": b"2"}


def _there(place: Path) -> dict[str, bytes]:
    return {file.relative_to(place).as_posix(): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def test_it_writes_exactly_these_files(tmp_path: Path) -> None:
    """And their list; into a folder that is not there, or is empty."""
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "deep" / "new", tmp_path / "empty"):
        replace(place, FILES)
        assert set(_there(place)) == {*FILES, MANIFEST}
    assert _there(tmp_path / "empty") == _there(tmp_path / "deep" / "new")


def test_an_export_is_replaced_by_the_next(tmp_path: Path) -> None:
    """What the new one no longer has is gone; nothing is left beside it."""
    replace(tmp_path / "out", FILES)
    replace(tmp_path / "out", {"index.html": b"3"})
    assert _there(tmp_path / "out").keys() == {"index.html", MANIFEST}
    assert [place.name for place in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["mine.txt", "schemas/mine.txt", ".hidden"])
def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    """Whether an export stands beside it or not; the error names the file."""
    place = tmp_path / "out"
    replace(place, FILES)
    (place / name).write_text("mine", encoding="utf-8")
    before = _there(place)
    with pytest.raises(ForeignFolderError, match=name):
        replace(place, {"index.html": b"3"})
    assert _there(place) == before


def test_a_list_that_is_not_ours_vouches_for_nothing(tmp_path: Path) -> None:
    """Somebody else's manifest.json is a foreign folder too."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / MANIFEST).write_text('{"name": "somebody\'s web application"}', encoding="utf-8")
    (tmp_path / "site" / "index.html").write_text("theirs", encoding="utf-8")
    with pytest.raises(ForeignFolderError):
        replace(tmp_path / "site", FILES)


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    """It is not a folder at all."""
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(ForeignFolderError):
        replace(tmp_path / "out", FILES)


def test_an_export_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the moment between the two renames."""
    place = tmp_path / "out"
    replace(place, FILES)
    before = _there(place)
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        """The new folder cannot be put into its place."""
        if self.name.endswith(".new"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="No space"):
        replace(place, {"index.html": b"3"})
    assert _there(place) == before
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    """A name that leads out of the folder is an error of ours."""
    with pytest.raises(ValueError, match="outside"):
        replace(tmp_path / "out", {name: b""})
    assert list(tmp_path.iterdir()) == []


def test_the_same_files_have_the_same_list() -> None:
    """Whatever order they came in."""
    assert folder.manifest(FILES) == folder.manifest(dict(reversed(FILES.items())))
