"""The pages in a real browser: they fit a phone, need no script, find what is typed, and complain of nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from services.catalogue import assessment, folder, risk
from tests.browser import SLOWLY_MS, needs_chromium
from tests.catalogue.test_risk import GATHERED

PAGES: Final = (
    "index.html",
    "topics.html",
    "contracts.html",
    "contracts/sale.confirmed.html",
    "contracts/case.changed.html",
    "dictionary.html",
    "matrix.html",
    "subscribers.html",
    "agencies.html",
    "agencies/bank.html",
    "agencies/police/registration.register.html",
    "agencies/miit/coc.query.html",
    "doors.html",
)

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def site(exported: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as files, which is how people open them."""
    place = tmp_path_factory.mktemp("site") / "catalogue"
    folder.replace(place, exported)
    return place


def _page(browser: Browser, width: int, *, script: bool = True) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 740}, java_script_enabled=script).new_page()
    page.set_default_timeout(SLOWLY_MS)
    return page


def test_every_page_fits_a_phone(browser: Browser, site: Path) -> None:
    """At 360 pixels nothing sticks out; nothing is asked of a network; the browser finds nothing to complain about."""
    page = _page(browser, 360)
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    for name in PAGES:
        page.goto((site / name).as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (name, wide) == (name, 0)
    assert complaints == []
    assert all(url.startswith("file:") for url in asked)


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_way_about_is_in_both_languages(browser: Browser, site: Path, width: int) -> None:
    """On a phone as well: every word is there, and none is cut off."""
    page = _page(browser, width)
    page.goto((site / "index.html").as_uri())
    bar = page.locator(".top nav")
    for words in bar.locator("[lang=en]").all():
        expect(words).to_be_visible()
    assert bar.locator("[lang=en]").count() == bar.locator("a").count() == 7
    assert bar.evaluate("bar => bar.scrollWidth - bar.clientWidth") == 0


def test_the_risk_report_fits_a_phone(browser: Browser, tmp_path: Path) -> None:
    """Each figure stands beside the name of its column, and none is off the screen or cut off."""
    (tmp_path / "risk.html").write_text(assessment.page(risk.report(GATHERED)), encoding="utf-8")
    page = _page(browser, 360)
    page.goto((tmp_path / "risk.html").as_uri())
    cells = page.locator("td")
    assert cells.evaluate_all("all => all.filter(one => one.getBoundingClientRect().right > 360).length") == 0
    named = cells.evaluate_all("all => all.map(one => getComputedStyle(one, '::before').content)")
    assert {'"余量 margin"', '"占比 share"', '"结论 result"', '"人数 ≤ persons"'} <= set(named)


def test_what_is_typed_is_found(browser: Browser, site: Path) -> None:
    """In Chinese or English, several words together; an emptied field shows everything again."""
    page = _page(browser, 1280)
    page.goto((site / "dictionary.html").as_uri())
    field = page.get_by_role("searchbox")
    every = page.locator("article:visible").count()
    field.fill("证件号码 buyer")
    expect(page.locator("article:visible")).to_have_count(1)
    expect(page.locator("article:visible h3")).to_have_text("buyer_id_no")
    field.fill("")
    expect(page.locator("article:visible")).to_have_count(every)


def test_everything_is_there_without_script(browser: Browser, site: Path) -> None:
    """Nothing that would not work is shown either."""
    page = _page(browser, 360, script=False)
    page.goto((site / "topics.html").as_uri())
    expect(page.locator("#sale\\.events")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_count(0)
