"""`tongche conformance`: what it prints, writes and returns."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from contracts.registry import CONTRACTS
from services.cli import application
from services.conformance import agencies
from services.conformance.catalogue import cases
from services.conformance.result import NotProved, verified
from services.runtime.clock import Clock
from services.stack.trouble import TroubleError


def typed(*words: str) -> Result:
    return CliRunner().invoke(application(), ["conformance", *words])


def last(result: Result) -> dict[str, Any]:
    """The object that a script reads."""
    told: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return told


def test_a_run_against_our_own_simulator(tmp_path: Path) -> None:
    """Counts and cases on the last line, three files, exit 0; its result opens no door, for it is a simulator's."""
    result = typed("run", "--agency", "miit", "--simulator", "--json", "--data", str(tmp_path))
    told = last(result)
    assert result.exit_code == 0
    assert (told["passed"], told["failed"], told["skipped"]) == (len(told["cases"]), 0, 0)
    assert {name: Path(path).exists() for name, path in told["files"].items()} == {
        "report.html": True, "junit.xml": True, "result.jws": True,
    }  # fmt: skip
    key = json.loads((tmp_path / "secrets.json").read_bytes())["conformance_key"]
    text = Path(told["files"]["result.jws"]).read_text(encoding="utf-8")
    with pytest.raises(NotProved, match="simulated"):
        verified(text, key, agencies.agency(ADAPTERS["miit"]), Clock().now())


INSURER = ("--agency", "insurer")
CUSTOMS = ("--agency", "customs")
NOBODY = "http://127.0.0.1:9"
FIRST = next(one.id for one in ORGANISATIONS.values() if one.adapter == "insurer")


@pytest.mark.parametrize(
    ("words", "why", "fix"),
    [
        ((*INSURER, "--url", NOBODY), f"cannot reach {NOBODY}: no connection", "host, port"),
        ((*INSURER, "--url", "https://127.0.0.1:9"), "cannot reach https://127.0.0.1:9", "scheme"),
        ((*INSURER, "--url", f"{NOBODY}/{FIRST}/"), f"cannot reach {NOBODY}: no", "host, port"),
        ((*CUSTOMS, "--url", NOBODY, "--files", "sftp://t@127.0.0.1:8"), "reach sftp://t@127.0.0.1:8", "knows our key"),
        ((*CUSTOMS, "--url", "sftp://[::1]:9/in"), "cannot reach sftp://[::1]:9/in", "its host"),
        ((*CUSTOMS, "--url", NOBODY), "takes files", "--files sftp://"),
        ((*CUSTOMS, "--url", NOBODY, "--files", NOBODY), "no address", "--files sftp://"),
        ((*INSURER, "--url", NOBODY, "--files", "sftp://h"), "takes no files", "without --files"),
        ((*INSURER, "--url", ""), "no address", "--url http://"),
        ((*INSURER, "--url", "ftp://x/"), "no address", "--url http://"),
        ((*INSURER, "--url", "sftp://x/"), "no address", "--url http://"),
        ((*INSURER, "--url", "127.0.0.1:1234"), "no address", "--url http://"),
        ((*INSURER, "--url", "http://[::1"), "no address", "--url http://"),
        ((*INSURER, "--url", "http://127.0.0.1:99999"), "no address", "--url http://"),
        ((*INSURER, "--url", "http://127.0.0.1:9/?x=1"), "a query", "--url http://"),
        ((*INSURER, "--url", "http://user:pw@127.0.0.1:9"), "a login", "--url http://"),
        ((*INSURER, "--url", NOBODY, "--organisation", "tax"), "no organisation of insurer", f"--organisation {FIRST}"),
        ((*INSURER, "--simulator", "--organisation", "insurer-nobody"), "no organisation of insurer", FIRST),
        ((*INSURER, "--url", f"{NOBODY}/{FIRST}", "--organisation", "insurer-9"), "ends with", f"--url {NOBODY}"),
        ((*INSURER, "--url", NOBODY, "--only", "nonsense"), "no case or kind nonsense", "conformance cases"),
        ((*INSURER, "--url", NOBODY, "--day", "1999-01-01"), "outside the reference data", "--day"),
    ],
)
def test_what_cannot_be_judged_is_told_once(words: tuple[str, ...], why: str, fix: str, tmp_path: Path) -> None:
    """Nobody there, no address, nobody of that kind, nothing to ask: a word and a fix instead of a hundred failures."""
    result = typed("run", *words, "--data", str(tmp_path))
    assert isinstance(result.exception, TroubleError), result.output
    assert why in result.exception.en
    assert fix in result.exception.fix
    assert "pw" not in str(result.exception)


def test_a_page_for_people_is_no_agency(tmp_path: Path) -> None:
    """A portal, or a proxy's login, says 200 to everything."""
    with pages() as url:
        result = typed("run", *INSURER, "--url", url, "--data", str(tmp_path))
    assert isinstance(result.exception, TroubleError)
    assert result.exception.en == f"{url} answers with a page: no agency's interface is there"


@contextmanager
def pages() -> Iterator[str]:
    """A server that answers everything with a page."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    """Bytes that are no text, as a result."""
    (tmp_path / "junk.jws").write_bytes(b"\xff\xfe\x00")
    result = typed("verify", str(tmp_path / "junk.jws"), *INSURER, "--data", str(tmp_path))
    assert isinstance(result.exception, TroubleError)
    assert "no result file" in result.exception.en


def test_reference_data_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that cannot be made, for there is a file in its place."""
    (tmp_path / "file").touch()
    result = typed("testbed", *INSURER, "--round", "1", "--to", str(tmp_path / "file" / "x.jsonl"))
    assert isinstance(result.exception, TroubleError)
    assert "cannot write" in result.exception.en


def test_a_part_of_a_run_signs_nothing(tmp_path: Path) -> None:
    """`--only` is for looking closer; what it finds is no result."""
    words = ("--agency", "miit", "--simulator", "--only", "miit.coc-query", "--json", "--data", str(tmp_path))
    told = last(typed("run", *words))
    assert [case["id"] for case in told["cases"]] == ["miit.coc-query"]
    assert "result.jws" not in told["files"]


@pytest.mark.parametrize("words", [(), ("--url", "http://127.0.0.1:9", "--simulator")], ids=["neither", "both"])
def test_it_must_be_said_who_is_judged(words: tuple[str, ...], tmp_path: Path) -> None:
    """One of an address and the simulator, not both, not none."""
    assert typed("run", "--agency", "miit", *words, "--data", str(tmp_path)).exit_code == 2


def test_cases_are_listed() -> None:
    """Every case of the agency, with its kind."""
    told = last(typed("cases", "--agency", "tax", "--json"))
    assert [case["id"] for case in told["cases"]] == [case.id for case in cases(ADAPTERS["tax"])]


@pytest.mark.parametrize("agency", sorted(ADAPTERS))
def test_reference_data_is_our_own_events(agency: str, tmp_path: Path) -> None:
    """What a partner loads beforehand are events of contracts, the same for the same round and day."""
    written = []
    for name in ("one.jsonl", "other.jsonl"):
        file = tmp_path / name
        words = ("--agency", agency, "--round", "3", "--day", "2026-11-22", "--to", str(file))
        assert typed("testbed", *words).exit_code == 0
        written.append(file.read_text(encoding="utf-8"))
    assert written[0] == written[1]
    for line in written[0].splitlines():
        record = json.loads(line)
        CONTRACTS[record["event"]].models[-1].model_validate_json(json.dumps(record["data"]))
