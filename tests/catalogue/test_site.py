"""The pages stand alone: every link leads somewhere, nothing comes from elsewhere, and no word of ours is markup."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
from markupsafe import escape

from contracts.descriptions import description
from contracts.fields import FIELDS
from contracts.registry import CONTRACTS
from contracts.views.subscriber import Subscribers
from services.catalogue.dictionary import dictionary
from services.catalogue.installation import Installation, Publisher, Used
from services.catalogue.site import Site
from services.catalogue.topics import entries
from tests.catalogue.conftest import KEY, PUBLISHERS, ROOT, installation, subscribers

_VOID: Final = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """What a page links to, what can be linked to in it, and whether its elements are closed."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text = content.decode()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links and ids."""
        told = dict(attrs)
        self.links += [value for name in ("href", "src") if (value := told.get(name)) is not None]
        self.ids += [value for value in (told.get("id"),) if value]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Elements are closed in the order in which they were opened."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def pages(exported: dict[str, bytes]) -> dict[str, Page]:
    """Every page by its path."""
    return {name: Page(content) for name, content in exported.items() if name.endswith(".html")}


def test_every_contract_and_every_field_has_its_place(pages: dict[str, Page]) -> None:
    """A page for each contract, a place on a page for each topic, field, grant and version."""
    assert {f"contracts/{name}.html" for name in CONTRACTS} < set(pages)
    assert set(FIELDS) <= set(pages["dictionary.html"].ids)
    assert {topic.name for topic in installation().topics()} <= set(pages["topics.html"].ids)
    assert {grant.id for _, grant in subscribers().grants()} <= set(pages["subscribers.html"].ids)
    assert {"v1", "v2", "v3"} <= set(pages["contracts/sale.confirmed.html"].ids)


def test_each_version_is_described_in_both_languages(pages: dict[str, Page]) -> None:
    """Chinese first, on the page of its contract."""
    for name, versions in CONTRACTS.items():
        for number in range(1, versions.newest + 1):
            said = [escape(words) for words in description(versions, number)]
            places = [pages[f"contracts/{name}.html"].text.index(words) for words in said]
            assert places == sorted(places)


def test_every_link_leads_somewhere(exported: dict[str, bytes], pages: dict[str, Page]) -> None:
    """To a file of the export, and to a place that is on it."""
    for name, page in pages.items():
        assert page.open == []
        for link in page.links:
            parts = urlsplit(link)
            assert not parts.scheme
            assert not parts.netloc
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), parts.path)) if parts.path else name
            assert target in exported
            if parts.fragment:
                assert unquote(parts.fragment) in pages[target].ids


def test_no_place_has_two_of_a_name(pages: dict[str, Page]) -> None:
    """A link would lead to the first of them only."""
    for page in pages.values():
        assert [name for name, times in Counter(page.ids).items() if times > 1] == []


def test_pages_are_read_aloud_in_the_right_language(pages: dict[str, Page]) -> None:
    """Each says its language, has a title, fits a phone, and lets its reader skip to the text."""
    for page in pages.values():
        assert '<html lang="zh-CN">' in page.text
        assert 'content="width=device-width, initial-scale=1"' in page.text
        assert re.search(r"<title>\s*\S", page.text)
        assert page.text.count("<h1") == 1
        assert 'href="#content"' in page.text


def test_nothing_of_the_machine_is_told(exported: dict[str, bytes]) -> None:
    """No path, no address of the installation, no key."""
    everything = b"\n".join(exported.values())
    for word in (str(ROOT), str(Path.home()), "/tmp/", "127.0.0.1", "localhost", KEY["x"]):  # noqa: S108
        assert word.encode() not in everything


def _subscribers_page(whose: Installation) -> str:
    site = Site(whose, entries(whose), dictionary(), ())
    return site.pages({})["subscribers.html"].decode()


def test_without_a_stack_nobody_claims_to_know_what_was_used(exported: dict[str, bytes]) -> None:
    """With one, each field tells in how many messages it was."""
    assert "Nothing runs that could be asked" in exported["subscribers.html"].decode()
    used = {
        "bank-one-tax": Used(7, {"vin": 7, "tax_paid_at": 6}),
        "bank-one-registrations": Used(4, {"vin": 4}, withheld=1),
    }
    told = _subscribers_page(installation(used))
    assert "7 条 messages</dd>" in told
    assert "4 条 messages，另有 1 条未提供内容" in told
    assert "Nothing runs" not in told
    assert ">tax_paid_at 是否 · 6<" in told


def test_every_grant_of_a_fresh_installation_cites_a_law_in_both_languages() -> None:
    """A contract is no basis by itself: an operator copies what is written there."""
    for _, grant in subscribers().grants():
        for said in (grant.purpose, grant.legal_basis):
            assert re.search(r"[一-鿿].*/ [a-z]", said or ""), grant.id
        assert re.match(r"[A-Z]{3,}[^一-鿿]* [0-9]", grant.legal_basis or ""), grant.id


def test_what_operators_wrote_is_text() -> None:
    """Titles and purposes come from files that people edit."""
    evil = '<script>alert("x")</script>'
    told: Any = json.loads(subscribers().model_dump_json(by_alias=True, exclude_none=True))
    told["subscribers"][0] |= {"title": evil}
    told["subscribers"][0]["grants"][0] |= {"purpose": evil, "legal_basis": evil}
    whose = Installation((Publisher("platform", evil), *PUBLISHERS[1:]), Subscribers.model_validate(told))
    page = _subscribers_page(whose)
    assert evil not in page
    assert "&lt;script&gt;" in page
