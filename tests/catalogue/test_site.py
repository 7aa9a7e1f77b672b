"""The pages stand alone: every link leads somewhere, nothing comes from elsewhere, and no word of ours is markup."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
from markupsafe import escape

from adapters.fixtures import cases
from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from contracts.codes import CODES
from contracts.descriptions import description
from contracts.fields import FIELDS
from contracts.registry import CONTRACTS
from contracts.views.subscriber import Subscribers
from services.catalogue.dictionary import dictionary
from services.catalogue.installation import Installation, Publisher, Used
from services.catalogue.site import Site
from services.catalogue.topics import entries
from services.catalogue.words import FEATURES, THEN
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


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_recorded_exchange_is_on_a_page(pages: dict[str, Page], name: str) -> None:
    """Under its operation, which its agency's page leads to, with its name, both messages and what comes of it."""
    for case in cases(ADAPTERS[name]):
        page = pages[f"agencies/{name}/{case.command}.html"]
        told = unescape(page.text.partition(f'id="{case.file}"')[2].partition("</section>")[0])
        assert case.fixture["name"] in told
        assert case.fixture["given"]["data"]["vin"] in told
        assert str(case.fixture["response"]["status"]) in told
        for outcome in ("event", "error", "code", "reason"):
            assert case.fixture["then"].get(outcome, "") in told
        assert f"{name}/{case.command}.html" in pages[f"agencies/{name}.html"].links


def test_an_operation_says_where_it_is_looked_up(pages: dict[str, Page]) -> None:
    """By a business key, or by ours, and for how long "unknown" says nothing."""
    told = {name: unescape(pages[f"agencies/{name}.html"].text) for name in ("commerce", "customs", "insurer")}
    assert "POST /vehicle-export/licences/query" in told["commerce"]
    assert "unknown says nothing before that" in told["commerce"]
    assert "GET /export/declarations · DEC01" in told["customs"]
    assert "looked up" not in told["insurer"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_code_of_an_agency_says_what_follows(pages: dict[str, Page], name: str) -> None:
    """Final, tried again or slowing us down, beside its meaning in both languages; and what the agency promises."""
    adapter, text = ADAPTERS[name], unescape(pages[f"agencies/{name}.html"].text)
    for theirs, means in adapter.errors.codes.items():
        row = text.partition(f'<th class="code">{theirs}</th>')[2].partition("</tr>")[0]
        ours = CODES[means.code]
        assert all(word in row for word in (ours.id, ours.zh, ours.en, *THEN[means.then]))
    assert all(word in text for word in (*FEATURES[adapter.features.value], *adapter.binding.style[1:3]))
    assert all(one.id in text for one in ORGANISATIONS.values() if one.adapter == name)


def test_messages_can_be_read(pages: dict[str, Page]) -> None:
    """XML stands in lines, and so does a document that stands in it as a text; what is hostile is shown as it came."""
    police = unescape(pages["agencies/police/registration.register.html"].text)
    assert "\n    <clsbdh>LZZTEST05TA000001</clsbdh>" in police
    assert "<syr>王样本</syr>" in police
    assert '<?xml version="1.0" encoding="GB18030"?>\n<soapenv:Envelope' in police
    assert "不可信" in police
    assert "[<!ENTITY" in unescape(pages["agencies/bank/loan.apply.html"].text)
    assert "␀␁}{][ 200 OK" in pages["agencies/miit/coc.query.html"].text


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
    # The police's documents end like some machines' home.
    everything = b"\n".join(exported.values()).replace(b"lt;/root&", b"")
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
