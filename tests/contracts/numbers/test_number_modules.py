"""What every module of `contracts.numbers` has in common."""

from __future__ import annotations

import copy
import doctest
import importlib
import pkgutil
from importlib.resources import files
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import numbers
from contracts.numbers.errors import InvalidNumber, refusal
from contracts.numbers.writing import compact

_NOT_NUMBERS = {"errors", "table", "writing"}
_NAMES = sorted(module.name for module in pkgutil.iter_modules(numbers.__path__))
_MODULES = [importlib.import_module(f"contracts.numbers.{name}") for name in _NAMES if name not in _NOT_NUMBERS]

# Writing that trips naive checks: other scripts' digits, letters that change under upper(), NUL, lone surrogates.
_TRICKY = st.text(alphabet=st.sampled_from("0123456789AXOIQ１Ａ٣²ßıſ\0\ud800\ufeff -警京"), max_size=40)
_ANY_TEXT = st.one_of(st.text(alphabet=st.characters(), max_size=40), _TRICKY, st.text().map(lambda text: text * 500))

every_number = pytest.mark.parametrize("module", _MODULES, ids=lambda module: module.__name__.rpartition(".")[2])


@every_number
def test_examples_of_a_number_hold(module: ModuleType) -> None:
    """The worked examples in a module's specification are true, the failing ones too."""
    outcome = doctest.testmod(module)
    assert outcome.attempted > 2
    assert outcome.failed == 0


@every_number
def test_every_number_has_the_same_verbs(module: ModuleType) -> None:
    """Whoever knows one number knows them all."""
    assert {"compact", "is_valid", "validate"} <= set(module.__all__)
    assert module.__doc__ is not None
    assert "Sources: " in module.__doc__


@every_number
@given(text=_ANY_TEXT)
@example(text="9" * 1_000_000)
@example(text="\u0301\u0323" * 100_000)
@example(text="\ud800" * 17)
@example(text="\0" * 18)
def test_any_text_is_accepted_or_refused(module: ModuleType, text: str) -> None:
    """Whatever is typed, the answer is yes or an `InvalidNumber`, never another error."""
    assert module.is_valid(text) is (refusal(module.validate, text) is None)


@every_number
@given(text=_ANY_TEXT)
def test_what_is_accepted_stays_as_it_is(module: ModuleType, text: str) -> None:
    """An accepted number is its own compact form."""
    if module.is_valid(text):
        number = module.validate(text)
        assert module.validate(number) == number == compact(number)


@every_number
@given(text=st.text(alphabet="0123456789OIQAX-京", min_size=6, max_size=20))
def test_a_suggestion_is_valid_and_a_message_is_no_echo(module: ModuleType, text: str) -> None:
    """What we suggest would be accepted, and what we say never contains what was given."""
    fault = refusal(module.validate, text)
    if fault is not None:
        assert fault.suggestion is None or module.is_valid(fault.suggestion)
        assert text not in str(fault)
        assert text not in repr(fault)


def test_a_fault_survives_copying() -> None:
    """A fault taken apart and put together again, as at a process border, says all it said."""
    fault = copy.copy(_fault("87O38O1O9O"))
    assert (fault.reason, fault.suggestion) == ("character", "8703801090")


def test_full_width_and_lower_case_are_no_fault() -> None:
    """Writing of other widths and cases is normalised, but letters are not turned into other letters."""
    assert compact("　ｌｓ５ａ ") == "LS5A"
    assert compact("ß1ı") == "ß1ı"


@pytest.mark.parametrize("name", ["wmi.csv", "plate_letters.csv"])
def test_every_table_names_its_source(name: str) -> None:
    """The first line of a reference table says where its rows come from."""
    assert files(numbers).joinpath(name).read_text(encoding="utf-8").startswith("# Source: ")


def _fault(text: str) -> InvalidNumber:
    fault = refusal(importlib.import_module("contracts.numbers.hs").validate, text)
    assert fault is not None
    return fault
