"""Schemas that nobody thought of: what is proved is never refuted, and what is refuted is confirmed."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.compatibility.judge import judge, validator
from services.compatibility.modes import Mode
from services.compatibility.search import search
from tests.compatibility.worlds import changes, schemas, values

SMALL: Final = values()


@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.nested_given])
@given(changes())
def test_no_value_refutes_a_proof_and_the_validator_confirms_every_witness(pair: tuple[Any, Any]) -> None:
    """Hundreds of small values and a search from both sides try it; and without odd patterns every pair is decided."""
    old, new = pair
    verdict = judge(old, new)
    takes, refuses = validator(old), validator(new)

    def is_witness(value: Any) -> bool:
        return takes.is_valid(value) and not refuses.is_valid(value)

    if verdict.compatible is True:
        assert not any(map(is_witness, SMALL))
        assert search([old, new], {}, is_witness, examples=5) is None
    else:
        assert verdict.compatible is False
        assert is_witness(verdict.witness)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(schemas(), schemas())
def test_schemas_keep_the_laws_of_sets(one: Any, other: Any) -> None:
    """Each lies within itself and within any choice that has it; both together lie within each; nothing within all."""
    for small, large in (
        (one, one),
        (one, {"anyOf": [other, one]}),
        ({"allOf": [one, other]}, other),
        ({"allOf": [one, {"not": one}]}, False),
        (True, {"anyOf": [one, {"not": one}]}),
        ({"not": {"anyOf": [one, other]}}, {"allOf": [{"not": one}, {"not": other}]}),
        ({"if": one, "then": other}, {"anyOf": [{"not": one}, other]}),
    ):
        assert judge(small, large).compatible is True


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(changes())
def test_the_same_question_gets_the_same_answer(pair: tuple[Any, Any]) -> None:
    """Witness, reason and place included, in all directions; a direction asked backward is the other asked forward."""
    old, new = pair
    assert judge(old, new, Mode.FULL) == judge(old, new, Mode.FULL)
    assert judge(old, new, Mode.FORWARD).compatible is judge(new, old, Mode.BACKWARD).compatible


@settings(max_examples=30)
@given(st.sampled_from(SMALL), st.sampled_from(SMALL))
def test_one_value_lies_within_another_only_if_they_are_equal(one: Any, other: Any) -> None:
    """Constants of all kinds, as the validator compares them."""
    equal = validator({"const": other}).is_valid(one)
    assert judge({"const": one}, {"enum": [other]}).compatible is equal
