"""Makes this installation's secrets, once, in the volumes; what is there stays. Run by the service `init`."""

# ruff: noqa: INP001 - a script that a container runs, not a module
from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from services.stack import credentials
from services.stack.data import DataFolder

USER = "tongche"


def main(installation: Path, database: Path) -> None:
    """Secrets of ours into one folder, the database's password into another, which the database sees."""
    credentials.ensure(DataFolder(installation))
    password = database / "password"
    if not password.exists():
        _write(password, secrets.token_urlsafe(32))
    # libpq reads it by PGPASSFILE, so that no URL, and no environment, holds the password.
    _write(installation / "pgpass", f"*:*:*:{USER}:{password.read_text(encoding='ascii')}\n")


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    fresh = file.with_name(f".{file.name}.fresh")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
