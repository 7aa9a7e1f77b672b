"""Every contract is registered, named, owned, explained, and made of words of the dictionary."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contracts
from contracts.contract import Contract, Part
from contracts.fields import FIELDS, PARTY_OF, field_names, grade_of, words_of
from contracts.registry import CONTRACTS, UnknownType, contract_of, resolve
from contracts.topics import AGENCIES, COMMANDS, Command
from contracts.versions import Versions

NOT_YET_SAID = {
    *("account", "accident", "asc_letter_hash", "first_reg_date", "lender", "odometer", "seized", "violation"),
}
"""Fields of the rulebook's table that no message carries yet; the table is kept whole."""
OWNERS = {"oem", "tongche", "agency", *AGENCIES}


def _every_model() -> Iterator[tuple[Versions, int, type[Contract]]]:
    for versions in CONTRACTS.values():
        for number, model in enumerate(versions.models, start=1):
            yield versions, number, model


MODELS = list(_every_model())
every_contract = pytest.mark.parametrize("versions", CONTRACTS.values(), ids=list(CONTRACTS))
every_model = pytest.mark.parametrize(("versions", "number", "model"), MODELS, ids=[it[2].__name__ for it in MODELS])
every_command = pytest.mark.parametrize("row", COMMANDS.values(), ids=list(COMMANDS))


def _modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(contracts.__path__, "contracts."):
        yield module.name


def _descendants(model: type[Contract]) -> Iterator[type[Contract]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def test_no_contract_stands_outside_the_registry() -> None:
    """Every `Versions` of every module is registered, and none hides another of the same name."""
    found = [
        value
        for name in _modules()
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, Versions)
    ]
    assert {id(versions) for versions in found} == {id(versions) for versions in CONTRACTS.values()}
    assert all(name == versions.name for name, versions in CONTRACTS.items())


def test_every_message_class_is_a_version_of_something() -> None:
    """A contract class that no `Versions` lists could be neither sent nor read."""
    classes = {
        model
        for model in _descendants(Contract)
        if model.__module__.startswith("contracts.")
        and not issubclass(model, Part)
        and not model.__name__.startswith("_")
    }
    assert classes == {model for _, _, model in MODELS}


@every_contract
def test_a_contract_says_who_and_what_for(versions: Versions) -> None:
    """Its owner is one that exists, its purpose is a phrase, its name two words."""
    assert versions.owner in OWNERS
    assert len(versions.purpose) > len("a word")
    assert len(versions.name.split(".")) == 2


@every_model
def test_a_version_is_found_by_its_type_and_by_its_class(
    versions: Versions, number: int, model: type[Contract]
) -> None:
    """Type string, number, class and class name agree in every direction."""
    assert resolve(versions.type_of(number)) == (versions, number)
    assert contract_of(model.model_construct()) == (versions, number)
    assert versions.model(number) is model
    assert model.__name__.endswith(f"V{number}")


@every_model
def test_a_version_is_made_of_words_of_the_dictionary(versions: Versions, number: int, model: type[Contract]) -> None:
    """Each leaf has a row in fields.csv, and the class says in a sentence what it is."""
    del versions, number
    assert field_names(model) <= set(FIELDS)
    assert field_names(model) <= words_of(model)
    assert model.__doc__ not in {None, Contract.__doc__}
    assert grade_of(model) in {"G1", "G2", "G3", "G4"}


def test_every_row_of_the_dictionary_is_used_and_explained() -> None:
    """No word of ours without a message, none without its meaning in both languages and its class."""
    assert set(FIELDS) - NOT_YET_SAID == {name for _, _, model in MODELS for name in field_names(model)}
    for field in FIELDS.values():
        assert field.zh, field.name
        assert field.en, field.name
        assert field.grade in {"G1", "G2", "G3", "G4"}, field.name
        assert field.personal in {"", "PI", "SPI"}, field.name
        assert field.grade >= "G3" or not field.personal, field.name


def test_every_command_has_one_row_and_every_row_is_a_command() -> None:
    """The table of commands and the contracts of kind `command` are the same set."""
    assert set(COMMANDS) == {name for name, versions in CONTRACTS.items() if versions.kind == "command"}


@every_command
def test_a_command_is_answered_by_an_event_of_its_agency(row: Command) -> None:
    """Owner, answer and deadline are there, and every command and answer is about one vehicle."""
    assert row.agency in AGENCIES
    assert row.answer.owner == row.agency
    assert row.answer.kind == "event"
    assert row.deadline.total_seconds() > 0
    for versions in (row.versions, row.answer):
        assert all("vin" in model.model_fields for model in versions.models)


def test_one_answer_answers_one_command() -> None:
    """Whoever hears an answer knows what was asked."""
    answers = [row.answer.name for row in COMMANDS.values()]
    assert len(set(answers)) == len(answers)


@every_command
def test_an_agency_sees_every_field_of_its_commands_in_full(row: Command) -> None:
    """Deny by default: no command carries what the matrix masks from, or denies to, the agency that gets it."""
    party = PARTY_OF[row.agency]
    names = {name for model in row.versions.models for name in field_names(model)}
    assert {name for name in names if FIELDS[name].seen_by(party, row.versions.name) != "full"} == set()


def test_the_matrix_has_one_exception_and_it_is_narrow() -> None:
    """The police see the loan's contract number when a mortgage is registered, and nowhere else."""
    assert {name: field.only_in for name, field in FIELDS.items() if field.only_in} == {
        "loan_contract_no": {"P": "mortgage.register"}
    }
    number = FIELDS["loan_contract_no"]
    assert {name for name in CONTRACTS if number.seen_by("P", name) != "denied"} == {"mortgage.register"}
    assert number.seen_by("P") == number.seen_by("T", "mortgage.register") == "denied"


@given(st.text() | st.from_regex(r"tongche\.[a-z]+\.[a-z]+\.v[0-9]{1,3}", fullmatch=True))
def test_a_type_that_nobody_registered_is_unknown(type_: str) -> None:
    """No text but the registered types resolves, near misses included."""
    known = {versions.type_of(number) for versions, number, _ in MODELS}
    if type_ not in known:
        with pytest.raises(UnknownType):
            resolve(type_)


@pytest.mark.parametrize("type_", ["tongche.sale.confirmed.v0", "tongche.sale.confirmed.v4", "tongche.sale.confirmed"])
def test_a_version_that_nobody_published_is_unknown(type_: str) -> None:
    """Neither version 0, nor the one after the newest, nor none at all."""
    with pytest.raises(UnknownType):
        resolve(type_)


def test_a_class_that_is_no_contract_is_unknown() -> None:
    """A part is not a message."""
    with pytest.raises(UnknownType):
        contract_of(Part.model_construct())
