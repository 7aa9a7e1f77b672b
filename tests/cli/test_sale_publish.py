"""`tongche sale publish` against a door that really listens."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from services.cli import application
from services.intake.door import Door
from services.intake.http import Routes
from services.intake.http import application as door_application
from services.intake.ledger import Ledger
from services.intake.publishers import Publishers
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.ids import new_id
from services.runtime.settings import Settings
from services.stack import credentials
from services.stack.data import DataFolder
from services.stack.state import Stack

SAMPLES = Path(__file__).parents[1] / "samples"

Publish = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A data folder with credentials, and nothing running."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    credentials.ensure(folder)
    return folder


@pytest.fixture
def running(folder: DataFolder) -> Iterator[DataFolder]:
    """The same with a door, as `up` would have written it down."""
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_live(folder, ready, stop)))
    thread.start()
    assert ready.wait(60)
    yield folder
    stop.set()
    thread.join(60)


async def _live(folder: DataFolder, ready: threading.Event, stop: threading.Event) -> None:
    store = await asyncio.to_thread(open_store, Settings(data=folder.root), "intake")
    store.start()
    routes = Routes(Door(store, Ledger(Clock(date(2026, 11, 2)), new_id, b"k" * 32)), Publishers(folder.publishers))
    server = uvicorn.Server(uvicorn.Config(door_application(routes), port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    urls = {"door": f"http://127.0.0.1:{port}"}
    Stack(phase="running", ready={}, data=str(folder.root), logs=str(folder.logs), ports={}, urls=urls).save(folder)
    ready.set()
    await asyncio.to_thread(stop.wait)
    server.should_exit = True
    await serving
    await store.stop()


@pytest.fixture
def publish(folder: DataFolder) -> Publish:
    """Type the verb."""

    def type_in(*words: str, stdin: bytes | None = None) -> Result:
        arguments = ["sale", "publish", *words, "--data", str(folder.root)]
        return CliRunner().invoke(application(), arguments, input=stdin)

    return type_in


def last(result: Result) -> Any:
    return json.loads(result.stdout.splitlines()[-1])


def history(folder: DataFolder, name: str = "platform") -> list[dict[str, str]]:
    lines = (folder.root / "publishers" / f"{name}.history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_samples_are_published_once_and_written_down(running: DataFolder, publish: Publish) -> None:
    """400 accepted, then 400 and 100 replayed; the history has each acknowledgement with the same ids."""
    first = publish(str(SAMPLES / "sales.csv"), "--dated", "today", "--json")
    assert (first.exit_code, last(first)) == (0, {"accepted": 400, "replayed": 0, "refused": 0, "rows": []})
    assert last(publish(str(SAMPLES / "sales.jsonl"), "--json"))["replayed"] == 400
    assert last(publish(str(SAMPLES / "sales-gb18030.csv"), "--json"))["replayed"] == 100
    told = history(running)
    assert [line["status"] for line in told] == ["accepted"] * 400 + ["replayed"] * 500
    assert told[0].keys() == {"at", "id", "source", "sourceid", "vin", "status"}
    assert len({line["id"] for line in told}) == 400


def test_refused_rows_are_reported_with_reason_and_suggestion(running: DataFolder, publish: Publish) -> None:
    """Exit 1; the table is for people, the last line for scripts."""
    result = publish(str(SAMPLES / "bad.csv"), "--json")
    assert result.exit_code == 1
    report = last(result)
    assert (report["accepted"], report["refused"]) == (3, 27)
    assert report["rows"][0] == {"line": 2, "codes": ["V101"]}
    assert len(history(running)) == 3
    shown = publish(str(SAMPLES / "bad.csv")).output
    assert "车架号" in shown
    assert "期望代码" in shown
    assert "0 已受理 / accepted, 3 已有 / replayed, 27 拒绝 / refused" in shown


def test_standard_input_is_a_file_too(running: DataFolder, publish: Publish) -> None:
    """The content tells what it is."""
    line = (SAMPLES / "sales.jsonl").read_bytes().splitlines()[0]
    result = publish("-", "--as", "changan", "--json", stdin=line)
    assert (result.exit_code, last(result)["accepted"]) == (0, 1)
    assert len(history(running, "changan")) == 1


@pytest.mark.parametrize("words", [("nowhere.csv",), ("-", "--as", "nobody")])
def test_what_cannot_be_sent_ends_with_two_and_the_fix(
    running: DataFolder, publish: Publish, words: tuple[str]
) -> None:
    """A file that is not there, a publisher that nobody knows."""
    result = publish(*words, stdin=b"")
    assert result.exit_code == 2
    assert "→" in result.output


def test_a_file_that_is_no_table_ends_with_two_and_the_missing_columns(running: DataFolder, publish: Publish) -> None:
    """The door's problem is told as it stands."""
    result = publish("-", "--json", stdin=b"a,b\n1,2\n")
    assert result.exit_code == 2
    assert "vin" in last(result)["error"]


def test_without_a_door_it_ends_with_two(folder: DataFolder, publish: Publish) -> None:
    """Never started, and started but gone: both say what to type."""
    assert publish(str(SAMPLES / "bad.csv")).exit_code == 2
    urls = {"door": "http://127.0.0.1:9"}
    Stack(phase="running", ready={}, data=str(folder.root), logs=str(folder.logs), ports={}, urls=urls).save(folder)
    result = publish(str(SAMPLES / "bad.csv"), "--json")
    assert (result.exit_code, "tongche up" in last(result)["fix"]) == (2, True)


def test_the_token_is_the_publishers_own(running: DataFolder) -> None:
    """What the CLI sends hashes to what the door keeps."""
    token = credentials.publisher_tokens(running)["platform"]
    assert Publishers(running.publishers).by_token(token) is not None
    assert hashlib.sha256(token.encode()).hexdigest() in running.publishers.read_text(encoding="utf-8")
