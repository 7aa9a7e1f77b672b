"""`tongche policy …`: the packs, one case, and a draft, for a person and for a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from typer.testing import CliRunner, Result

from contracts.policy import load, read_packs
from services.cli.policy import BAD_PACK, OPENS_GAPS, app
from services.cli.terminal import NOT_RUNNING
from services.journey.outlook import outlook
from services.journey.policy_desk import told
from services.stack.data import DataFolder
from services.stack.state import ChildState, Stack
from services.stack.trouble import TroubleError
from tests.journey.drafts import DRAFT
from tests.journey.road import BUYER, CASE, VIN, Road, sale

_QUESTION: Final = {
    "rule": "purchase-tax",
    "field": "invoice_date",
    "date": "2026-05-04",
    "assumed": True,
    "before": {"pack": "NEV-26", "zh": "应缴 10,000.00 元", "en": "payable 10,000.00 yuan", "fen": {}, "gap": None},
    "after": {"pack": "NEV-T", "zh": "应缴 20,000.00 元", "en": "payable 20,000.00 yuan", "fen": {}, "gap": None},
    "gap": None,
}


def _changed(number: int, question: dict[str, Any] = _QUESTION) -> dict[str, Any]:
    return {"case": {"id": f"case-{number}", "kind": "new-car", "headline": "OPEN", "questions": [question]}}


@dataclass
class Stage:
    """Stands in for console and journey: answers what a test set, remembers what was asked."""

    found: list[dict[str, Any]] = field(default_factory=lambda: [{"id": CASE, "closed_at": None, "headline": "OPEN"}])
    explained: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def serve(self) -> ThreadingHTTPServer:
        """Start it on a free port."""
        stage = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stage.asked.append((self.path, None))
                self._say(json.dumps(stage.explained))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stage.asked.append((self.path, body))
                if self.path == "/api/search":
                    self._say(json.dumps({"cases": stage.found}))
                else:
                    self._say("".join(json.dumps(line) + "\n" for line in stage.lines))

            def _say(self, text: str) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the interface's
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """An installation that seems to run in the test's folder."""
    stage = Stage()
    server = stage.serve()
    this, url = psutil.Process(), f"http://127.0.0.1:{server.server_port}"
    Stack(
        phase="running",
        data=str(tmp_path),
        logs=str(tmp_path / "logs"),
        ports={},
        ready={},
        urls=dict.fromkeys(("console", "journey", "kafka"), url),
        supervisor=ChildState(pid=this.pid, started=this.create_time(), port=0, log=""),
    ).save(DataFolder(tmp_path))
    secrets = {"key_secret": "00" * 32, "operator_user": "op", "operator_password": "pw", "operator_token": "token"}
    (tmp_path / "secrets.json").write_text(json.dumps(secrets))
    yield stage
    server.shutdown()
    server.server_close()


def _type(folder: Path, *words: str) -> Result:
    """Type `tongche policy …` into a terminal of ordinary width."""
    return CliRunner().invoke(app, [*words, "--data", str(folder)], env={"COLUMNS": "110"})


def _json(result: Result) -> Any:
    return json.loads(result.stdout.splitlines()[-1])


def _draft(folder: Path, text: str = DRAFT) -> str:
    file = folder / "NEV-T.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_list_shows_every_pack_without_a_running_stack(tmp_path: Path) -> None:
    """Chinese above English, one block a pack, and the years whose working days are not certain."""
    shown = _type(tmp_path, "list")
    assert shown.exit_code == 0, shown.output
    for expected in (
        "NEV-26",
        "施行",
        "in force",
        "2026-01-01",
        "2027-12-31",
        "RESALE-6M",
        "retracted",
        "120000, 210100",
    ):
        assert expected in shown.stdout
    starts = {line.index("working-calendar") for line in shown.stdout.splitlines() if "working-calendar" in line}
    assert len(starts) == 1
    assert "\x1b[" not in shown.stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--status", "RETRACTED"), ["RESALE-6M"]),
        (("--status", "signal"), ["PILOT-40"]),
        (("--rule", "purchase-tax"), ["NEV-24", "NEV-26"]),
        (("--rule", "purchase-tax", "--status", "SUPERSEDED"), ["NEV-24"]),
        (("--rule", "purchase-tax", "--status", "DRAFT"), []),
    ],
)
def test_list_as_json_names_the_packs_that_were_asked_for(
    tmp_path: Path, options: tuple[str, ...], expected: list[str]
) -> None:
    """Each with all that its file says."""
    packs = _json(_type(tmp_path, "list", *options, "--json"))["packs"]
    assert [pack["id"] for pack in packs] == expected
    assert all({"status", "rule", "title", "source", "params"} <= {*pack} for pack in packs)


@pytest.mark.parametrize(
    ("today", "provisional"), [("2026-11-21", [2027]), ("2025-06-01", []), ("2028-01-01", [2028, 2029])]
)
def test_list_tells_the_years_whose_notice_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, today: str, provisional: list[int]
) -> None:
    """Of this year and the next, by the day of business."""
    monkeypatch.setenv("TONGCHE_BUSINESS_DATE", today)
    calendar = _json(_type(tmp_path, "list", "--json"))["calendar"]
    assert calendar == {"announced": [2024, 2025, 2026], "provisional": provisional}
    assert ("暂定" in _type(tmp_path, "list").stdout) is bool(provisional)


def test_a_rule_that_nobody_has_is_named_with_those_that_exist(tmp_path: Path) -> None:
    """A misspelt rule must not look like a rule without packs."""
    wrong = _type(tmp_path, "list", "--rule", "purchase-tex").exception
    assert isinstance(wrong, TroubleError)
    assert "purchase-tax" in wrong.fix


@pytest.fixture
def explained(stage: Stage) -> Stage:
    """A car in Tianjin, registered soon."""
    buyer = BUYER.model_copy(update={"region": "120104"})
    road = Road(sale("BEV", 22_600_000, buyer=buyer, sold_on=date(2026, 7, 1)), on=date(2026, 7, 2))
    road.run("registration.register")
    stage.explained = told(outlook(road.case, load(), date(2026, 7, 2)), read_packs())
    return stage


def test_explain_tells_pack_by_pack_what_decided_and_what_will(explained: Stage, tmp_path: Path) -> None:
    """Answer, own date and source in words; what only annotates is marked as such."""
    shown = _type(tmp_path, "explain", VIN)
    assert shown.exit_code == 0, shown.output
    for expected in (
        "✓ 已定 decided  NEV-26  新能源汽车减半征收车辆购置税（2026—2027年）",
        "应缴 10,000.00 元 / tax 20,000.00, relief 10,000.00, payable 10,000.00 yuan",
        "2026-07-01  开票日期",
        "财政部 税务总局 工业和信息化部公告2023年第10号",
        "▸ 待定 ahead  ELIC-NATIONAL",
        "推定 assumed",
        "仅供参考，不作依据 / shown only, decides nothing",
        "PILOT-40  信号 signal",
    ):
        assert expected in shown.stdout, expected
    assert explained.asked == [("/api/search", {"q": VIN}), (f"/v1/cases/{CASE}/policies", None)]
    assert VIN not in shown.stdout


def test_explain_as_json_is_what_the_journey_told(explained: Stage, tmp_path: Path) -> None:
    """One object on the last line."""
    assert _json(_type(tmp_path, "explain", "XS1", "--json")) == explained.explained


def test_explain_shows_a_gap_as_one(stage: Stage, tmp_path: Path) -> None:
    """No pack, no number: nothing is guessed for a person either."""
    day = date(2028, 1, 5)
    case = Road(sale("BEV", sold_on=day), on=day).case
    stage.explained = told(outlook(case, load(), day), read_packs())
    shown = _type(tmp_path, "explain", CASE).stdout
    assert "✗ 待定 ahead  purchase-tax" in shown
    assert "没有适用该日期的政策包 / purchase-tax on 2028-01-05: no pack in force" in shown


def test_explain_says_where_no_policy_decided_anything(stage: Stage, tmp_path: Path) -> None:
    """A refused sale has nothing ahead of it and nothing behind."""
    stage.explained = told(outlook(Road(sale("ICE"), taken=True).case, load(), date(2026, 5, 5)), read_packs())
    assert "no policy decided anything here" in _type(tmp_path, "explain", CASE).stdout


def test_explain_says_that_there_is_no_such_case(stage: Stage, tmp_path: Path) -> None:
    """As `case show` does."""
    stage.found = []
    wrong = _type(tmp_path, "explain", "nobody").exception
    assert isinstance(wrong, TroubleError)


def test_try_shows_what_a_draft_would_change_and_how(stage: Stage, tmp_path: Path) -> None:
    """Before and after, then the sum; the text of the file is what the journey was asked about."""
    gaps = {"closed": 0, "opened": 0}
    stage.lines = [
        {"open": 2},
        _changed(1),
        {"checked": 2},
        {"done": True, "checked": 2, "changed": 1, "gaps": gaps},
    ]
    shown = _type(tmp_path, "try", _draft(tmp_path))
    assert shown.exit_code == 0, shown.output
    for expected in (
        "case-1",
        "- NEV-26  应缴 10,000.00 元 / payable 10,000.00 yuan",
        "+ NEV-T  应缴 20,000.00 元 / payable 20,000.00 yuan",
        "在办 / open 2，会改变 / would change 1",
    ):
        assert expected in shown.stdout, expected
    assert "2/2" in shown.stderr
    assert stage.asked == [("/v1/policies/trial", {"pack": DRAFT})]


def test_try_as_json_keeps_the_sums_whatever_is_left_off(stage: Stage, tmp_path: Path) -> None:
    """Of very many cases only the first are told, and how many are not."""
    stage.lines = [
        {"open": 1003},
        *map(_changed, range(1003)),
        {"checked": 1003},
        {"done": True, "checked": 1003, "changed": 1003, "gaps": {"closed": 0, "opened": 0}},
    ]
    found = _json(_type(tmp_path, "try", _draft(tmp_path), "--json"))
    assert (len(found["cases"]), found["left_off"], found["changed"]) == (1000, 3, 1003)
    assert found["faults"] == []
    assert "另有 / and 983 more" in _type(tmp_path, "try", _draft(tmp_path)).stdout


def test_a_draft_that_leaves_cases_without_a_pack_ends_with_its_own_code(stage: Stage, tmp_path: Path) -> None:
    """A script may stop there."""
    gap = "purchase-tax on 2026-05-04: no pack in force"
    answer = dict[str, Any](pack=None, zh=None, en=None, fen={}, gap=gap)
    stage.lines = [
        {"open": 1},
        _changed(1, _QUESTION | {"after": answer, "gap": "opened"}),
        {"done": True, "checked": 1, "changed": 1, "gaps": {"closed": 0, "opened": 1}},
    ]
    shown = _type(tmp_path, "try", _draft(tmp_path))
    assert shown.exit_code == OPENS_GAPS
    assert "+ 无政策包 / no pack" in shown.stdout


@pytest.mark.parametrize(
    ("text", "faults"),
    [("id =", 1), (DRAFT.replace('rate = "0.10"', "rate = 0.1").replace('["CN"]', '["China"]'), 2)],
    ids=["no TOML", "two wrong entries"],
)
def test_a_bad_pack_is_told_without_a_running_stack(tmp_path: Path, text: str, faults: int) -> None:
    """Every fault in both languages, and a code of its own."""
    shown = _type(tmp_path, "try", _draft(tmp_path, text), "--json")
    assert shown.exit_code == BAD_PACK
    assert len(_json(shown)["faults"]) == shown.stderr.count("✗") == faults


def test_a_file_that_is_no_text_is_a_bad_pack(tmp_path: Path) -> None:
    """Nor does it end in a traceback."""
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    assert _type(tmp_path, "try", str(tmp_path / "x.toml")).exit_code == BAD_PACK


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """In both languages, as by every verb that reads one."""
    told = _type(tmp_path, "try", str(tmp_path / "none.toml")).exception
    assert isinstance(told, TroubleError)
    assert (told.zh, told.en) == (
        f"无法读取 {tmp_path / 'none.toml'}：不存在",
        f"cannot read {tmp_path / 'none.toml'}: it is not there",
    )


def test_a_file_as_windows_writes_it_is_read(tmp_path: Path) -> None:
    """With a mark before its first letter."""
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf" + DRAFT.replace("\n", "\r\n").encode())
    assert "无矛盾" in _type(tmp_path, "try", str(tmp_path / "x.toml")).stderr


def test_a_good_pack_is_told_to_fit_before_the_stack_is_missed(tmp_path: Path) -> None:
    """What can be judged without cases is judged."""
    shown = _type(tmp_path, "try", _draft(tmp_path))
    assert "无矛盾" in shown.stderr
    assert isinstance(shown.exception, TroubleError)
    assert NOT_RUNNING not in {BAD_PACK, OPENS_GAPS}


def test_a_trial_that_breaks_off_is_no_result(stage: Stage, tmp_path: Path) -> None:
    """Half of the cases would look like all of them."""
    stage.lines = [{"open": 2}, {"checked": 1}]
    wrong = _type(tmp_path, "try", _draft(tmp_path)).exception
    assert isinstance(wrong, TroubleError)
    assert "broke off" in wrong.en
