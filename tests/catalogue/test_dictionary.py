"""The dictionary says of every field what it is, where it occurs and who sees it."""

from __future__ import annotations

from contracts.fields import FIELDS, field_names
from contracts.registry import CONTRACTS
from services.catalogue.dictionary import Entry, dictionary
from services.catalogue.schema import leaves, type_words
from services.runtime.dataschema import current


def _entry(name: str) -> Entry:
    return next(entry for entry in dictionary() if entry.field.name == name)


def test_every_field_is_there_once() -> None:
    """In the order of its table."""
    assert [entry.field.name for entry in dictionary()] == list(FIELDS)


def test_it_occurs_exactly_where_its_classes_have_it() -> None:
    """By contract and version, found in the schemas and compared with the classes."""
    for entry in dictionary():
        for versions in CONTRACTS.values():
            has = tuple(
                number
                for number, model in enumerate(versions.models, start=1)
                if entry.field.name in field_names(model)
            )
            assert entry.occurs.get(versions.name, ()) == has


def test_a_field_has_a_type_wherever_it_occurs() -> None:
    """And an example; one that no message uses yet has neither."""
    for entry in dictionary():
        assert bool(entry.places) == bool(entry.types) == (entry.example is not None)


def test_fields_of_groups_have_a_path() -> None:
    """Dotted, with a mark after what repeats; below a group that may be absent nothing is required."""
    paths = {leaf.path: leaf for leaf in leaves(current(CONTRACTS["sale.confirmed"], 3))}
    assert "buyer.buyer_name" in paths
    assert not paths["buyer.buyer_name"].required
    assert paths["vin"].required
    assert not paths["engine_no"].required
    faults = [leaf.path for leaf in leaves(current(CONTRACTS["sale.refused"], 1))]
    assert "faults[].code" in faults


def test_types_are_told_in_words() -> None:
    """Ranges, choices, formats and lists; null is not a type but an absence."""
    types = {leaf.name: type_words(leaf.schema) for leaf in leaves(current(CONTRACTS["sale.confirmed"], 3))}
    assert types["seats"] == "integer 1–9"
    assert types["fuel_kind"] == "ICE | HEV | PHEV | EREV | BEV | FCEV"
    assert types["mfg_date"] == "date"
    assert types["vin"] == "vin"
    assert types["amount_incl"] == "integer > 0, ≤ 10000000000"
    assert types["battery_excl"] == types["amount_incl"]
    assert types["motor_nos"].endswith("[]")
    assert types["nev_catalogue"] == "boolean"


def test_who_sees_it_is_told_in_letters() -> None:
    """As the matrix has it, also where it is but one message in which somebody does."""
    assert _entry("buyer_id_no").letters == "OTIPB"
    assert _entry("loan_contract_no").letters == "PB"
    assert not _entry("span_id").letters
