"""Personal values are found however a text writes them, and nothing else is taken for one."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from contracts.sale import Buyer
from services.checker.personal import PersonalValues, parsed
from tests.checker.synthetic import INSURER

BUYER = Buyer(
    buyer_name="王样本",
    buyer_id_type="RESIDENT_ID",
    buyer_id_no="11010519491231002X",
    phone="15487604561",
    address="重庆市江北区样例路7号3单元",
    region="500105",
    insurer_uscc=INSURER,
)


def _known(**changes: str) -> PersonalValues:
    personal = PersonalValues()
    personal.learn(Buyer.model_validate({**BUYER.model_dump(), **changes}))
    return personal


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("buyer=王样本, rejected", {"buyer_name"}),
        (json.dumps({"who": "王样本"}), {"buyer_name"}),
        (json.dumps({"deep": [{"王样本": 1}]}), {"buyer_name"}),
        (f"GET /find?name={quote('王样本')}", {"buyer_name"}),
        ("id:11010519491231002x", {"buyer_id_no"}),
        ("证件11010519491231002X有误", {"buyer_id_no"}),
        ("tel +86 154-8760-4561", {"phone"}),
        ("电话15487604561", {"phone"}),
        (json.dumps({"phone": 15487604561}), {"phone"}),
        ("寄往重庆市江北区样例路7号3单元。", {"address"}),
        ("重庆市江北区的机构暂不可用", set()),
        ("1548760456100 and 0015487604561", set()),
        ("0197a1b2c3d4e5f60718293a4b5c6d7e", set()),
        ("", set()),
    ],
)
def test_a_value_is_found_in_any_writing(text: str, kinds: set[str]) -> None:
    """In JSON and plain text, escaped, encoded or grouped, but not as a part of another number."""
    assert _known().found_in(parsed(text)) == kinds


@pytest.mark.parametrize("name", ["null", "True", "0", "status"])
def test_a_strange_name_is_not_seen_everywhere(name: str) -> None:
    """A buyer who is called like a word of every log line cannot be told from it."""
    assert not _known(buyer_name=name).found_in({"status": "null", "true": 0})


def test_a_name_of_two_words_is_found() -> None:
    """Latin names count as a whole, not by their first word."""
    personal = _known(buyer_name="Ann Example")
    assert personal.found_in("refused for Ann Example.") == {"buyer_name"}
    assert not personal.found_in("Ann is a name, Example another")


def test_a_company_is_not_a_person() -> None:
    """A dealer may buy its own car; its USCC stands in every message as the seller's."""
    assert not _known(buyer_id_type="USCC", buyer_id_no=INSURER, buyer_name="样例汽车公司").found_in(
        ["样例汽车公司", INSURER]
    )
