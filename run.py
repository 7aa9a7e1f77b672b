#!/usr/bin/env python3
"""通车 Tongche, from a bare Python to a running system: `python3 run.py demo`, `python3 run.py test`, or any verb.

Standard library only, and nothing that Python 3.7 could not read far enough to say why it will not do. It makes
the environment from the lock file once, then hands over to `tongche VERB …` inside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OLDEST = (3, 11)
CHECKOUT = Path(__file__).resolve().parent
RUNTIME = CHECKOUT / "requirements.lock"
DEVELOPMENT = CHECKOUT / "requirements-dev.lock"
SPACE_MB = 1500
PLAIN_LINE_EVERY = 25

CHECKS = {
    "ruff": ("-m", "ruff", "check", "."),
    "mypy": ("-m", "mypy"),
    "imports": ("-c", "from importlinter.cli import lint_imports_command as check; check()"),
}

# Most tests wait for processes of their own; each worker has its own Kafka, so more than two would cost memory.
# One that is lost ends the run at once and by name: the scheduler would wait for ever for the one that replaced it.
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile", "--max-worker-restart", "0")

MORE_SPACE = f"free {SPACE_MB} MB, or TONGCHE_VENV=/larger/disk/venv python3 run.py …"
OTHER_PLACE = "TONGCHE_VENV=/folder/of/yours/venv python3 run.py …"
MIRROR = "PIP_INDEX_URL=<mirror> python3 run.py …"

# What pip says: what it means, and what a person can do about it.
CAUSES = (
    ("No space left on device", "磁盘已满", "the disk is full", MORE_SPACE),
    ("DO NOT MATCH THE HASHES", "下载内容与锁文件不符", "a download is not what the lock file says", MIRROR),
    ("Permission denied", "没有写权限", "no right to write there", OTHER_PLACE),
    ("onnection", "网络不可用", "the network cannot be reached", f"HTTPS_PROXY=<proxy>, or {MIRROR}"),
    (
        "No matching distribution",
        "软件源不可用或缺少所需的包",
        "no package index, or it lacks a package",
        MIRROR,
    ),
)


class Trouble(Exception):
    """What is wrong, in both languages, and what to type."""

    def __init__(self, zh: str, en: str, fix: str) -> None:
        super().__init__(f"{zh}\n{en}\n→ {fix}")


def main(arguments: Sequence[str]) -> None:
    """Make the environment if need be, then become the command asked for."""
    check_python(sys.version_info[:2])
    if list(arguments[:1]) == ["test"]:
        sys.exit(test(environment(DEVELOPMENT), arguments[1:]))
    python = str(environment(RUNTIME))
    told = {**importable(), "TONGCHE_TYPED": typed(sys.orig_argv[0], sys.argv[0])}
    # -P: a folder named `services` where the person stands is not ours.
    os.execve(python, [python, "-P", "-m", "services.cli", *arguments], told)  # noqa: S606 - no shell is meant


def check_python(version: tuple[int, int]) -> None:
    """Refuse a Python that cannot run us."""
    if version < OLDEST:
        found = f"{version[0]}.{version[1]}"
        raise Trouble(
            f"需要 Python 3.11 或更新，现在是 {found}",
            f"Python 3.11 or newer is required, this is {found}",
            "apt install python3.11 python3.11-venv && python3.11 run.py …",
        )


def typed(interpreter: str, script: str) -> str:
    """What the person typed before the verb, so that what we advise can be typed here as well."""
    return f"{shlex.quote(interpreter)} {shlex.quote(script)}"


def importable() -> dict[str, str]:
    """Our environment, in which Python finds this checkout from any folder."""
    path = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def environment(lock: Path) -> Path:
    """Return the Python of an environment that has what the lock lists; made or completed if it is not there."""
    venv = Path(os.environ.get("TONGCHE_VENV") or CHECKOUT / ".venv").absolute()
    if not has(venv, lock):
        with alone(venv):
            # Another run may have made it while we waited for our turn.
            if not has(venv, lock):
                make(venv, lock)
    return venv / "bin" / "python"


def has(venv: Path, lock: Path) -> bool:
    """Whether the environment was completed from this very lock by this very Python."""
    return digest(lock) in stamped(venv) and (venv / "bin" / "python").exists()


def digest(lock: Path) -> str:
    """Tell one lock, and one Python, from another."""
    return hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()


def stamp(venv: Path) -> Path:
    """Written empty before anything else and filled last: present but empty means half made, absent means not ours."""
    return venv / ".tongche"


def stamped(venv: Path) -> list[str]:
    """Return the digests of the locks that the environment fulfils."""
    return stamp(venv).read_text().split() if stamp(venv).is_file() else []


@contextmanager
def alone(venv: Path) -> Iterator[None]:
    """Let one run at a time make the environment; the lock falls when its holder dies."""
    try:
        venv.parent.mkdir(parents=True, exist_ok=True)
        file = venv.with_name(venv.name + ".lock").open("w")
    except OSError as problem:
        why = f"cannot write to {venv.parent}: {problem.strerror}"
        raise Trouble(f"无法写入 {venv.parent}", why, OTHER_PLACE) from problem
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make(venv: Path, lock: Path) -> None:
    """Build or complete the environment, and stamp it last."""
    check_ground(venv)
    began = time.monotonic()
    say(f"准备运行环境（只有第一次需要）… / preparing the environment (the first time only): {venv}")
    if not stamped(venv):
        # Nothing to keep: a half-made environment may lack any file of any package.
        shutil.rmtree(venv, ignore_errors=True)
        venv.mkdir(parents=True)
        stamp(venv).touch()
        create(venv)
    stamp(venv).write_text("")
    install(venv, lock)
    command(venv)
    # The development lock contains the other.
    fulfilled = {digest(lock), digest(RUNTIME)}
    stamp(venv).write_text("\n".join(sorted(fulfilled)))
    say(f"完成，{time.monotonic() - began:.0f} 秒 / done in {time.monotonic() - began:.0f} s")


def check_ground(venv: Path) -> None:
    """Find out what is missing before anything is begun."""
    if venv.exists() and not stamp(venv).is_file() and any(venv.iterdir()):
        raise Trouble(
            f"{venv} 已存在，但不是 run.py 建立的",
            f"{venv} exists, but run.py did not make it",
            f"remove it, or choose another place: TONGCHE_VENV={venv}-tongche python3 run.py …",
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise Trouble(
            "这个 Python 缺少 venv / ensurepip 模块",
            "this Python lacks the venv / ensurepip module",
            f"apt install python3-venv   (or python{sys.version_info[0]}.{sys.version_info[1]}-venv)",
        )
    free_mb = shutil.disk_usage(venv.parent).free // 1_000_000
    if free_mb < SPACE_MB:
        raise Trouble(
            f"{venv.parent} 只剩 {free_mb} MB，需要 {SPACE_MB} MB",
            f"{venv.parent} has {free_mb} MB left, {SPACE_MB} MB are required",
            MORE_SPACE,
        )


def create(venv: Path) -> None:
    """Make an empty environment."""
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    if made.returncode:
        raise because(made.stdout + made.stderr, "apt install python3-venv")


def install(venv: Path, lock: Path) -> None:
    """Install exactly what the lock lists, and show how far it is."""
    wanted = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    options = ["--no-input", "--no-color", "--progress-bar=off", "--require-hashes", "--no-deps", "-r", str(lock)]
    output: list[str] = []
    with subprocess.Popen(
        [*pip, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            output.append(line)
            if line.startswith(("Collecting", "Requirement already")):
                count(sum(past.startswith(("Collecting", "Requirement already")) for past in output), wanted)
    if process.returncode:
        (venv / "pip.log").write_text("".join(output))
        raise because("".join(output), f"read {venv / 'pip.log'}, then: python3 run.py …")


def because(output: str, fix: str) -> Trouble:
    """Turn what pip or venv said into what a person can do."""
    for sign, zh, en, remedy in CAUSES:
        if sign in output:
            return Trouble(f"无法建立运行环境：{zh}", f"could not make the environment: {en}", remedy)
    last = output.strip().splitlines()[-1:] or ["?"]
    return Trouble("无法建立运行环境", f"could not make the environment: {last[0]}", fix)


def command(venv: Path) -> None:
    """Put `tongche` beside the environment's Python."""
    script = venv / "bin" / "tongche"
    script.write_text(
        "#!/bin/sh\n"
        f'export PYTHONPATH="{CHECKOUT}${{PYTHONPATH:+:$PYTHONPATH}}"\n'
        'export TONGCHE_TYPED="$0"\n'
        'if [ "$(command -v tongche)" = "$0" ]; then TONGCHE_TYPED=tongche; fi\n'
        f'exec "{venv / "bin" / "python"}" -P -m services.cli "$@"\n'
    )
    script.chmod(0o755)


def count(done: int, wanted: int) -> None:
    """Show progress: one moving line on a terminal, now and then a plain line elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r  {min(done, wanted)}/{wanted} ")
        if done >= wanted:
            sys.stderr.write("\n")
    elif done % PLAIN_LINE_EVERY == 0 or done == wanted:
        say(f"  {done}/{wanted}")


def test(python: Path, arguments: Sequence[str]) -> int:
    """Run every check, then the whole test suite, whose own summary comes last."""
    failed = [name for name, check in CHECKS.items() if not passes(name, [str(python), *check])]
    if failed:
        say(f"✗ {', '.join(failed)}")
    say("▸ pytest")
    tests = subprocess.run(
        [str(python), "-m", "pytest", *(arguments or SIDE_BY_SIDE)], cwd=CHECKOUT, env=compiled_once(), check=False
    )
    return tests.returncode or int(bool(failed))


def compiled_once() -> dict[str, str]:
    """Our environment, in which Python keeps what it compiled: tests start hundreds of processes from the same files.

    Images often forbid it; then every one of them spends half a second on compiling what the last one had compiled.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def passes(name: str, check: list[str]) -> bool:
    """Run one check and print how long it took; what it says is shown only when it fails."""
    began = time.monotonic()
    result = subprocess.run(
        check, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    ok = result.returncode == 0
    say(f"{'✓' if ok else '✗'} {name} {time.monotonic() - began:.1f} s")
    if not ok:
        say(result.stdout)
    return ok


def say(line: str) -> None:
    """Speak on the error stream: the last line of the other belongs to the verb."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A bare machine's locale may not know Chinese.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", encoding="utf-8")
    try:
        main(sys.argv[1:])
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit(130)
