"""run.py: from a bare Python to a verb, and the exact fix wherever that fails."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import run

PYTHON = Path(sys.base_prefix) / "bin" / "python3"


@dataclass(frozen=True)
class Checkout:
    """A checkout whose lock wants one tiny package, and whose command line repeats what it was told."""

    root: Path
    index: str

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "PIP_NO_INDEX": "" if self.index else "1",
            "PIP_FIND_LINKS": str(self.root / "wheels"),
            "PIP_INDEX_URL": self.index,
            "PIP_RETRIES": "1",
            "LC_ALL": "C",
        }
        return subprocess.Popen(
            [PYTHON, self.root / "run.py", *arguments],
            env={name: value for name, value in environment.items() if value},
            cwd=self.root / "elsewhere",
            text=True,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            said, told = process.communicate(timeout=120)
        return process.returncode, said, told


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """All that run.py needs: itself, a lock, a wheel, and a command line to hand over to."""
    for folder in ("wheels", "services/cli", "elsewhere/services"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(run.__file__, tmp_path / "run.py")
    line = f"tiny==1.0 --hash=sha256:{tiny_wheel(tmp_path / 'wheels')}\n"
    (tmp_path / "requirements.lock").write_text(line)
    (tmp_path / "requirements-dev.lock").write_text(line)
    (tmp_path / "services/__init__.py").touch()
    (tmp_path / "services/cli/__init__.py").touch()
    (tmp_path / "services/cli/__main__.py").write_text(
        "import os, sys, tiny\n"
        "print(tiny.SAYS, *([os.environ['TONGCHE_TYPED']] if '--typed' in sys.argv else sys.argv[1:]))\n"
    )
    # Where the person stands there may be a folder of the same name.
    (tmp_path / "elsewhere/services/__init__.py").write_text("raise SystemExit('the wrong services')\n")
    return Checkout(tmp_path, index="")


def tiny_wheel(folder: Path) -> str:
    """Make a wheel of one line, and return its digest."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    files = {
        "tiny.py": b"SAYS = 'tiny'\n",
        "tiny-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_record(content)},{len(content)}\n" for name, content in files.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
        wheel.writestr("tiny-1.0.dist-info/RECORD", record + "tiny-1.0.dist-info/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def test_two_first_runs_at_once_make_one_environment(checkout: Checkout) -> None:
    """Both hand over what they were told, and how they were started; only one prepared; `tongche` is there."""
    with checkout.start("up", "--json") as one, checkout.start("down") as other:
        answers = [process.communicate(timeout=120) for process in (one, other)]
    assert [said for said, _ in answers] == ["tiny up --json\n", "tiny down\n"]
    assert sum("preparing the environment" in told for _, told in answers) == 1
    assert checkout.run("status") == (0, "tiny status\n", "")
    tongche = checkout.venv / "bin" / "tongche"
    assert subprocess.check_output([tongche, "case"], text=True) == "tiny case\n"
    # An environment costs seconds: how each is told what the person can type again is shown here as well.
    assert checkout.run("--typed")[1] == f"tiny {PYTHON} {checkout.root / 'run.py'}\n"
    assert subprocess.check_output([tongche, "--typed"], text=True) == f"tiny {tongche}\n"
    known = {"PATH": f"{tongche.parent}:/usr/bin:/bin"}
    assert subprocess.check_output(["/bin/sh", "-c", "tongche --typed"], text=True, env=known) == "tiny tongche\n"


def test_a_half_made_environment_is_made_again(checkout: Checkout) -> None:
    """What a killed first run left is not trusted."""
    checkout.venv.mkdir()
    run.stamp(checkout.venv).touch()
    (checkout.venv / "half").touch()
    code, said, told = checkout.run("up")
    assert (code, said) == (0, "tiny up\n")
    assert "preparing the environment" in told
    assert not (checkout.venv / "half").exists()


def test_a_package_that_is_not_what_the_lock_says_is_refused(checkout: Checkout) -> None:
    """The hash decides, the message says so, there is no traceback, and the next run begins anew."""
    lock = checkout.root / "requirements.lock"
    lock.write_text(lock.read_text()[:-9] + "00000000\n")
    code, said, told = checkout.run("up")
    assert (code, said) == (1, "")
    assert "锁文件" in told
    assert "is not what the lock file says" in told
    assert "Traceback" not in told
    assert run.stamped(checkout.venv) == []


def test_a_network_out_of_reach_is_named(checkout: Checkout) -> None:
    """With the variables that lead around it."""
    (checkout.root / "wheels" / "tiny-1.0-py3-none-any.whl").unlink()
    code, _, told = Checkout(checkout.root, index="http://127.0.0.1:1/simple").run("up")
    assert code == 1
    assert "the network cannot be reached" in told
    assert "PIP_INDEX_URL" in told


def test_an_old_python_is_told_which_one_to_install() -> None:
    """Before anything else is tried."""
    run.check_python((3, 11))
    with pytest.raises(run.Trouble, match="apt install python3.11"):
        run.check_python((3, 10))


def test_a_python_without_venv_is_told_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps ensurepip in a package of its own."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(run.Trouble, match="apt install python3-venv"):
        run.check_ground(tmp_path / "venv")


def test_a_full_disk_is_told_in_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before pip fails half way."""
    monkeypatch.setattr(run, "SPACE_MB", 10**9)
    with pytest.raises(run.Trouble, match="TONGCHE_VENV="):
        run.check_ground(tmp_path / "venv")


def test_an_environment_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A folder that run.py did not make is neither completed nor removed."""
    (tmp_path / "pyvenv.cfg").touch()
    with pytest.raises(run.Trouble, match="run.py did not make it"):
        run.check_ground(tmp_path)


@pytest.mark.parametrize(
    ("pip_says", "person_reads"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ConnectionError: Max retries exceeded", "the network cannot be reached"),
        ("ERROR: No matching distribution found for x", "no package index"),
        ("something new", "something new"),
    ],
)
def test_what_pip_says_becomes_what_a_person_can_do(pip_says: str, person_reads: str) -> None:
    """Known causes get their own words, unknown ones pip's last line."""
    assert person_reads in str(run.because(pip_says, "fix"))


def test_a_failing_check_fails_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Each check is printed with its time, and what it says only when it fails."""
    assert run.passes("good", [sys.executable, "-c", "print('quiet')"])
    assert not run.passes("bad", [sys.executable, "-c", "raise SystemExit('loud')"])
    told = capsys.readouterr().err
    assert "✓ good" in told
    assert "✗ bad" in told
    assert "loud" in told
    assert "quiet" not in told


def test_what_one_process_compiled_the_next_need_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the machine tells Python to keep nothing; everything else it tells, tests are told."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("TONGCHE_JAVA", "/somewhere/java")
    told = run.compiled_once()
    assert "PYTHONDONTWRITEBYTECODE" not in told
    assert told["TONGCHE_JAVA"] == "/somewhere/java"
