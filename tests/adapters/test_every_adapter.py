"""What every adapter promises, walked over all of them and all their fixtures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import adapters
from adapters import folders, replies
from adapters.bindings.rest import REST
from adapters.errors import AgencyError
from adapters.fixtures import Case, cases
from adapters.organisations import ORGANISATIONS, Organisation
from adapters.registry import ADAPTERS
from adapters.spec import UNREADABLE, Features, Reply
from contracts.codes import CODES
from contracts.contract import Contract
from contracts.fields import FIELDS, PARTY_OF, field_names
from contracts.topics import AGENCIES, COMMANDS

CASES = [case for adapter in ADAPTERS.values() for case in cases(adapter)]
SOLE = frozenset({"miit", "tax", "police", "commerce", "customs"})
OPERATIONS = [(adapter, operation) for adapter in ADAPTERS.values() for operation in adapter.operations.values()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_agency_gets_the_recorded_request(case: Case) -> None:
    """The mapping writes exactly the recorded method, path and body."""
    assert case.asked() == case.request


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_broker_hears_the_recorded_answer(case: Case) -> None:
    """The recorded answer becomes exactly the recorded event or failure."""
    assert case.heard() == case.then


def test_every_adapter_takes_the_commands_of_its_agency() -> None:
    """All of them, each once, and nobody else's, whoever else speaks to an agency of that kind."""
    for adapter in ADAPTERS.values():
        theirs = sorted(name for name, row in COMMANDS.items() if row.agency == adapter.agency)
        assert sorted(adapter.operations) == theirs


def test_every_agency_of_the_topics_has_an_adapter() -> None:
    """The folders and the topics table name the same agencies, and the adapter of each is called after it."""
    assert {adapter.agency for adapter in ADAPTERS.values()} == set(AGENCIES)
    assert {ADAPTERS[agency].agency for agency in AGENCIES} == set(AGENCIES)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_shows_a_success_and_a_refusal(name: str) -> None:
    """At least one fixture answers the command and at least one refuses it for good."""
    ends = [case.then for case in CASES if case.command == name]
    assert any(then.get("event") == COMMANDS[name].answer.name for then in ends)
    assert any(then.get("error") == "refused" for then in ends)


def test_every_code_of_an_agency_is_one_of_ours() -> None:
    """The tables of errors lead only to codes that the dictionary of codes explains."""
    assert {ours.code for adapter in ADAPTERS.values() for ours in adapter.errors.codes.values()} <= set(CODES)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_carries_only_what_its_party_may_see(name: str) -> None:
    """Every field of a command is open in full to the agency that receives it."""
    row = COMMANDS[name]
    sights = {
        field: FIELDS[field].seen_by(PARTY_OF[row.agency], name) for field in field_names(row.versions.models[-1])
    }
    assert {field for field, sight in sights.items() if sight != "full"} == set()


@pytest.mark.parametrize("case", [case for case in CASES if "event" in case.then], ids=str)
def test_a_request_carries_nothing_but_the_command(case: Case) -> None:
    """Every free text in a request is the command's own; only codes are the agency's."""
    given_values = set(_leaves(case.told().model_dump(mode="json")))
    assert _free_text(case.body()) <= given_values


def _free_text(body: dict[str, Any]) -> set[str]:
    return {leaf for leaf in _leaves(body) if any("\u4e00" <= character <= "\u9fff" for character in leaf)}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    else:
        yield str(value)


def test_features_are_declared_and_kept() -> None:
    """A queryable agency can be asked about every operation that changes something; the others have no look-up."""
    for adapter, operation in OPERATIONS:
        asked_about = adapter.features is Features.QUERYABLE and not operation.question
        by_key = operation.later is not None and operation.later.endpoint is not None
        assert operation.lookup is None or asked_about
        assert operation.lookup is not None or by_key or not asked_about


def test_what_changes_something_is_posted() -> None:
    """An HTTP client sends a GET again of its own accord when the connection breaks, and nobody would know."""
    assert {operation.endpoint.method for _, operation in OPERATIONS if not operation.question} == {"POST"}


def test_every_look_up_shows_what_is_known_and_what_is_not() -> None:
    """At least one fixture finds what was carried out, and at least one finds nothing."""
    for name in [one.command.versions.name for _, one in OPERATIONS if one.lookup is not None]:
        ends = [case.then for case in CASES if case.command == name and case.asks_back]
        assert any("event" in then for then in ends)
        assert {"known": False} in ends


def test_operations_echo_fields_that_both_sides_have() -> None:
    """What must be repeated stands in the command and in the answer, and the VIN always is."""
    for _, operation in OPERATIONS:
        sides = (operation.command.versions.models[-1], operation.command.answer.models[-1])
        assert "vin" in operation.echoes
        assert all(hasattr(side, name) or name in field_names(side) for side in sides for name in operation.echoes)


@pytest.mark.parametrize("case", [case for case in CASES if case.operation.called_back], ids=str)
def test_what_is_called_back_is_told_from_nonsense_without_its_command(case: Case) -> None:
    """An end decides; what is not yet one, or none, does not, unless only the command shows that."""
    decides = replies.decides(case.adapter, case.reply())
    needs_command = str(case.then.get("reason", "")).startswith(("echo:", "from-"))
    assert decides is (needs_command or case.kind in {"done", "oddity", "refused"})


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.operation.called_back and case.kind == "done"], ids=str
)
def test_a_mapping_that_looks_at_its_command_leaves_it_to_who_has_it(case: Case) -> None:
    """The command is not where an answer is brought: it is kept there, and judged when it is heard."""

    def looking(command: Any, got: Reply) -> Contract:
        assert command.vin
        return case.operation.response(command, got)

    operations = {
        name: replace(one, response=looking) if one is case.operation else one
        for name, one in case.adapter.operations.items()
    }
    assert replies.decides(replace(case.adapter, operations=operations), case.reply())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("case", [case for case in CASES if "event" in case.then and case.is_json], ids=str)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_no_json_breaks_a_mapping(case: Case, data: st.DataObject) -> None:
    """Whatever an agency puts into its answer, the mapping gives an event or one of our failures."""
    body = case.fixture["response"]["body"]
    field = data.draw(st.sampled_from(sorted(body)))
    spoilt = {**body, field: data.draw(json_values)}
    status = data.draw(st.sampled_from([200, 201, 204, 301, 400, 403, 404, 409, 422, 429, 500, 503]))
    raw = json.dumps(data.draw(st.just(spoilt) | json_values)).encode()
    got = case.adapter.binding.read(status, {}, raw)
    with suppress(AgencyError):
        replies.answer(case.adapter, case.operation, case.told(), got)


@given(raw=st.binary(max_size=64))
def test_no_bytes_break_a_reply(raw: bytes) -> None:
    """Any bytes become a reply; those that are no JSON become an unreadable one."""
    assert REST.read(200, {}, raw).status == 200


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 100_000, b"9" * 10_000], ids=["lists", "objects", "digits"])
def test_monstrous_json_is_unreadable(raw: bytes) -> None:
    """Nesting and digits without end are no answer, and no crash."""
    assert REST.read(200, {}, raw).body is UNREADABLE


def test_organisations_are_those_of_the_adapters() -> None:
    """Five agencies are one organisation each, to which all go; insurers and banks, however many, are told by USCC."""
    ours = [one for one in ORGANISATIONS.values() if one.adapter in AGENCIES]
    assert Counter(one.adapter for one in ours if one.uscc is None) == dict.fromkeys(SOLE, 1)
    several = Counter(one.adapter for one in ours if one.uscc is not None)
    assert several.keys() == set(AGENCIES) - SOLE
    assert several >= Counter(insurer=4, bank=3)
    assert all(organisation.id.endswith(organisation.uscc or "") for organisation in ORGANISATIONS.values())


def test_an_organisation_is_called_after_its_agency_whoever_speaks_to_it() -> None:
    """Sales find it by that; its adapter may have another name, and the id may not."""
    row = {"uscc": "91110000MAY1GEUH59", "zh": "样例", "en": "Sample", "adapter": "insurer"}
    for wrong in ("bank-91110000MAY1GEUH59", "insurer", "91110000MAY1GEUH59"):
        with pytest.raises(ValidationError, match="must be called insurer-91110000MAY1GEUH59"):
            Organisation.model_validate(row | {"id": wrong})
    assert Organisation.model_validate(row | {"id": "insurer-91110000MAY1GEUH59"}).agency == "insurer"


def test_every_folder_is_found() -> None:
    """Those that say which organisations they speak to, and no other."""
    named = {folder.name for folder in folders.every()}
    assert named == set(ADAPTERS)
    assert {path.parent.name for path in Path(str(files(adapters))).glob("*/mapping.py")} == named
