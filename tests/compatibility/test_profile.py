"""The profile is closed: what the gate does not know fails by name and place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.compatibility.judge import judge
from services.compatibility.profile import DEEPEST, OutsideProfile, check
from services.compatibility.values import NotJson, frozen, parse


@pytest.mark.parametrize(
    ("schema", "what", "place"),
    [
        (
            {"properties": {"a": {"aditionalProperties": False}}},
            "aditionalProperties",
            "/properties/a/aditionalProperties",
        ),
        ({"items": [{"type": "string"}]}, None, "/items"),
        ({"additionalItems": False}, "additionalItems", "/additionalItems"),
        ({"definitions": {}}, "definitions", "/definitions"),
        ({"dependencies": {}}, "dependencies", "/dependencies"),
        ({"$dynamicRef": "#a"}, "$dynamicRef", "/$dynamicRef"),
        ({"anyOf": [{"$anchor": "a"}]}, "$anchor", "/anyOf/0/$anchor"),
        ({"contentEncoding": "base64"}, "contentEncoding", "/contentEncoding"),
        ({"properties": {"a/b": {"nullable": True}}}, "nullable", "/properties/a~1b/nullable"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "http://json-schema.org/draft-07/schema#", "/$schema"),
        ({"properties": {"a": {"$schema": "x"}}}, "$schema", "/properties/a/$schema"),
        ({"allOf": [{"$id": "urn:x"}]}, "$id", "/allOf/0/$id"),
        ({"$ref": "#/$defs/none"}, "#/$defs/none", "/$ref"),
        ({"$ref": "https://example.com/schema.json"}, "https://example.com/schema.json", "/$ref"),
        ({"const": {"a": 1}, "$ref": "#/const"}, "#/const", "/$ref"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "$ref", "/$defs/a"),
        ({"$ref": "#"}, "$ref", ""),
        ({"format": "plate"}, "plate", "/format"),
        ({"type": "strin"}, None, "/type"),
        ({"properties": {"a": {"pattern": "("}}}, None, "/properties/a/pattern"),
        ({"minLength": -1}, None, "/minLength"),
        ({"multipleOf": 0}, None, "/multipleOf"),
        ({"required": ["a", "a"]}, None, "/required"),
        ({"properties": {"a": 1}}, "int", "/properties/a"),
        ([], "list", ""),
        ("string", "str", ""),
        (None, "NoneType", ""),
    ],
    ids=lambda value: str(value)[:40] or "root",
)
def test_what_cannot_be_judged_fails_by_name_and_place(schema: Any, what: str | None, place: str) -> None:
    """A misspelt keyword must not pass for an open door, on either side."""
    with pytest.raises(OutsideProfile) as outside:
        judge({"type": "string"}, schema)
    assert outside.value.place == place
    assert what is None or outside.value.what == what
    with pytest.raises(OutsideProfile):
        judge(schema, {"type": "string"})


def _within(keyword: str, times: int) -> Any:
    """A schema within as many others of one keyword."""
    schema: Any = {"type": "integer"}
    for _ in range(times):
        schema = {keyword: [schema] if keyword == "allOf" else {"a": schema} if keyword == "properties" else schema}
    return schema


def _array(times: int) -> Any:
    value: Any = 1
    for _ in range(times):
        value = [value]
    return value


def _led(times: int, keyword: str | None = None) -> Any:
    """References one behind the other, in a document that is flat."""
    steps: dict[str, Any] = {f"s{step}": {"$ref": f"#/$defs/s{step + 1}"} for step in range(times)}
    held = {name: {keyword: step} if keyword else step for name, step in steps.items()}
    return {"$ref": "#/$defs/s0", "$defs": held | {f"s{times}": {"type": "integer"}}}


@pytest.mark.parametrize(
    "schema",
    [
        _within("items", DEEPEST + 1),
        _within("items", 5_000),
        _within("properties", DEEPEST // 2 + 1),
        {"const": _array(400)},
        {"x-other": _array(5_000)},
        _led(900),
        _led(900, "items"),
    ],
    ids=["items", "deeper", "properties", "const", "annotation", "references", "references in items"],
)
def test_what_is_nested_too_deep_fails_by_place(schema: Any) -> None:
    """Instead of a reader that runs out of its stack."""
    with pytest.raises(OutsideProfile, match="nested too deep"):
        judge(schema, {})
    with pytest.raises(OutsideProfile, match="nested too deep"):
        judge({}, schema)


@pytest.mark.parametrize("keyword", ["items", "not", "allOf", "properties"])
def test_what_is_nested_as_deep_as_may_be_is_judged(keyword: str) -> None:
    """The limit leaves room for whatever looks at it."""
    schema = _within(keyword, (DEEPEST - 1) // (2 if keyword in {"allOf", "properties"} else 1))
    assert judge(schema, schema).compatible is True
    assert judge(schema, {}).compatible is True


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"const": "\ud800"}, "/const"),
        ({"title": "a\udc00"}, "/title"),
        ({"properties": {"a": {"pattern": "\ud800"}}}, "/properties/a/pattern"),
        ({"properties": {"\ud800": True}}, "/properties"),
        ({"\ud800": True}, ""),
    ],
    ids=["value", "annotation", "pattern", "property", "keyword"],
)
def test_half_a_character_is_told_by_its_number(schema: Any, place: str) -> None:
    """What is said of it can be printed wherever UTF-8 is spoken."""
    with pytest.raises(OutsideProfile, match="half a character") as outside:
        judge(schema, {})
    assert outside.value.place == place
    assert "\\ud" in outside.value.what
    assert str(outside.value).encode()


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), Decimal("1e999999999"), 10**5_000, object()], ids=type)
def test_a_value_that_nobody_can_read_is_refused_where_it_stands(bound: Any) -> None:
    """A number that is none, or that fills the memory; and what is not JSON at all."""
    with pytest.raises(OutsideProfile) as outside:
        judge({"minimum": bound}, {})
    assert outside.value.place == "/minimum"


def test_annotations_and_our_own_extensions_pass() -> None:
    """Also where a property has the name of a keyword, and where values look like schemas."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "t",
        "description": "d",
        "x-tongche-unit": "fen",
        "deprecated": True,
        "default": {"nonsense": 1},
        "examples": [{"$ref": "nowhere"}],
        "enum": [{"type": "nonsense"}],
        "properties": {"nullable": {"readOnly": True, "writeOnly": False, "$comment": "c"}, "$id": True},
    }
    assert set(check(schema)) == {"", "/properties/nullable", "/properties/$id"}


@pytest.mark.parametrize(
    "text", ["{", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, '{"a": Infinity}', "", "'a'", "1" * 5_000]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    """Nothing that two readers could read differently: a name that stands twice, a number that is none."""
    with pytest.raises(NotJson):
        parse(text)


def test_values_are_compared_as_the_standard_says() -> None:
    """Numbers by value, objects without order, booleans apart from numbers; decimals exactly."""
    assert frozen(1) == frozen(1.0)
    assert frozen(1) != frozen(True)
    assert frozen({"a": [1], "b": None}) == frozen({"b": None, "a": [1.0]})
    assert frozen(parse("0.1")) == frozen(0.1)
    assert frozen(parse("0.1000000000000000000001")) != frozen(0.1)
    with pytest.raises(NotJson):
        frozen(float("nan"))
