"""Personal values are found however a text writes them, and nothing else is taken for one."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from contracts.sale import Buyer, SaleCorrectedV1
from services.checker.personal import PersonalValues, denied, parsed
from tests.checker.synthetic import INSURER, Car, sale_of

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


def _kinds(personal: PersonalValues, text: str, *permitted: str) -> frozenset[str]:
    return denied(personal.found_in(parsed(text)), frozenset(permitted))


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
    assert _kinds(_known(), text) == kinds


def test_what_is_nested_without_end_is_searched_as_a_text() -> None:
    """A stranger's poison must not end the checker, nor hide anything from it."""
    assert parsed("[" * 100_000) == "[" * 100_000


@pytest.mark.parametrize("name", ["null", "True", "0", "status"])
def test_a_strange_name_is_not_seen_everywhere(name: str) -> None:
    """A buyer who is called like a word of every log line cannot be told from it."""
    assert not _known(buyer_name=name).found_in({"status": "null", "true": 0})


def test_a_name_of_two_words_is_found() -> None:
    """Latin names count as a whole, not by their first word."""
    personal = _known(buyer_name="Ann Example")
    assert _kinds(personal, "refused for Ann Example.") == {"buyer_name"}
    assert not personal.found_in("Ann is a name, Example another")


def test_a_company_is_not_a_person() -> None:
    """A dealer may buy its own car; its USCC stands in every message as the seller's."""
    assert not _known(buyer_id_type="USCC", buyer_id_no=INSURER, buyer_name="样例汽车公司").found_in(
        ["样例汽车公司", INSURER]
    )


@pytest.mark.parametrize(
    ("permitted", "kinds"), [((), {"buyer_name"}), (("model",), set()), (("phone",), {"buyer_name"})]
)
def test_a_text_that_also_stands_in_an_open_field_proves_nothing(permitted: tuple[str, ...], kinds: set[str]) -> None:
    """A buyer may be called what a model is called: who may see the model may see that word."""
    personal = _known()
    personal.learn(sale_of(Car(1, "cash")).model_copy(update={"model": "王样本 2026"}))
    personal.settle()
    assert _kinds(personal, "王样本 2026", *permitted) == kinds


def test_one_text_may_be_two_values() -> None:
    """A buyer whose phone is also his identity document's number: who may see one of them may see that text."""
    personal = _known(buyer_id_no="15487604561", buyer_id_type="PASSPORT")
    assert _kinds(personal, "15487604561", "phone") == set()
    assert _kinds(personal, "15487604561", "buyer_id_no") == set()
    assert _kinds(personal, "15487604561", "model") == {"buyer_id_no"}


def test_a_free_text_opens_nothing() -> None:
    """A reason that names the buyer does not make the name a reason's."""
    personal = _known()
    personal.learn(SaleCorrectedV1(vin=Car(1, "cash").vin, model="海豚", reason="王样本"))
    personal.settle()
    assert _kinds(personal, "王样本", "reason") == {"buyer_name"}
