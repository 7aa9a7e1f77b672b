"""`tongche delivery …` and `tongche repair …` against a dispatch that runs: what people type, and what scripts read."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from services import cli
from services.cli import stack
from services.dispatch.mailbox import Answer, Mailbox
from services.runtime.ids import new_id
from services.runtime.settings import Settings
from services.stack.data import DataFolder
from services.stack.state import ChildState, Stack
from tests.dispatch.agency import vin
from tests.dispatch.office import SECRETS, Office, office, parked, release, reserve


@dataclass
class Said:
    """What came of a command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The object on the last line."""
        return json.loads(self.out.splitlines()[-1])


@dataclass
class Terminal:
    """A person in front of a running installation."""

    desk: Office
    folder: Path

    async def type(self, *words: str) -> Said:
        """Type `tongche …` and wait for the end."""
        return await asyncio.to_thread(_typed, [*words, "--data", str(self.folder)])

    def advised(self, words: str) -> str:
        """Advice that this person can type as it stands."""
        return f"tongche {words} --data {self.folder}"

    async def reads(self, *words: str) -> Any:
        """The JSON that a script gets."""
        said = await self.type(*words, "--json")
        assert said.code == 0, said.err
        return said.json


def _typed(words: list[str]) -> Said:
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["tongche", *words]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


Scene = Callable[[Terminal], Awaitable[None]]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A terminal of one width; after the folder was made, for that is named after who is logged in."""
    monkeypatch.setattr(sys, "argv", [])
    for name, value in (("COLUMNS", "110"), ("NO_COLOR", "1"), ("LOGNAME", "li")):
        monkeypatch.setenv(name, value)


def play(folder: Path, scene: Scene) -> None:
    """A scene at an installation of which only dispatch is there."""

    async def run() -> None:
        async with office(Settings(data=folder), "repairs") as desk:
            _says_that_it_runs(folder, desk.url)
            await scene(Terminal(desk, folder))

    asyncio.run(run())


def _says_that_it_runs(folder: Path, url: str) -> None:
    this = psutil.Process()
    Stack(
        phase="running",
        data=str(folder),
        logs=str(folder / "logs"),
        ports={},
        ready={},
        urls={"dispatch": url},
        supervisor=ChildState(pid=this.pid, started=this.create_time(), port=0, log=""),
    ).save(DataFolder(folder))
    secrets = SECRETS.model_dump() | {"key_secret": SECRETS.key_secret.hex()}
    (folder / "secrets.json").write_text(json.dumps(secrets))


def test_list_shows_what_was_asked_for_and_how_to_go_on(tmp_path: Path) -> None:
    """Filters are options; columns stand below each other; the rest is said to be there; JSON has pages."""

    async def scene(terminal: Terminal) -> None:
        records = [release(number, number) for number in range(4)]
        await terminal.desk.park(*(parked(record) for record in records), parked(reserve(9, 9), "parked"))
        said = await terminal.type("delivery", "list", "--state", "dead", "--command", "plate.release", "-n", "2")
        assert said.code == 0, said.err
        assert "2 / 4" in said.out
        assert "已过期限 / the deadline passed" in said.out
        assert "→ tongche delivery show" in said.out
        assert vin(0) not in said.out
        one = await terminal.reads("delivery", "list", "--vin", vin(2))
        assert [row["id"] for row in one["deliveries"]] == [records[2].id]
        first = await terminal.reads("delivery", "list", "-n", "3")
        rest = await terminal.reads("delivery", "list", "-n", "3", "--after", first["next"])
        assert (len(first["deliveries"]), len(rest["deliveries"]), rest["next"]) == (3, 2, None)
        assert len((await terminal.reads("delivery", "list", "--all"))["deliveries"]) == 5
        assert (await terminal.reads("delivery", "list", "--older-than", "2h"))["total"] == 0
        assert (await terminal.reads("delivery", "list", "--class", "not-yet"))["total"] == 0

    play(tmp_path, scene)


def test_of_many_attempts_the_first_and_the_last_are_shown(tmp_path: Path) -> None:
    """Hourly tries for a month would push what is to be decided off the screen; scripts read all."""

    async def scene(terminal: Terminal) -> None:
        few, many = release(1, 1), release(2, 2)
        await terminal.desk.park(parked(few, results=["unavailable"] * 9), parked(many, results=["unavailable"] * 12))
        assert "more between" not in (await terminal.type("delivery", "show", few.id)).out
        shown = (await terminal.type("delivery", "show", many.id)).out
        assert "3 more between" in shown
        assert [f"#{number} " in shown for number in (1, 2, 4, 5, 12)] == [True, False, False, True, True]
        assert len((await terminal.reads("delivery", "show", many.id))["attempts"]) == 12

    play(tmp_path, scene)


def test_show_tells_all_and_what_may_be_done(tmp_path: Path) -> None:
    """Attempts in words, who must act, what waits behind; a person's data only with a reason."""

    async def scene(terminal: Terminal) -> None:
        head, behind = reserve(1, 1), release(1, 2)
        await terminal.desk.park(parked(head, results=["ambiguous"], failure="person"), parked(behind, "parked"))
        said = await terminal.type("delivery", "show", head.id)
        for expected in (
            "结果不明 / outcome unknown",
            "负责 / owner",
            "其后排队",
            behind.id,
            "[redacted]",
            f"→ tongche delivery edit {head.id} --set FIELD=VALUE --reason …",
            f"→ tongche delivery answer {head.id} --file answer.json --reason …",
        ):
            assert expected in said.out
        assert "测试甲" not in said.out
        assert (await terminal.type("delivery", "show", head.id, "--reveal")).code == 2
        revealed = await terminal.type("delivery", "show", head.id, "--reveal", "--reason", "the agency asks")
        assert "测试甲" in revealed.out
        assert "li  reveal  the agency asks" in (await terminal.type("delivery", "show", head.id)).out
        assert head.id in (await terminal.type("delivery", "show", behind.id)).out

    play(tmp_path, scene)


def test_decisions_say_what_comes_next_and_a_no_ends_in_the_way_out(tmp_path: Path) -> None:
    """retry, cancel, pause, resume; what is not there, what came to its end."""

    async def scene(terminal: Terminal) -> None:
        record = release(1)
        await terminal.desk.park(parked(record))
        done = await terminal.type("delivery", "retry", record.id, "--reason", "they are back")
        assert done.code == 0
        assert f"→ tongche delivery show {record.id}" in done.err
        assert (await terminal.reads("delivery", "cancel", record.id, "--reason", "no"))["state"] == "cancelled"
        ended = await terminal.type("delivery", "cancel", record.id, "--reason", "no", "--json")
        assert (ended.code, ended.json["fix"]) == (1, terminal.advised(f"delivery show {record.id}"))
        absent = await terminal.type("delivery", "retry", "no-such", "--reason", "x", "--json")
        assert (absent.code, absent.json["fix"]) == (1, terminal.advised("delivery list"))
        assert absent.json["code"] == "unknown"
        held = await terminal.type("delivery", "pause", "police", "--reason", "a drill")
        assert "tongche delivery resume police --reason" in held.err
        shown = (await terminal.type("delivery", "list")).out
        assert "li: a drill" in shown
        assert "人工暂缓 / paused" in shown
        resumed = await terminal.type("delivery", "resume", "police", "--reason", "over")
        assert "the next call will probe it" in resumed.err
        shown = (await terminal.type("delivery", "list")).out
        assert "已恢复 / resumed  自 / since " in shown
        assert "已恢复，待试探 / resumed, to be probed  下一次调用即试探 / the next call probes" in shown
        assert " / down" not in shown
        never = await terminal.type("delivery", "resume", "tax", "--reason", "over")
        assert "it is not held" in never.err
        unknown = await terminal.type("delivery", "pause", "nobody", "--reason", "x", "--json")
        assert {"police", "tax"} <= set(unknown.json["fix"].split(" | "))

    play(tmp_path, scene)


def test_list_says_since_when_and_why_an_organisation_is_away_and_what_comes_next(tmp_path: Path) -> None:
    """In Chinese too; who wants fewer calls is not said to be down."""

    async def scene(terminal: Terminal) -> None:
        breaker = terminal.desk.deliveries().breaker
        breaker.failed("unavailable: status 429", 600.0)
        (told,) = (await terminal.reads("delivery", "list"))["held"]
        assert 590 < told["probe_at"] - told["since"] <= 600
        shown = (await terminal.type("delivery", "list")).out
        assert "样例车管所 Sample Traffic Police  限流 / slowing us down  自 / since " in shown
        assert "机构不可用：限流，HTTP 429 / unavailable: status 429  下次试探 / next probe " in shown
        breaker.due_at = 0.0  # the pause is over: only then is the next failure why it is away
        breaker.failed("broken-answer: not-an-object", 0.0)
        (later,) = (await terminal.reads("delivery", "list"))["held"]
        assert later["since"] == told["since"]
        shown = (await terminal.type("delivery", "list")).out
        assert "停用 / down" in shown
        assert "答复不是应有的结构 / unreadable answer: not-an-object" in shown
        assert "下一次调用即试探 / the next call probes" in shown

    play(tmp_path, scene)


def test_edit_takes_fields_as_the_contract_has_them_or_a_file(tmp_path: Path) -> None:
    """Text stays text, numbers are numbers, nothing takes a field out; faults come one a line, without values."""

    async def scene(terminal: Terminal) -> None:
        record = release(1)
        await terminal.desk.park(parked(record, results=["broken-answer"]))
        edit = ("delivery", "edit", record.id, "--reason", "wrong number")
        refused = await terminal.type(*edit, "--set", "reservation_no=12345")
        assert refused.code == 1
        assert "--not-carried-out" in refused.err
        faulty = await terminal.type(*edit, "--not-carried-out", "--set", "reservation_no=", "--set", "wheels=4")
        assert "reservation_no: missing" in faulty.err
        assert "an unknown field: extra_forbidden" in faulty.err
        assert f"→ tongche delivery show {record.id}" in faulty.err
        done = await terminal.reads(*edit, "--not-carried-out", "--set", "reservation_no=12345")
        assert done["revision"] == 2
        whole = {"vin": vin(1), "reservation_no": "R-3", "reason": "test"}
        (terminal.folder / "data.json").write_text(json.dumps(whole))
        filed = await terminal.reads(*edit, "--file", str(terminal.folder / "data.json"))
        assert filed["revision"] == 3
        shown = await terminal.type("delivery", "show", record.id)
        assert "reservation_no: 12345 → R-3" in shown.out
        assert (await terminal.type(*edit)).code == 2
        (terminal.folder / "data.json").write_text("[]")
        assert (await terminal.type(*edit, "--file", str(terminal.folder / "data.json"))).code == 1

    play(tmp_path, scene)


def test_answer_settles_what_an_agency_did_without_saying_so(tmp_path: Path) -> None:
    """From a file; a wrong one is refused field by field."""

    async def scene(terminal: Terminal) -> None:
        record = release(1)
        await terminal.desk.park(parked(record, failure="person", results=["ambiguous"]))
        file = terminal.folder / "answer.json"
        words = ("delivery", "answer", record.id, "--file", str(file), "--reason", "they read it to me")
        file.write_text(json.dumps({"vin": vin(1), "reservation_no": "R-other"}))
        assert "reservation_no: not-as-asked" in (await terminal.type(*words)).err
        file.write_text(json.dumps({"vin": vin(1), "reservation_no": "R-1"}))
        assert (await terminal.reads(*words))["state"] == "settled"

    play(tmp_path, scene)


def test_where_an_organisation_contradicted_itself_is_listed_shown_and_cleared_up(tmp_path: Path) -> None:
    """Who, when, how often, which answer holds and what to do; noted as cleared up, nobody is asked again."""

    async def scene(terminal: Terminal) -> None:
        record = release(1, 1)
        await terminal.desk.park(parked(record, "parked"))
        mailbox = Mailbox(terminal.desk.store, terminal.desk.clock)
        for content in ("yes", "no", "no"):
            await mailbox.put("police", record.id, Answer(content, content.encode(), decides=True), lambda _: True)
        show = f"→ tongche delivery show {record.id}"
        for words in (("delivery", "list"), ("delivery", "list", "--agency", "police")):
            listed = (await terminal.type(*words)).out
            assert "called back answers that contradict each other: 1" in listed
            assert "2 later said otherwise, the last" in listed
            assert show in listed
        assert "contradict" not in (await terminal.type("delivery", "list", "--agency", "tax")).out
        shown = (await terminal.type("delivery", "show", record.id)).out
        assert "以首次为准，业务已据此进行 / the first holds" in shown
        assert f"→ tongche case show case-{vin(1)}" in shown
        assert f"→ {terminal.advised(f'delivery clear-up {record.id} --reason …')}" in shown
        cleared = await terminal.reads("delivery", "clear-up", record.id, "--reason", "their branch: the first")
        assert cleared["cleared"] == 2
        assert "contradict" not in (await terminal.type("delivery", "list")).out
        after = (await terminal.type("delivery", "show", record.id)).out
        assert "a person has cleared it up" in after
        assert "li  clear-up  their branch: the first" in after
        again = await terminal.type("delivery", "clear-up", record.id, "--reason", "x", "--json")
        assert (again.code, again.json["fix"]) == (1, terminal.advised(f"delivery show {record.id}"))

    play(tmp_path, scene)


def test_a_contradiction_about_nothing_that_is_known_is_shown_and_cleared_up(tmp_path: Path) -> None:
    """Where the list leads, something is said of it, and nothing of a case that there is not."""

    async def scene(terminal: Terminal) -> None:
        key = new_id()
        mailbox = Mailbox(terminal.desk.store, terminal.desk.clock)
        for content in ("yes", "no"):
            await mailbox.put("police", key, Answer(content, content.encode(), decides=True), lambda _: True)
        assert f"→ tongche delivery show {key}" in (await terminal.type("delivery", "list")).out
        shown = await terminal.type("delivery", "show", key)
        assert (shown.code, "no delivery here is known by it" in shown.out) == (0, True)
        assert "None" not in shown.out
        assert "case show" not in shown.out
        assert f"→ {terminal.advised(f'delivery clear-up {key} --reason …')}" in shown.out
        edited = await terminal.type("delivery", "edit", key, "--reason", "x", "--set", "reservation_no=1", "--json")
        assert (edited.code, edited.json["code"]) == (1, "unknown")
        assert "没有等待中的这一投递\nno such delivery waits" in edited.err
        await terminal.reads("delivery", "clear-up", key, "--reason", "they took it for somebody else's")
        assert "contradict" not in (await terminal.type("delivery", "list")).out

    play(tmp_path, scene)


def test_the_status_names_who_contradicted_itself_or_was_refused_and_what_to_look_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Moments as the console writes them; of many the newest, and how many there are."""
    told = {"at": "2026-11-20T04:00:00.000Z", "others": 1, "other_at": "2026-11-20T04:01:30.000Z"}
    bank = {
        "id": "bank-91110000MAT57WXL1C",
        "contradicted": 9,
        "contradictions": [{**told, "delivery": f"d{number}"} for number in range(5)],
    }
    refused = {"why": "certificate-expired", "number": 75, "since": told["at"], "last_at": told["other_at"]}
    unread = refused | {"why": "unread", "number": 3}
    stack._called_back([bank], [{"id": bank["id"], "refused": [refused, unread]}])
    said = capsys.readouterr().out
    assert "样例银行一行回送的答复被拒绝 / call-backs of Sample Bank One were refused: 75" in said
    assert "call-backs of Sample Bank One could not be read: 3" in said
    assert "taken in, but its code or its content was never agreed" in said
    assert "  签名证书已过期 / certificate-expired  自 / since 11-20 12:00:00  末次 / last 11-20 12:01:30" in said
    assert "样例银行一行对同一请求回送了相互矛盾的答复 / Sample Bank One called back" in said
    assert ": 9" in said
    assert "11-20 12:00:00  其后 1 次不同，末次 11-20 12:01:30 / 1 later said otherwise" in said
    assert [f"delivery show d{number}" in said for number in range(5)] == [True] * 3 + [False] * 2


def test_a_repair_is_planned_counted_run_and_shown(tmp_path: Path) -> None:
    """Nothing happens before `run`; progress comes as plain lines where there is no terminal; each skip has its why."""

    async def scene(terminal: Terminal) -> None:
        records = [release(number, number) for number in range(5)]
        await terminal.desk.park(*(parked(record) for record in records))
        none = await terminal.type("repair", "plan", "cancel", "--command", "tax.pay", "--reason", "x")
        assert "没有符合的投递" in none.out
        planned = await terminal.type("repair", "plan", "cancel", "--state", "dead", "--reason", "the drill is over")
        assert "plate.release" in planned.out
        assert "by organisation" in planned.out
        id_ = (await terminal.reads("repair", "list"))["repairs"][0]["id"]
        assert f"→ tongche repair run {id_}" in planned.out
        await terminal.type("delivery", "retry", records[0].id, "--reason", "this one is needed")
        run = await terminal.type("repair", "run", id_, "--rate", "600/m")
        assert "5/5" in run.err
        assert "done 4" in run.out
        assert "1 × 已有人另作决定" in run.out
        shown = await terminal.type("repair", "show", id_, "--items")
        assert "somebody decided about it meanwhile" in shown.out
        assert "the drill is over" in (await terminal.type("repair", "list")).out
        over = await terminal.type("repair", "pause", id_, "--json")
        assert (over.code, over.json["fix"]) == (1, terminal.advised(f"repair show {id_}"))
        absent = await terminal.type("repair", "run", "no-such", "--json")
        assert absent.json["fix"] == terminal.advised("repair list")

    play(tmp_path, scene)


def test_a_repair_that_runs_is_paused_and_cancelled_by_its_id(tmp_path: Path) -> None:
    """Started without watching; each answer says what may come next."""

    async def scene(terminal: Terminal) -> None:
        await terminal.desk.park(*(parked(release(number, number)) for number in range(50)))
        plan = (await terminal.reads("repair", "plan", "retry", "--reason", "they are back"))["id"]
        started = await terminal.reads("repair", "run", plan, "--rate", "2/s", "--no-watch")
        assert (started["state"], started["per_second"]) == ("running", 2)
        paused = await terminal.type("repair", "pause", plan)
        assert f"→ tongche repair cancel {plan}" in paused.out
        assert (await terminal.reads("repair", "cancel", plan))["state"] == "cancelled"

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "words", [("delivery", "list", "--older-than", "soon"), ("repair", "run", "x", "--rate", "fast")]
)
def test_what_cannot_be_understood_is_said_with_an_example(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A span and a rate, as people write them."""
    said = _typed([*words, "--data", str(tmp_path)])
    assert said.code == 2
    assert "for example" in said.err


def test_a_field_without_a_value_is_not_said_again(tmp_path: Path) -> None:
    """It may be a name."""

    async def scene(terminal: Terminal) -> None:
        record = release(1)
        await terminal.desk.park(parked(record))
        said = await terminal.type("delivery", "edit", record.id, "--reason", "x", "--set", "王样本", "--json")
        assert said.code == 2
        assert "王样本" not in said.out + said.err
        assert "must be written FIELD=VALUE" in said.json["error"]

    play(tmp_path, scene)


@pytest.mark.parametrize("words", [("delivery", "show"), ("delivery", "cancel", "--reason", "x"), ("repair", "cancel")])
@pytest.mark.parametrize("id_", ["", "?", "a b", "a/../x", "abc#"])
def test_what_is_no_id_is_refused_before_anybody_is_asked(tmp_path: Path, words: tuple[str, ...], id_: str) -> None:
    """An unset variable of a script, above all: it must not become another address."""
    said = _typed([*words, id_, "--data", str(tmp_path)])
    assert said.code == 2
    assert "this is no id" in said.err


def test_json_that_is_nested_too_deeply_is_refused_like_any_that_cannot_be_read(tmp_path: Path) -> None:
    """Not with a traceback."""
    deep = tmp_path / "deep.json"
    deep.write_text('{"a":' * 20_000 + "1" + "}" * 20_000)

    async def scene(terminal: Terminal) -> None:
        record = release(1)
        await terminal.desk.park(parked(record))
        said = await terminal.type("delivery", "edit", record.id, "--file", str(deep), "--reason", "x")
        assert said.code == 1
        assert "cannot read" in said.err

    play(tmp_path, scene)
