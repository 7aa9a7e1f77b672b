"""The pages: who may see them, what they hold, and what never leaves with them."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import datetime, timedelta
from html.parser import HTMLParser
from itertools import islice
from typing import Any

import pytest

from contracts.types import instant_text
from observability import metrics
from services.console.shown import Interface
from tests.console.stage import NOON, PASSWORD, TOKEN, VINS, Stage, at, case, delivery, span, spans

CASE = "0198c0de-0000-7000-8000-000000000001"
BANK = "bank-91110000MAT57WXL1C"
PAGES = ("/", "/live", "/cases", f"/cases/{CASE}", f"/cases/{CASE}/live", f"/cases/{CASE}/spans")
LOOKS = ("/static/console.css", "/static/palette.css", "/static/icon.svg")
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Structure(HTMLParser):
    """What a page is made of: its elements in balance, ids, labels, and anything inline that the policy would block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.inputs: list[str] = []
        self.inline: list[str] = []
        self.headings: list[int] = []
        self.foreign: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID and tag != "rect":
            self.open.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.labels |= {found["for"] or ""} if "for" in found else set()
        self.inputs += [found.get("id") or ""] if tag == "input" and found.get("type") != "hidden" else []
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in found) else []
        self.foreign += [value for value in found.values() if value and re.match(r"(https?:)?//", value)]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag


def tell_a_story(stage: Stage) -> None:
    """One case that is held, one that needs a person."""
    hold = {"state": "NONE", "hold": "P423", "code": "P423", "owner": "legal-desk"}
    stage.tell(
        case(CASE, VINS[0], headline="HOLD", facets={"order": "CONFIRMED", "coc": "AVAILABLE"}),
        case("other", VINS[1], headline="MANUAL", owner="legal-desk", code="P423", facets={"reg": hold}),
        delivery(CASE, "registration.register", "police", ["unavailable/P503", "answered/0"]),
        spans([span("process police.commands", 0, 40, 1, case_id=CASE), span("POST police", 5, 30, 2, 1)]),
    )


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_logging_in(stage: Stage, path: str) -> None:
    """Every page leads to the log-in; the streams and JSON answer 401."""
    answer = stage.ask(path)
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert stage.ask("/events", accept="text/event-stream").status == 401
    assert stage.ask("/api/status").status == 401
    assert stage.api("/api/status").status == 200
    assert stage.api("/api/status", Authorization="Bearer wrong").status == 401


def test_a_forged_old_or_ended_session_is_none(stage: Stage) -> None:
    """The cookie is signed, ends by itself after half a day, and at once on logging out."""
    csrf = stage.log_in()
    (cookie,) = [each for each in stage.jar if each.name == "tongche_session"]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    value = cookie.value or ""
    last = "0" if value[-1] != "0" else "1"
    for forged in ("", "x", "..", value[:-1] + last, "é", value.replace(".", ".9", 1)):
        stage.jar.clear()
        answer = stage.send(urllib.request.Request(stage.url + "/", headers={"Cookie": f"tongche_session={forged}"}))  # noqa: S310
        assert answer.status == 303, forged
    stage.jar.set_cookie(cookie)
    assert stage.ask("/").status == 200
    assert stage.ask("/logout", {"csrf": csrf}).status == 303
    stage.jar.set_cookie(cookie)
    assert stage.ask("/").status == 303
    stage.log_in()
    stage.clock.move(NOON + timedelta(hours=12))
    assert stage.ask("/").status == 303


def test_guessing_is_braked(stage: Stage) -> None:
    """After five failures in a minute even the right password has to wait, and then it works."""
    refused = [stage.ask("/login", {"user": "operator", "password": f"guess {number}"}).status for number in range(6)]
    assert refused == [401, 401, 401, 401, 401, 429]
    right = {"user": "operator", "password": PASSWORD}
    braked = stage.ask("/login", right)
    assert (braked.status, braked.headers["retry-after"]) == (429, "60")
    stage.clock.move(at(61))
    assert stage.ask("/login", right).status == 303


def test_forms_of_other_sites_are_refused(stage: Stage) -> None:
    """Without our token, or from another origin, nothing is done."""
    csrf = stage.log_in()
    tell_a_story(stage)
    assert stage.ask("/search", {"q": VINS[0]}).status == 403
    assert stage.ask("/search", {"q": VINS[0], "csrf": "0" * 64}).status == 403
    assert stage.ask("/search", {"q": VINS[0], "csrf": csrf}, Origin="https://evil.example").status == 403
    assert stage.ask("/login", {"user": "operator", "password": PASSWORD}, Origin="null").status == 403
    assert stage.ask("/search", {"q": VINS[0], "csrf": csrf}).status == 303
    assert stage.ask("/", Host="evil.example").status == 400


def test_bodies_are_small(stage: Stage) -> None:
    """Nobody can make the console read a long body."""
    assert stage.ask("/login", {"user": "x" * 20_000}).status == 413
    assert stage.ask("/login", {"user": "x" * 300}).status == 422


@pytest.mark.parametrize("path", [*PAGES, "/login", "/nothing", "/api/status", "/api/nothing", *LOOKS])
def test_every_answer_is_hardened(stage: Stage, path: str) -> None:
    """A strict policy, no framing, no guessing of types, nothing kept in a cache."""
    stage.log_in()
    answer = stage.ask(path)
    assert path not in LOOKS or answer.status == 200
    headers = answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", [*PAGES, "/nothing"])
def test_pages_are_well_built(stage: Stage, path: str, language: str) -> None:
    """Balanced, every id once, every field labelled, nothing inline, nothing from elsewhere, in both languages."""
    stage.log_in()
    tell_a_story(stage)
    assert stage.ask("/language", {"to": language, "back": "//evil.example"}).headers["location"] == "/"
    page = Structure(stage.ask(path).text)
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.inputs) <= page.labels
    assert page.inline == []
    assert page.foreign == []
    if not path.endswith(("/live", "/spans")):
        assert page.headings[0] == 1


def test_the_start_page_shows_what_needs_a_person_first(stage: Stage) -> None:
    """Counts, organisations with their state, and the manual case above the others."""
    stage.dispatch = [{"id": "police", "state": "open", "since": at(0).timestamp(), "held": 17, "parked": 2, "dead": 1}]
    stage.act(stage.organisations.ask)
    tell_a_story(stage)
    stage.log_in()
    text = stage.ask("/").text
    assert text.index("LB3…920002") < text.index("LS5…540001")
    assert "样例车管所" in text
    assert "停用" in text
    status = stage.api("/api/status").json
    assert status["cases"] == {
        "open": 0,
        "hold": 1,
        "manual": 1,
        "closed": 0,
        "cancelled": 0,
        "refused": 0,
        "unfinished": 0,
    }
    assert status["deliveries"] == {"held": 17, "parked": 2, "dead": 1}
    assert status["organisations"][0]["since"] == "2026-11-20T04:00:00.000Z"
    stage.dispatch = [{"id": "police", "state": "open", "paused_by": "li"}]
    stage.act(stage.organisations.ask)
    assert "人工暂缓" in stage.ask("/").text


def contradicted(delivery_id: str, others: int, organisation: str = BANK) -> dict[str, Any]:
    """What dispatch tells of a bank that brought two answers or more to one command."""
    told = {"organisation": organisation, "delivery": delivery_id, "revision": 1, "open": True}
    return told | {"at": at(0).timestamp(), "others": others, "other_at": at(90).timestamp()}


def test_an_organisation_that_contradicted_itself_is_shown_with_what_to_do(stage: Stage) -> None:
    """On the start page and with the case, in both languages: who, when, how often, what holds; until that is known."""
    sent, strange = "0198c0de-0000-7000-8000-00000000000a", "0198c0de-0000-7000-8000-00000000000b"
    stage.tell(case(CASE), case("other", VINS[1]), delivery(CASE, "loan.apply", BANK, ["answered/0"], id=sent))
    bank = {"id": BANK, "state": "closed", "contradicted": 7}
    stage.dispatch = [bank | {"contradictions": [contradicted(sent, 2), contradicted(strange, 1)]}]
    stage.act(stage.organisations.ask)
    stage.log_in()
    for language, texts in (
        ("zh", ("自相矛盾", "首次答复，以此为准", "其后 2 次不同", "请向机构核实何者为真")),
        ("en", ("contradicted itself", "the first answer, which holds", "2 later answers say otherwise", "Ask them")),
    ):
        stage.ask("/language", {"to": language})
        start, of_case = stage.ask("/").text, stage.ask(f"/cases/{CASE}").text
        for page in (start, of_case):
            assert all(text in page for text in (*texts, "12:00:00", "12:01:30")), language
            assert f"tongche delivery clear-up {sent} --reason" in page
            assert len(set(Structure(page).ids)) == len(Structure(page).ids)
        assert f'href="/cases/{CASE}"' in start
        assert (strange in start, strange in of_case) == (True, False)
        assert "tongche delivery list --json" in start
        assert VINS[0] not in start + of_case
        assert texts[0] not in stage.ask("/cases/other").text
    assert [one["delivery"] for one in stage.api(f"/api/cases/{CASE}").json["contradictions"]] == [sent]
    assert stage.api("/api/status").json["organisations"][0]["contradicted"] == 7
    stage.dispatch = [bank | {"contradicted": 0}]
    stage.act(stage.organisations.ask)
    assert "contradicted itself" not in stage.ask("/").text + stage.ask(f"/cases/{CASE}").text


def asked(command: str, facet: str, organisation: str, number: int) -> dict[str, Any]:
    """A command that the journey sent at noon and of which it has heard nothing."""
    told = {"delivery_id": f"0198c0de-0000-7000-8000-0000000000{number:02d}", "asked_at": instant_text(NOON)}
    return told | {"asked_for": command, "facet": facet, "asked_of": organisation}


def test_call_backs_that_were_refused_are_shown_with_their_organisation(stage: Stage) -> None:
    """How many, why and when last: its commands wait, and it may believe that it answered."""
    refused = {"why": "signature", "number": 75, "since": at(0).timestamp(), "last_at": at(90).timestamp()}
    stage.dispatch = [{"id": BANK, "state": "closed", "refused": [refused]}]
    stage.act(stage.organisations.ask)
    stage.log_in()
    for language, texts in (
        ("zh", ("回送被拒 <b>75</b> 签名不符，或签名者不在登记之列 · 末次 <time", "12:01:30")),
        ("en", ("call-backs refused: <b>75</b> signature: by nobody we know", "12:01:30")),
    ):
        stage.ask("/language", {"to": language})
        page = stage.ask("/").text
        assert [text for text in texts if text not in page] == []


LOAN, PLATE, REGISTER, TAX = (
    asked("loan.apply", "loan", BANK, 1),
    asked("plate.reserve", "plate", "police", 2),
    asked("registration.register", "reg", "customs", 3),
    asked("tax.pay", "tax", "tax", 4),
)


def stand_in_every_way(stage: Stage) -> None:
    """One command is parked, one is held by an outage, one given up, and one is being tried."""
    parked: dict[str, Any] = {"failure": "broken-answer", "reason": "not-an-object"}
    later, dead = {"next_try_at": instant_text(at(900))}, {"failure": "deadline", "owner": "operator"}
    stage.tell(
        case(CASE, facets={"tax": "ASSESSED"}, asked=[LOAN, PLATE, REGISTER, TAX]),
        delivery(CASE, "loan.apply", BANK, [], id=LOAN["delivery_id"], state="parked", **parked, **later),
        delivery(CASE, "registration.register", "customs", [], id=REGISTER["delivery_id"], state="dead", **dead),
    )
    down = {"since": at(5).timestamp(), "reason": "unavailable: P503, status 503", "probe_at": at(608).timestamp()}
    up = [{"id": id_, "state": "closed", "since": at(0).timestamp()} for id_ in (BANK, "customs", "tax")]
    stage.dispatch = [{"id": "police", "state": "open", **down}, *up]
    stage.act(stage.organisations.ask)
    stage.clock.move(at(600))


def test_a_case_says_of_every_open_command_how_it_stands(stage: Stage) -> None:
    """What was asked of whom and when; tried, held by an outage since when, parked until when and why, or given up."""
    stand_in_every_way(stage)
    whole = stage.api(f"/api/cases/{CASE}").json
    waits = {each["what"]: each for each in whole["waits"]}
    told = {
        name: (each["asked"]["standing"], each["tone"], each["until"], each["asked"]["down_since"])
        for name, each in waits.items()
    }
    assert told == {
        "loan.apply": ("parked", "wait", instant_text(at(900)), None),
        "plate.reserve": ("held", "wait", instant_text(at(608)), instant_text(at(5))),
        "registration.register": ("dead", "person", None, None),
        "tax.pay": ("trying", "busy", None, None),
    }
    assert waits["plate.reserve"]["said"]["why"] == {"zh": "暂缓，机构停用", "en": "held: the organisation is down"}
    reason = waits["plate.reserve"]["said"]["reason"]
    assert reason == {
        "zh": "机构不可用：P503 公安交管系统暂不可用，HTTP 503",
        "en": "unavailable: P503 the traffic police are down, status 503",
    }
    assert waits["loan.apply"]["said"]["reason"] == {"zh": "答复不是应有的结构", "en": "not-an-object"}
    assert {each["asked"]["asked_at"] for each in waits.values()} == {instant_text(NOON)}
    assert whole["fresh"] is True
    stage.log_in()
    for language, texts in (
        (
            "zh",
            ("样例车管所", "机构停用或暂缓自", "12:00:05", "下次试探 <time", "下次尝试 <time", "答复不是应有的结构"),
        ),
        ("en", ("Sample Traffic Police", "down or paused since", "10 min", "next probe <time", "not answered yet")),
    ):
        stage.ask("/language", {"to": language})
        page = stage.ask(f"/cases/{CASE}").text
        assert [text for text in texts if text not in page] == []


def test_a_strand_whose_command_is_under_way_has_begun(stage: Stage) -> None:
    """On the case's page and in lists of cases; where nothing was asked it has not."""
    stand_in_every_way(stage)
    whole = stage.api(f"/api/cases/{CASE}").json
    told = {each["name"]: (each["said"]["state"]["en"], each["tone"]) for each in whole["facets"]}
    assert told["loan"] == ("asked, to be tried again", "wait")
    assert told["plate"] == ("asked, waits for the organisation", "wait")
    assert told["tax"] == ("assessed", "busy")
    assert told["elic"] == ("not begun", "none")
    (line,) = stage.api("/api/cases").json["cases"]
    progress = dict(zip(told, line["progress"], strict=True))
    assert (progress["loan"], progress["plate"], progress["elic"]) == ("busy", "busy", "none")


def test_what_is_due_waits_for_its_organisation_or_is_being_tried(stage: Stage) -> None:
    """Its last failure says nothing of now; what was answered, and the case does not know, waits for nobody there."""
    parked: dict[str, Any] = {"state": "parked", "failure": "unavailable", "next_try_at": instant_text(at(30))}
    stage.tell(
        case(CASE, asked=[PLATE, TAX, LOAN]),
        delivery(CASE, "plate.reserve", "police", [], id=PLATE["delivery_id"], **parked),
        delivery(CASE, "tax.pay", "tax", [], id=TAX["delivery_id"], **parked),
        delivery(CASE, "loan.apply", BANK, ["answered"], id=LOAN["delivery_id"]),
    )
    stage.dispatch = [
        {"id": "police", "state": "open", "paused_by": "li", "reason": "停电", "since": at(0).timestamp()}
    ]
    stage.act(stage.organisations.ask)
    for seconds, standings in ((29, ["parked", "parked", "answered"]), (30, ["held", "trying", "answered"])):
        stage.clock.move(at(seconds))
        waits = stage.api(f"/api/cases/{CASE}").json["waits"]
        assert [each["asked"]["standing"] for each in waits] == standings
    assert waits[0]["said"]["why"]["en"] == "held: the organisation is paused"
    assert waits[0]["said"]["reason"] == {"zh": "停电", "en": "停电"}
    assert waits[0]["commands"] == ['tongche delivery resume police --reason "…"']


def test_the_start_page_says_since_when_and_why_an_organisation_is_away(stage: Stage) -> None:
    """And when it is probed next; who asks for fewer calls, or was resumed, is not said to be down."""
    stand_in_every_way(stage)
    stage.log_in()
    for language, texts in (
        ("zh", ("停用 · 9.9 分", "公安交管系统暂不可用", "始于", "12:00:05", "下次试探 ")),
        ("en", ("down · 9.9 min", "the traffic police are down", "since", "12:00:05", "next probe ")),
    ):
        stage.ask("/language", {"to": language})
        page = stage.ask("/").text
        assert [text for text in texts if text not in page] == []
    stage.dispatch = [{"id": "police", "state": "open", "reason": "unavailable: status 429", "since": 1.0}]
    stage.act(stage.organisations.ask)
    assert "slowing us down" in stage.ask("/").text
    stage.dispatch = [{"id": "police", "state": "open", "reason": "resumed, to be probed", "since": 1.0}]
    stage.act(stage.organisations.ask)
    page = stage.ask("/").text
    assert ("resumed · " in page, "down · " in page) == (True, False)


def test_a_closed_case_in_which_somebody_must_act_is_among_those_that_need_a_person(stage: Stage) -> None:
    """It stays closed, and is counted once; what a timer will move is nobody's, and what was mended is gone."""
    dead = {"state": "REGISTERED", "hold": "dead", "owner": "operator"}
    timed = {**dead, "hold": "timeout", "until": instant_text(at(99))}
    over: dict[str, Any] = {"headline": "CLOSED", "closed_at": instant_text(at(1))}
    stage.tell(
        case(CASE, owner="operator", facets={"mort": dead}, **over),
        case("timed", VINS[1], facets={"mort": timed}, **over),
        case("quiet", VINS[2], **over),
    )

    def listed(group: str) -> list[str]:
        return [each["id"] for each in stage.api(f"/api/cases?state={group}").json["cases"]]

    counted = stage.api("/api/status").json["cases"]
    assert {name: number for name, number in counted.items() if number} == {"manual": 1, "unfinished": 1, "closed": 2}
    assert (listed("manual"), listed("unfinished"), sorted(listed("closed"))) == ([CASE], [CASE], ["quiet", "timed"])
    told = stage.api(f"/api/cases/{CASE}").json
    assert (told["headline"], told["unfinished"], told["tone"]) == ("CLOSED", True, "person")
    # It cannot be called off any more.
    assert [wait["commands"] for wait in told["waits"]] == [[f'tongche case resume {CASE} --reason "…"']]
    stage.log_in()
    stage.ask("/language", {"to": "en"})
    start = stage.ask("/").text
    assert "Closed, but somebody must act" in start
    assert start.index(f"/cases/{CASE}") < start.index("/cases/quiet")
    assert start.count(f"/cases/{CASE}") == 1
    stage.tell(case(CASE, version=2, facets={"mort": "RELEASED"}, **over))
    assert (listed("manual"), listed("unfinished"), len(listed("closed"))) == ([], [], 3)
    assert stage.api("/api/status").json["cases"]["manual"] == 0


def test_the_case_page_tells_the_whole_story(stage: Stage) -> None:
    """Every attempt with its code in words, and the spans, in the language chosen."""
    tell_a_story(stage)
    stage.log_in()
    chinese = stage.ask(f"/cases/{CASE}").text
    stage.ask("/language", {"to": "en"})
    english = stage.ask(f"/cases/{CASE}").text
    assert "公安交管系统暂不可用" in chinese
    assert "the traffic police are down" in english
    assert english.count('class="attempt ') == 2
    assert english.count("<rect") == 4


def test_each_step_is_told_with_its_grounds_and_the_tax_clock_runs(stage: Stage) -> None:
    """In the reader's language: rule, law, the pack by its title, the inputs by their digests, the days left."""
    step = {
        "rule": "T5", "facet": "tax", "before": "NONE", "after": "ASSESSED",
        "zh": "税额一致", "en": "the amounts agree",
        "pack": "NEV-26", "source": "PTL 3–6", "inputs": [{"name": "invoice", "sha256": "ab12cd34" * 8}],
    }  # fmt: skip
    # The first late day begins at midnight of the fifth: the fourth is the last one.
    timer = {"name": "tax-clock", "due": "2026-12-04T16:00:00.000Z"}
    stage.tell(case(CASE, facets={"tax": "ASSESSED"}, steps=[step], timers=[timer]))
    stage.log_in()
    chinese = stage.ask(f"/cases/{CASE}").text
    stage.ask("/language", {"to": "en"})
    english = stage.ask(f"/cases/{CASE}").text
    assert "T5 购置税：税额一致，政策包 NEV-26（依据 车辆购置税法 3–6；" in chinese
    assert "T5 Tax: the amounts agree, policy pack NEV-26 (by PTL 3–6; " in english
    assert "新能源汽车减半征收车辆购置税" in chinese
    assert ">ab12cd34<" in english
    assert "<b>2026-12-04</b> · 还有 15 天" in chinese
    (clock,) = stage.api(f"/api/cases/{CASE}").json["clocks"]
    assert (clock["last_day"], clock["days_left"]) == ("2026-12-04", 15)
    stage.clock.move(datetime.fromisoformat("2026-12-04T16:00:00+00:00"))
    assert stage.api(f"/api/cases/{CASE}").json["clocks"][0]["days_left"] == 0
    assert Interface("en", NOON).days(0) == "1 day late"


def test_the_polices_legal_limit_shows_while_a_registration_waits(stage: Stage) -> None:
    """The timer that watches for the answer is the limit's; other answers have none that the law knows."""
    timers = [{"name": f"watch:{name}", "due": "2026-11-26T16:00:00.000Z"} for name in ("d1", "d2", "d3")]
    stage.tell(
        case(CASE, timers=timers),
        delivery(CASE, "registration.register", "police", ["unavailable/P503"], id="d1", state="parked"),
        delivery(CASE, "tax.pay", "tax", ["unavailable/T503"], id="d2", state="parked"),
    )
    (clock,) = stage.api(f"/api/cases/{CASE}").json["clocks"]
    assert (clock["name"], clock["last_day"], clock["days_left"]) == ("registration.register", "2026-11-26", 7)


def test_the_start_page_shows_how_long_cases_take(stage: Stage) -> None:
    """Only where something was closed; with the slowest to look at."""
    stage.log_in()
    assert "新车上牌用时" not in stage.ask("/").text
    stage.tell(case(CASE, headline="CLOSED", closed_at=instant_text(at(240))))
    stage.api("/api/stats/cases")
    text = stage.ask("/").text
    assert "新车上牌用时" in text
    assert "100.0 %" in text
    assert f'<a href="/cases/{CASE}">4 分</a>' in text


def test_what_messages_say_is_text_and_never_markup(stage: Stage) -> None:
    """An owner called like a tag is shown as it is written."""
    stage.tell(case(CASE, headline="MANUAL", owner="<script>alert(1)</script>", order_no='"><img src=x>'))
    stage.log_in()
    for path in ("/", f"/cases/{CASE}"):
        text = stage.ask(path).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert" in text


def test_a_vin_stands_in_no_address_and_no_log_line(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    """Searching leads to the case by its id; pages, JSON, streams and logs hold the masked VIN at most."""
    csrf = stage.log_in()
    tell_a_story(stage)
    found = stage.ask("/search", {"q": VINS[0].lower(), "csrf": csrf})
    assert found.headers["location"] == f"/cases/{CASE}"
    stage.ask(f"/cases/{VINS[0]}")
    stage.ask(f"/nothing?q={VINS[0]}")
    stage.api("/api/search", {"q": VINS[0]})
    stage.api("/api/search", {"q": VINS[0], "more": 1})
    told = [stage.ask(path).text for path in PAGES]
    told += [stage.api(f"/api/cases/{CASE}").text, stage.api("/api/cases").text, metrics.render().decode()]
    captured = capfd.readouterr()
    assert not [text for text in (*told, captured.out, captured.err) if VINS[0] in text]


def test_the_json_interface_answers_problems_as_problems(stage: Stage) -> None:
    """Unknown, unreadable and wrong requests get a problem document that repeats nothing of them."""
    missing = stage.api("/api/cases/none")
    assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
    wrong = stage.api("/api/search", {"q": "x" * 100})
    assert wrong.status == 422
    assert "xxx" not in wrong.text
    assert stage.api("/api/cases?state=strange").status == 422
    assert stage.api("/api/cases?state=manual").json == {"cases": []}


def test_dispatch_being_away_is_said_and_what_was_known_stays(stage: Stage) -> None:
    """The last known state is shown as such, and what is parked is counted from the deliveries."""
    stage.dispatch = [{"id": "tax", "state": "closed", "parked": 5}]
    stage.act(stage.organisations.ask)
    stage.tell(delivery(CASE, "tax.pay", "tax", ["ambiguous"], state="parked"))
    assert stage.api("/api/status").json["deliveries"]["parked"] == 5
    stage.dispatch = [{"nonsense": True}]
    stage.act(stage.organisations.ask)
    status = stage.api("/api/status").json
    assert (status["fresh"], status["deliveries"]["parked"], len(status["organisations"])) == (False, 1, 1)
    stage.log_in()
    assert "投递服务没有答复" in stage.ask("/").text


def test_a_stream_goes_on_where_its_reader_left_off(stage: Stage) -> None:
    """With Last-Event-ID nothing is missed and nothing comes twice; another case's changes do not come."""
    stage.tell(case(CASE, version=1), case("other", VINS[1], version=1), case(CASE, version=2))
    headers = {"Authorization": f"Bearer {TOKEN}", "Last-Event-ID": "1"}
    request = urllib.request.Request(f"{stage.url}/api/tail?case={CASE}", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as stream:  # noqa: S310
        stage.wait_for_followers(1)
        stage.tell(case("other", VINS[1], version=2), case(CASE, version=3))
        data = (json.loads(line[6:]) for line in stream if line.startswith(b"data: "))
        told = list(islice(data, 2))
    assert [each["version"] for each in told] == [2, 3]


def test_streams_are_counted_and_bounded(stage: Stage) -> None:
    """Beyond the limit a stream is refused instead of taking a connection."""
    stage.feed.followers = 64
    assert stage.api("/api/tail").status == 503
