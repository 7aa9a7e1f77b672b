"""What is wrong with a subscribers file is said where an operator looks for it, and never what stood there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from services.runtime.subscribers import UnreadableSubscribers, read
from tests.projection.people import PRIVATE, grant, subscriber
from tests.projection.stage import toml

GOOD: Final = toml([subscriber("T", grant(id="tax-sales"), name="tax", jurisdiction=["31"])])
HOOK: Final = 'webhook = { url = "%s" }'


def _problem(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "subscribers.toml"
    file.write_bytes(content)
    with pytest.raises(UnreadableSubscribers) as wrong:
        read(file)
    return str(wrong.value)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("subscribers = []\nsecret-of-somebody\n", "line 2, column 19"),
        ('\ufeff[[subscribers]]\nname = "\n', "line 2, column 9"),
        ("[[subscribers", "ends too early"),
        ("", "no subscribers"),
    ],
)
def test_a_fault_of_toml_has_a_line_and_a_column(tmp_path: Path, content: str, place: str) -> None:
    """Also behind the mark that some editors put first."""
    said = _problem(tmp_path, content.encode())
    assert place in said
    assert "somebody" not in said


def test_a_mark_of_byte_order_is_no_fault(tmp_path: Path) -> None:
    """Some editors write one."""
    file = tmp_path / "subscribers.toml"
    file.write_text("\ufeff" + GOOD, encoding="utf-8")
    assert [one.name for one in read(file).subscribers] == ["tax"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2099-01-01T00:00:00+08:00", "2099-01-01", "tax: tax-sales: until: "),
        ("version = 2", 'version = "2"', "tax: tax-sales: version: 须为整数，不加引号 / must be a whole number"),
        ("version = 2", "version = true", "tax: tax-sales: version: 须为整数，不加引号 / must be a whole number"),
        ('fields = ["vin"]', 'fields = "vin"', "tax: tax-sales: fields: 须为列表，用方括号 / must be a list"),
        ('purpose = "a test"', 'purposes = "a test"', "tax: tax-sales: purposes: 没有这个键 / there is no such key"),
        ('["31"]', '["99"]', "tax: jurisdiction 1: 不是行政区划代码 / is no code of a division"),
        ('"a test"', '"ask 13812345678"', "tax: tax-sales: purpose: 像是某人的号码"),
        ('name = "tax"', 'name = "TAX"', "subscribers 1: name: 写法不对"),
        ("usccs = []", 'usccs = ["91440300MAPW444F2X"]', "tax: usccs 1: 不是有效的统一社会信用代码"),
        ("usccs = []", 'usccs = ["91440300MAPW444F2G"]', "tax: O、I、B、E 须填 usccs"),
        ('party = "T"', f'party = "T"\n{HOOK % "http://h.example/"}', "tax: webhook: url: 须以 https:// 开头"),
        ('party = "T"', f'party = "T"\n{HOOK % "https://li:TAX@h.example/"}', "tax: webhook: url: 地址中不得有用户名"),
        ('party = "T"', f'party = "T"\n{HOOK % "https://h.example/#TAX"}', "tax: webhook: url: 地址中不得有 #"),
        ('party = "T"', f'party = "T"\n{HOOK % "https://[::1/TAX"}', "tax: webhook: url: 主机名缺失或写法不对"),
        ('party = "T"', f'party = "T"\n{HOOK % "https:///TAX"}', "tax: webhook: url: 主机名缺失或写法不对"),
        ('party = "T"', f'party = "T"\n{HOOK % "https://h.example:99999/"}', "tax: webhook: url: 端口须为"),
        ('kty = "EC"', 'd = "§private§", kty = "EC"', "tax: key: d: 这是私钥"),
        ('party = "T"', 'party = "T"\nJohn_Smith_13812345678 = 1', "tax: ?: 没有这个键"),
    ],
)
def test_a_fault_of_shape_is_named_by_subscriber_and_grant(tmp_path: Path, old: str, new: str, said: str) -> None:
    """In both languages, without what stood there."""
    assert old in GOOD
    found = _problem(tmp_path, GOOD.replace(old, new.replace("§private§", str(PRIVATE["d"]))).encode())
    assert said in found
    assert not {"TAX", "MAPW", PRIVATE["d"], "13812345678"} & set(found.replace(":", " ").split())


def test_what_is_there_twice_is_named(tmp_path: Path) -> None:
    """A name or an id, which is no value."""
    assert ": tax, tax-sales: 名称或编号重复" in _problem(tmp_path, (GOOD + "\n" + GOOD).encode())
