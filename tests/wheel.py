"""The partner's wheel, built and installed as the documents say, without a network and leaving nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
WITHIN_S: Final = 120


def built(into: Path) -> Path:
    """Build it into a folder."""
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(into), str(ROOT / "contracts"))
    (wheel,) = into.glob("*.whl")
    return wheel


def installed(wheel: Path, into: Path) -> Path:
    """Install it, and nothing that it depends on, into a folder."""
    _pip("install", "--no-compile", "--target", str(into), str(wheel))
    return into


def _pip(verb: str, *words: str) -> None:
    command = [sys.executable, "-m", "pip", verb, "--quiet", "--no-deps", "--no-index", *words]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(command, env=environment, timeout=WITHIN_S, check=True)
