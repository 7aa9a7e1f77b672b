"""What we write as YAML is read as the same by somebody else's reader."""

from __future__ import annotations

from typing import Any, Final

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.catalogue import blocks

_TEXT: Final = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=40)
@example({"\x7f": "\x85 \u2028 \u2029 \ufeff \ufffe \uffff \0"})
@given(st.dictionaries(_TEXT | st.sampled_from(["yes", "null", "on", "1", "a: b", "$ref", "- x"]), _VALUES))
def test_it_is_read_as_it_was(value: dict[str, Any]) -> None:
    """Keys that look like something else, texts with any sign, empty lists and groups."""
    assert yaml.safe_load(blocks.yaml(value).decode()) == (value or None)
