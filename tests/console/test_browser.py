"""The pages in a real browser: they work by keyboard, keep themselves current, fit a phone, and break no policy."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import SLOWLY_MS, needs_chromium
from tests.console.stage import NOON, PASSWORD, VINS, Stage, case, delivery, span, spans

CASE = "0198c0de-0000-7000-8000-000000000001"
BANK = "bank-91110000MAT57WXL1C"

pytestmark = needs_chromium


class Desk:
    """Somebody at a browser, and whatever the browser complains about."""

    def __init__(self, browser: Browser, stage: Stage, **settings: Any) -> None:
        self.page: Page = browser.new_context(locale="zh-CN", **settings).new_page()
        self.page.set_default_timeout(SLOWLY_MS)
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.stage = stage

    def log_in(self) -> None:
        """Type the log-in without touching the mouse."""
        self.page.goto(self.stage.url)
        expect(self.page.locator("#user")).to_be_focused()
        self.page.keyboard.type("operator")
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSWORD)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("body.on")).to_be_visible()

    def overflows(self) -> bool:
        """Whether the page is wider than the screen."""
        wider: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wider


def tell_a_story(stage: Stage) -> None:
    """A case with a long organisation name, many attempts and a deep trace."""
    hold = {"state": "NONE", "hold": "timeout", "owner": "police-desk"}
    stage.tell(
        case(CASE, headline="MANUAL", owner="police-desk", facets={"order": "CONFIRMED", "reg": hold}),
        delivery(CASE, "insurance.bind", "insurer-91110000MAY1GEUH59", ["unavailable/I503"] * 4 + ["answered/0"]),
        spans(
            span(f"process insurer-91110000MAY1GEUH59.commands {n}", n, 40, n + 1, n, case_id=CASE) for n in range(12)
        ),
    )


def contradict(stage: Stage) -> None:
    """A bank said two things about that case's loan."""
    sent = "0198c0de-0000-7000-8000-00000000000a"
    stage.tell(delivery(CASE, "loan.apply", BANK, ["answered/0"], id=sent))
    told = {"organisation": BANK, "delivery": sent, "at": NOON.timestamp(), "others": 12, "other_at": NOON.timestamp()}
    stage.dispatch = [{"id": BANK, "state": "closed", "contradicted": 1, "contradictions": [told]}]
    stage.act(stage.organisations.ask)


def test_an_operator_finds_a_vehicle_by_keyboard(browser: Browser, stage: Stage) -> None:
    """Log in, press slash, type the VIN: the case page; no VIN in any address, no complaint of the browser."""
    tell_a_story(stage)
    desk = Desk(browser, stage)
    desk.log_in()
    desk.page.keyboard.press("/")
    desk.page.keyboard.type(VINS[0])
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("h1")).to_have_text("LS5…540001")
    assert desk.page.url == f"{stage.url}/cases/{CASE}"
    expect(desk.page.locator(".attempt")).to_have_count(5)
    expect(desk.page.locator(".span")).to_have_count(12)
    desk.page.get_by_role("button", name="English").click()
    expect(desk.page.locator(".case-state .mark")).to_have_text("Needs a person")
    assert desk.page.url == f"{stage.url}/cases/{CASE}"
    assert desk.complaints == []
    assert not [address for address in desk.addresses if VINS[0] in address]
    assert all(address.startswith(stage.url) for address in desk.addresses)


def test_pages_keep_themselves_current(browser: Browser, stage: Stage) -> None:
    """What changes appears by itself, and what the reader had folded stays folded."""
    tell_a_story(stage)
    desk = Desk(browser, stage)
    desk.log_in()
    stage.tell(case("other", VINS[1], headline="MANUAL"))
    expect(desk.page.get_by_text("LB3…920002")).to_be_visible()
    desk.page.goto(f"{stage.url}/cases/{CASE}")
    expect(desk.page.locator("body.on")).to_be_visible()
    command = desk.page.locator(".waits pre").first
    expect(command).to_be_visible()
    desk.page.locator(".waits summary").first.click()
    expect(command).to_be_hidden()
    stage.tell(delivery(CASE, "registration.register", "police", ["answered/0"]))
    expect(desk.page.locator(".agency")).to_have_count(2)
    expect(command).to_be_hidden()
    assert desk.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_in_light_and_dark(browser: Browser, stage: Stage, scheme: str) -> None:
    """Nothing sticks out at 360 pixels, and the ground follows the reader's scheme."""
    tell_a_story(stage)
    contradict(stage)
    desk = Desk(browser, stage, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    desk.log_in()
    expect(desk.page.locator(".wait-card")).to_have_count(1)
    assert not desk.overflows()
    desk.page.goto(f"{stage.url}/cases/{CASE}")
    expect(desk.page.locator(".delivery .mark.person")).to_have_count(1)
    assert not desk.overflows()
    ground = desk.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(20, 24, 23)") is (scheme == "dark")


def test_pages_work_without_script(browser: Browser, stage: Stage) -> None:
    """Without script a page is merely not live."""
    tell_a_story(stage)
    desk = Desk(browser, stage, java_script_enabled=False)
    desk.page.goto(stage.url)
    desk.page.locator("#user").fill("operator")
    desk.page.locator("#password").fill(PASSWORD)
    desk.page.locator("button.strong").click()
    desk.page.locator("#q").fill(CASE)
    desk.page.locator("#q").press("Enter")
    expect(desk.page.locator("h1")).to_have_text("LS5…540001")
