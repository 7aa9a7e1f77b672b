"""Writing a folder of generated files: all of it or nothing, and never over what somebody else has put there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

MANIFEST: Final = "manifest.json"
"""Lists every file of an export with its digest; by it the next export knows what it may replace."""
_KIND: Final = "tongche-catalogue"
_NAMED: Final = 3
"""So many of the files that stand in the way are told."""


class ForeignFolderError(RuntimeError):
    """The folder holds something that no export wrote; `found` are a few of their names."""

    def __init__(self, folder: Path, found: list[str]) -> None:
        super().__init__(f"{folder}: {', '.join(found)}")
        self.folder = folder
        self.found = found


def replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Have exactly these files, and their manifest, in `folder`.

    Written beside it first and then put in its place, so that nobody ever meets half an export. Raises
    `ForeignFolderError` where the folder holds other files, and OSError where it cannot be written.
    """
    folder = folder.resolve()
    check(folder)
    new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        _write(new, {**files, MANIFEST: manifest(files)})
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        _put_back(folder, old)
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def manifest(files: Mapping[str, bytes]) -> bytes:
    """The list of an export's files; the same files give the same bytes."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    return json.dumps({"kind": _KIND, "files": digests}, indent=1).encode() + b"\n"


def _put_back(folder: Path, old: Path) -> None:
    """Nobody is left without the old export because the new one failed between the two renames."""
    if old.exists() and not folder.exists():
        old.rename(folder)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            message = f"{name} would lie outside the folder"
            raise ValueError(message)
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def check(folder: Path) -> None:
    """Raise `ForeignFolderError` where `replace` would."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ForeignFolderError(folder, [folder.name])
    known = {MANIFEST, *_listed(folder)}
    foreign = list(islice((name for name in _there(folder) if name not in known), _NAMED))
    if foreign:
        raise ForeignFolderError(folder, foreign)


def _there(folder: Path) -> Iterator[str]:
    """Every file below, in a fixed order, and only as far as somebody asks: it may be anybody's home."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted((*names, *links)):
            yield (Path(place) / name).relative_to(folder).as_posix()


def _listed(folder: Path) -> Mapping[str, Any]:
    """What the manifest lists; nothing where there is none of ours."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    is_ours = isinstance(told, dict) and told.get("kind") == _KIND and isinstance(told.get("files"), dict)
    return told["files"] if is_ours else {}
