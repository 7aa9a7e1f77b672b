"""Whether an error of the database is an outage, which passes, or a mistake of ours, which waiting would not mend.

Both drivers use their classes of exceptions for either, so what the database itself says decides.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy import exc

_CLASSES: Final = frozenset({"08", "28", "40", "53", "57", "58", "F0", "XX"})
"""Of PostgreSQL's codes: connection, login, rolled back, resources, intervention, system, configuration, corruption."""
_STATES: Final = frozenset({"25006", "25P03", "25P04", "3D000", "42501", "55006", "55P03", "72000"})
"""Read-only, idle or in a transaction for too long, no such database, no right, in use, locked, snapshot too old."""
_CONFLICTS: Final = frozenset({"40001", "40P01"})
_SQLITE_MISTAKES: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
)
_PRIMARY: Final = 0xFF
"""SQLite's codes say more in their higher bits."""


def outage(error: BaseException) -> str | None:
    """What is the matter with the database, in a word; None where the error says nothing of its state."""
    if isinstance(error, exc.TimeoutError):
        return "NoConnectionFree"
    if isinstance(error, exc.DBAPIError) and _is_outage(error):
        return type(error.orig).__name__
    return None


def conflict(error: BaseException) -> bool:
    """Whether the transaction met another one half way, each with what the other needs."""
    return isinstance(error, exc.DBAPIError) and _state(error) in _CONFLICTS


def _is_outage(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if (state := _state(error)) is not None:
        return state in _STATES or state[:2] in _CLASSES
    if (code := getattr(error.orig, "sqlite_errorcode", None)) is not None:
        return code & _PRIMARY not in _SQLITE_MISTAKES
    # What a driver finds out by itself has no code; this class says that it could not connect, or lost touch.
    return isinstance(error, exc.OperationalError)


def _state(error: exc.DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state
