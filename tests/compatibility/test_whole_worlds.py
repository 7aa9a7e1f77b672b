"""A world so small that every array of it can be tried: a proof is right if and only if none refutes it."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.compatibility.judge import judge, validator

_ITEMS: Final = (1, 2, 3)
_LONGEST: Final = 4
_ARRAYS: Final = [list(items) for length in range(_LONGEST + 1) for items in product(_ITEMS, repeat=length)]
_WORLD: Final = {"type": "array", "items": {"enum": list(_ITEMS)}, "maxItems": _LONGEST}

_ITEM = st.sampled_from(
    [{"const": 1}, {"enum": [1, 3]}, {"minimum": 2}, {"multipleOf": 2}, {"not": {"const": 3}}, True, False]
)
_COUNT = st.integers(0, 3)
_PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "items": _ITEM,
        "prefixItems": st.lists(_ITEM, min_size=1, max_size=3),
        "contains": _ITEM,
        "minContains": _COUNT,
        "maxContains": _COUNT,
        "uniqueItems": st.just(True),
        "minItems": _COUNT,
    },
)
_LIMITED = st.fixed_dictionaries(
    {"contains": _ITEM, "minContains": st.just(0), "maxContains": _COUNT, "minItems": _COUNT},
    optional={"uniqueItems": st.just(True)},
)
_SCHEMAS = st.one_of(
    _PLAIN,
    _LIMITED,
    st.builds(lambda some: {"allOf": some}, st.lists(_LIMITED, min_size=2, max_size=3)),
    st.builds(lambda some: {"anyOf": some}, st.lists(_PLAIN, min_size=2, max_size=3)),
    st.builds(lambda one, some: {**one, "allOf": some}, _PLAIN, st.lists(_PLAIN, min_size=1, max_size=2)),
    st.builds(lambda one, other: {**one, "not": other}, _PLAIN, _PLAIN),
)


@settings(max_examples=500, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.nested_given])
@given(_SCHEMAS, _SCHEMAS | st.just({"not": {}}))
def test_a_proof_about_arrays_is_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Places, demands, limits and items that must differ, together: 121 arrays, all of them tried."""
    old = {"allOf": [_WORLD, one]}
    takes, reads = validator(old), validator(other)
    verdict = judge(old, other, examples=1)
    if verdict.compatible is not None:
        assert verdict.compatible is all(reads.is_valid(array) for array in _ARRAYS if takes.is_valid(array))
