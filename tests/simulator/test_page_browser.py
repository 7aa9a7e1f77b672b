"""The page in a real browser: it keeps itself current, breaks and heals at a press, fits a phone, needs no script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import SLOWLY_MS, needs_chromium
from tests.simulator.city import PASSWORD, City
from tests.simulator.onlooker import Country

pytestmark = needs_chromium


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    """A simulated country."""
    country = Country(tmp_path)
    yield country
    country.close()


class Onlooker:
    """Somebody at a browser, and whatever the browser complains about."""

    def __init__(self, browser: Browser, country: Country, **settings: Any) -> None:
        self.page: Page = browser.new_context(locale="en-GB", **settings).new_page()
        self.page.set_default_timeout(SLOWLY_MS)
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.country = country

    def log_in(self) -> None:
        """Type the log-in."""
        self.page.goto(self.country.url)
        self.page.locator("#user").fill("operator")
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("button.strong").click()

    def overflows(self) -> bool:
        """Whether the page is wider than the screen."""
        wider: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wider


async def _ask(city: City) -> int:
    return (await city.car().attempt("coc-query")).status


def test_an_operator_watches_breaks_and_heals(browser: Browser, country: Country) -> None:
    """Requests appear as they come; a press breaks the agency for the next one, another heals it."""
    onlooker = Onlooker(browser, country)
    page = onlooker.page
    onlooker.log_in()
    page.get_by_role("link", name="Sample MIIT").click()
    expect(page.locator("body.on")).to_be_visible()
    expect(page.locator(".line")).to_have_count(0)
    assert country.act(_ask) == 404
    expect(page.locator("[aria-labelledby=requests] .line")).to_have_count(1)
    expect(page.locator("[aria-labelledby=refusals] .line")).to_contain_text("GX4040")
    page.get_by_role("button", name="down", exact=True).click()
    expect(page.locator(".standing .mark")).to_have_text("down")
    assert country.act(_ask) == 503
    expect(page.locator("[aria-labelledby=requests] .line").first).to_contain_text("says it is down")
    page.get_by_role("button", name="Heal").click()
    expect(page.locator(".standing .mark")).to_have_text("well")
    assert country.act(_ask) == 404
    assert onlooker.complaints == []


def test_what_is_being_typed_stays_while_requests_come(browser: Browser, country: Country) -> None:
    """Only what is watched is replaced; a knob is turned with what was typed."""
    onlooker = Onlooker(browser, country)
    page = onlooker.page
    onlooker.log_in()
    page.goto(f"{country.url}/_watch/miit")
    page.get_by_text("Pace").click()
    page.get_by_label("Delay (ms)").fill("40")
    assert country.act(_ask) == 404
    expect(page.locator("[aria-labelledby=requests] .line")).to_have_count(1)
    expect(page.get_by_label("Delay (ms)")).to_have_value("40")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".standing code")).to_have_text("delay_ms = 40")
    assert onlooker.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(browser: Browser, country: Country, scheme: str) -> None:
    """Nothing sticks out at 360 pixels with everything open, and the ground follows the reader's scheme."""
    country.act(_everything)
    onlooker = Onlooker(browser, country, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    onlooker.log_in()
    assert not onlooker.overflows()
    for organisation in ("miit", "police", "insurer-91110000MAY1GEUH59"):
        onlooker.page.goto(f"{country.url}/_watch/{organisation}")
        onlooker.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert not onlooker.overflows(), organisation
    ground = onlooker.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(20, 24, 23)") is (scheme == "dark")


async def _everything(city: City) -> None:
    script = {"operation": "coc.query", "vin": "LZZTEST05TA000001", "fixture": "coc-query-code-is-an-object"}
    for organisation in ("miit", "police", "insurer-91110000MAY1GEUH59"):
        await city.turn(organisation, monsoon={"seed": 7}, scripts=[script], delay_ms=1, seized=["LZZTEST05TA000001"])
    await city.car().through("insurance-bind")
    await city.car().attempt("coc-query", key="a-key-that-is-as-long-as-they-come-" * 3)


def test_the_page_works_without_script(browser: Browser, country: Country) -> None:
    """It is merely not live."""
    onlooker = Onlooker(browser, country, java_script_enabled=False)
    onlooker.log_in()
    onlooker.page.get_by_role("link", name="Sample Tax Office").click()
    onlooker.page.get_by_role("button", name="garbles").click()
    expect(onlooker.page.locator(".standing .mark")).to_have_text("knobs turned")
