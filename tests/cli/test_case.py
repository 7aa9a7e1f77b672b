"""`tongche case …` shows one vehicle's business to a person, and as JSON to a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.cells import cell_len

from contracts.types import CHINA, instant_text
from services.runtime.ids import new_id
from services.stack.data import DataFolder
from services.stack.state import ChildState, Stack
from tests.console.stage import PASSWORD, TOKEN, VINS, Stage, at, case, delivery, span, spans

CASE = new_id()

LONG_NAME = "POST police/" + "registration/" * 6


@dataclass
class Journey:
    """Stands in for the interfaces of journey and dispatch: remembers what was asked, and may refuse."""

    asked: list[tuple[str, Any, str]] = field(default_factory=list)
    dead: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    says: bytes = b"{}"

    def serve(self) -> ThreadingHTTPServer:
        """Start it on a free port."""
        journey = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                journey.asked.append((self.path, body, self.headers["Authorization"]))
                self.send_response(journey.status)
                self.end_headers()
                self.wfile.write(journey.says)

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(journey.dead).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the interface's
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@dataclass
class Terminal:
    """Types commands at an installation that seems to run."""

    folder: Path
    stage: Stage
    journey: Journey

    def type(self, *words: str, columns: int = 110) -> subprocess.CompletedProcess[str]:
        """Type `tongche case …` and wait for the end."""
        environment = _environment() | {"COLUMNS": str(columns)}
        return subprocess.run(
            self._command(words), capture_output=True, text=True, timeout=120, check=False, env=environment
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Type it and go on."""
        return subprocess.Popen(self._command(words), stdout=subprocess.PIPE, text=True, env=_environment())

    def _command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "services.cli", "case", *words, "--data", str(self.folder)]


def _environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": "110", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A console and a journey that run, and the state file that says so."""
    stage, journey = Stage(tmp_path), Journey()
    server = journey.serve()
    this = psutil.Process()
    Stack(
        phase="running",
        data=str(tmp_path),
        logs=str(tmp_path / "logs"),
        ports={},
        ready={},
        urls={"console": stage.url} | dict.fromkeys(("journey", "dispatch"), f"http://127.0.0.1:{server.server_port}"),
        supervisor=ChildState(pid=this.pid, started=this.create_time(), port=0, log=""),
    ).save(DataFolder(tmp_path))
    secrets = {
        "key_secret": "00" * 32,
        "operator_user": "operator",
        "operator_password": PASSWORD,
        "operator_token": TOKEN,
    }
    (tmp_path / "secrets.json").write_text(json.dumps(secrets))
    yield Terminal(tmp_path, stage, journey)
    server.shutdown()
    server.server_close()
    stage.close()


def tell_of_a_held_case(stage: Stage) -> None:
    """A case whose registration is held and parked at the police."""
    hold = {"state": "NONE", "hold": "timeout", "until": instant_text(at(7200)), "owner": "police-desk"}
    later = instant_text(at(99))
    tried = ["unavailable/P503", "unavailable/P503"]
    stage.tell(
        case(CASE, version=7, headline="HOLD", facets={"order": "CONFIRMED", "reg": hold}),
        delivery(CASE, "tax.pay", "tax", ["ambiguous", "answered/1"]),
        delivery(CASE, "registration.register", "police", tried, state="parked", next_try_at=later),
        spans([span("process police.commands", 0, 40, 1, case_id=CASE), span(LONG_NAME, 5, 30, 2, 1)]),
    )


def test_show_tells_a_person_what_waits_and_what_to_type(terminal: Terminal) -> None:
    """Headline, facets, every attempt with its code in words, and the command that resolves the hold."""
    tell_of_a_held_case(terminal.stage)
    shown = terminal.type("show", VINS[0])
    assert shown.returncode == 0, shown.stderr
    for expected in (
        "等待 On hold",
        "注册登记 Registration",
        "车管岗 police desk",
        f"tongche case resume {CASE} --reason",
        "P503 公安交管系统暂不可用 the traffic police are down",
        "#2",
        "下次尝试 / next try",
    ):
        assert expected in shown.stdout
    assert "\x1b[" not in shown.stdout


def test_show_says_how_every_open_command_stands(terminal: Terminal) -> None:
    """Of whom it was asked and when; who is down since when and probed when, or what is tried again when, and why."""
    told = {"asked_at": instant_text(at(0)), "asked_of": "police"}
    held = told | {"delivery_id": "held", "asked_for": "plate.reserve", "facet": "plate"}
    tried = told | {"delivery_id": "tried", "asked_for": "tax.pay", "facet": "tax", "asked_of": "tax"}
    parked = told | {"delivery_id": "parked", "asked_for": "registration.register", "facet": "reg"}
    soon = instant_text(datetime.now(UTC) + timedelta(hours=1))
    why: dict[str, Any] = {"failure": "broken-answer", "reason": "not-sealed", "next_try_at": soon}
    terminal.stage.tell(
        case(CASE, asked=[held, tried, parked]),
        delivery(CASE, "registration.register", "police", [], id="parked", state="parked", **why),
    )
    down = {"since": at(5).timestamp(), "probe_at": at(9).timestamp(), "reason": "unavailable: no connection"}
    terminal.stage.dispatch = [{"id": "police", "state": "open", **down}]
    terminal.stage.act(terminal.stage.organisations.ask)
    shown = terminal.type("show", CASE, columns=200).stdout
    for expected in (
        "号牌 Plate               已提出，待机构恢复 asked, waits for the organisation",
        "▲ 预留号牌 reserve a plate → 样例车管所 Sample Traffic Police",
        "暂缓，机构停用 held: the organisation is down\n",
        "原因 / why 机构不可用：无法连接 unavailable: no connection",
        "提出 / asked 2026-11-20 12:00:00（已 / for ",
        "停用或暂缓自 / down or paused since 2026-11-20 12:00:05（已 / for ",
        "下一次调用即试探 / the next call probes",
        "▷ 缴纳购置税 pay the tax",
        "已发出，待答复 sent, not answered yet",
        "稍后重试 parked for a retry：答复无法理解 the answer could not be read",
        "原因 / why 答复没有签名 not-sealed",
        "下次尝试 / next try ",
        "delivery retry parked --reason",
    ):
        assert expected in shown, expected
    terminal.stage.organisations.fresh = False
    assert "dispatch does not answer" in terminal.type("show", CASE).stdout


def test_show_as_json_is_one_object_on_the_last_line(terminal: Terminal) -> None:
    """A script reads the last line, and finds a masked VIN there."""
    tell_of_a_held_case(terminal.stage)
    shown = terminal.type("show", CASE, "--json")
    whole = json.loads(shown.stdout.splitlines()[-1])
    assert (whole["id"], whole["headline"], whole["vin"]) == (CASE, "HOLD", "LS5…540001")
    assert VINS[0] not in shown.stdout


TAX = {
    "rule": "T5",
    "facet": "tax",
    "before": "NONE",
    "after": "ASSESSED",
    "zh": "核定税额与政策包计算一致",
    "en": "the assessment equals the pack's amounts",
    "pack": "NEV-26",
    "source": "PTL 3–6, 12; TCL 32",
    "inputs": [{"name": "invoice", "sha256": "ab12cd34" * 8}],
}


def tell_of_a_taxed_case(stage: Stage) -> None:
    """A case whose tax is assessed and must be declared in time, and whose loan was declined."""
    due = datetime.combine(datetime.now(CHINA).date() + timedelta(days=13), time(), CHINA)
    hold = {"state": "NONE", "hold": "B451", "code": "B451", "until": instant_text(due), "owner": "dealer"}
    held = {"rule": "B451", "facet": "loan", "before": "NONE", "after": "HOLD", "zh": "银行不同意", "en": "declined"}
    stage.clock.move(datetime.now(UTC))
    stage.tell(
        case(
            CASE,
            version=7,
            headline="HOLD",
            facets={"order": "CONFIRMED", "tax": "ASSESSED", "loan": hold},
            steps=[TAX, held, held | {"rule": "RESUME", "zh": "恢复办理", "en": "resumed"}],
            timers=[{"name": "tax-clock", "due": instant_text(due)}],
        )
    )


@pytest.mark.parametrize("columns", [80, 160])
def test_every_step_is_told_in_a_sentence_with_its_grounds(terminal: Terminal, columns: int) -> None:
    """In both languages: beside each other where there is room, and never wider than the terminal."""
    tell_of_a_taxed_case(terminal.stage)
    shown = terminal.type("show", CASE, "--why", columns=columns)
    assert shown.returncode == 0, shown.stderr
    told = shown.stdout[shown.stdout.index("经过与依据") :]
    assert max(cell_len(line) for line in told.splitlines()) <= columns
    whole = " ".join(told.split()).replace(" ", "")
    zh = "T5购置税：核定税额与政策包计算一致，政策包NEV-26（依据车辆购置税法3–6,12；税收征收管理法32；"
    en = "T5 Tax: the assessment equals the pack's amounts, policy pack NEV-26 (by PTL 3–6, 12; TCL 32; "
    assert zh in whole
    assert "公告2023年第10号；工业和信息化部财政部税务总局公告2025年第24号）" in whole
    assert en.replace(" ", "") in whole
    assert "B451贷款：银行不同意" in whole
    assert "RESUME" not in whole, "a word of ours says no more than its sentence"
    assert "材料inputsinvoiceab12cd34" in whole
    assert "购置税申报期限（60 日）" in shown.stdout
    assert "还有 13 天 / 13 days left" in shown.stdout
    assert "可改全款" in shown.stdout
    last = datetime.now(CHINA).date() + timedelta(days=12)
    assert f"{last} 24:00" in shown.stdout, "a limit at midnight reads as if its last day did not count"


def test_digests_stand_behind_why_and_always_in_json(terminal: Terminal) -> None:
    """A person is not shown what few look at; a script finds all of it."""
    tell_of_a_taxed_case(terminal.stage)
    assert "ab12cd34" not in terminal.type("show", CASE).stdout
    step = json.loads(terminal.type("show", CASE, "--json").stdout.splitlines()[-1])["steps"][0]
    assert (step["why"]["source"], step["why"]["inputs"]) == (TAX["source"], TAX["inputs"])
    assert step["why"]["title"]["en"].startswith("Purchase tax")


@pytest.mark.parametrize("columns", [80, 160])
def test_how_long_cases_take_stands_in_tables_that_align(terminal: Terminal, columns: int) -> None:
    """Closed ones against the pilots' figures, open ones apart, steps and agencies with their numbers in columns."""
    for number, seconds in enumerate((240, 1800, 900_000)):
        ended = instant_text(at(seconds))
        terminal.stage.tell(case(f"case-{number}", headline="CLOSED", closed_at=ended))
    step = {"before": "NONE", "zh": "x", "en": "x"}
    coc = step | {"rule": "T2", "facet": "coc", "after": "AVAILABLE"}
    reg = step | {"rule": "T8", "facet": "reg", "after": "REGISTERED"}
    terminal.stage.tell(
        case(CASE, version=3, changed_at=at(5000), steps=[coc, reg]),
        delivery(CASE, "coc.query", "miit", ["answered"]),
        delivery(CASE, "registration.register", "police", ["unavailable"] * 11 + ["answered"]),
    )
    shown = terminal.type("stats", columns=columns)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert [line.split()[-1] for line in lines if "within" in line] == ["66.7%", "66.7%"]
    assert "→ tongche case show case-2" in shown.stderr
    for rows in ("T2  ", "T8  "), ("查询合格证", "注册登记"):
        ends = {cell_len(line.rstrip()) for line in lines if line.strip().startswith(rows) and line[-1:].isalnum()}
        assert len(ends) == 1, lines
    told = json.loads(terminal.type("stats", "--json", "--since", "2026-11-01").stdout.splitlines()[-1])
    assert (told["cases"]["closed"], told["cases"]["open"], told["since"]) == (3, 1, "2026-11-01")
    assert {each["rule"] for each in told["steps"]} == {"T2", "T8"}
    assert [each["tries"] for each in told["agencies"]] == [1.0, 12.0]


def test_trace_shows_the_tree_with_durations(terminal: Terminal) -> None:
    """A child stands below its parent, further to the right."""
    tell_of_a_held_case(terminal.stage)
    shown = terminal.type("trace", CASE)
    parent, child = shown.stdout.splitlines()[1:3]
    assert "process police.commands" in parent
    assert "40 ms" in parent
    assert child.index("POST police") > parent.index("process police.commands")
    assert LONG_NAME in child, "cut, although a pipe is not narrow"
    whole = json.loads(terminal.type("trace", CASE, "--json").stdout.splitlines()[-1])
    assert [each["depth"] for each in whole["spans"]] == [0, 1]


def test_tail_shows_what_happens_as_it_happens(terminal: Terminal) -> None:
    """Nothing of before, everything from now on, in order."""
    tell_of_a_held_case(terminal.stage)
    following = terminal.start("tail", "--json", "--number", "2")
    terminal.stage.wait_for_followers(1)
    terminal.stage.tell(case(CASE, version=8, headline="OPEN"), delivery(CASE, "tax.pay", "tax", ["answered"]))
    out, _ = following.communicate(timeout=60)
    first, second = map(json.loads, out.splitlines())
    assert (first["event"], first["version"], first["headline"]) == ("case", 8, "OPEN")
    assert (second["event"], second["command"]) == ("delivery", "tax.pay")


def test_acts_go_to_the_journey_with_their_reason(terminal: Terminal) -> None:
    """assign, resume, secure and cancel are the journey's to decide; a VIN is turned into its case first."""
    tell_of_a_held_case(terminal.stage)
    terminal.journey.says = json.dumps({"id": CASE, "headline": "OPEN", "owner": "li"}).encode()
    assert terminal.type("assign", VINS[0], "--owner", "li", "--reason", "她熟悉").returncode == 0
    assert terminal.type("resume", CASE, "--reason", "recovered").returncode == 0
    assert terminal.type("secure", CASE, "--reason", "guarantor").returncode == 0
    done = terminal.type("cancel", CASE, "--reason", "returned", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["headline"] == "OPEN"
    assert terminal.journey.asked == [
        (f"/v1/cases/{CASE}/assign", {"owner": "li", "reason": "她熟悉"}, f"Bearer {TOKEN}"),
        (f"/v1/cases/{CASE}/resume", {"reason": "recovered"}, f"Bearer {TOKEN}"),
        (f"/v1/cases/{CASE}/secure", {"reason": "guarantor"}, f"Bearer {TOKEN}"),
        (f"/v1/cases/{CASE}/cancel", {"reason": "returned"}, f"Bearer {TOKEN}"),
    ]


def test_a_case_that_goes_on_gives_its_dead_deliveries_up(terminal: Terminal) -> None:
    """What it asks from now on would wait behind them for ever."""
    tell_of_a_held_case(terminal.stage)
    terminal.journey.says = json.dumps({"id": CASE, "headline": "OPEN"}).encode()
    terminal.journey.dead = [{"id": "d-1", "organisation": "tax", "command": "tax.pay"}]
    told = terminal.type("resume", CASE, "--reason", "recovered")
    assert [path for path, *_ in terminal.journey.asked] == [f"/v1/cases/{CASE}/resume", "/v1/deliveries/d-1/cancel"]
    assert "tax tax.pay" in told.stderr


@pytest.mark.parametrize("says", [b'{"title": "this case is over"}', b"not json at all"])
def test_a_refused_act_says_why_and_what_to_do(terminal: Terminal, says: bytes) -> None:
    """Whatever the journey answers, the person gets a sentence and the next step, never a traceback."""
    tell_of_a_held_case(terminal.stage)
    terminal.journey.status, terminal.journey.says = 409, says
    refused = terminal.type("resume", CASE, "--reason", "again")
    assert refused.returncode == 1
    assert "journey refused (409)" in refused.stderr
    assert "→ tongche case show" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_is_not_there_is_said_so(terminal: Terminal) -> None:
    """An unknown number ends in the fix."""
    shown = terminal.type("show", "LSVNV2182E2100001", "--json")
    assert shown.returncode == 1
    assert "没有这个业务" in shown.stderr
    assert json.loads(shown.stdout.splitlines()[-1])["fix"]


def test_without_a_running_installation_the_fix_is_up(tmp_path: Path) -> None:
    """Nothing runs: the sentence ends in the command that starts it."""
    command = [sys.executable, "-m", "services.cli", "case", "show", "x", "--data", str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=_environment())
    assert shown.returncode == 1
    assert "→ tongche up" in shown.stderr
