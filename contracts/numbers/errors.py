"""Why a number was refused: a stable reason, a sentence for people, sometimes a suggestion.

No message contains the number: it may be a person's. The suggestion does, so whoever shows it decides to whom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

Reason = Literal[
    "authority",
    "birth_date",
    "character",
    "check_digit",
    "class_letter",
    "direction",
    "division",
    "empty",
    "issuer",
    "length",
    "model_year",
    "organisation_check",
    "province",
    "serial",
    "shape",
    "special_plate",
    "unknown_maker",
]


class Sentence(NamedTuple):
    """The same thing said in both languages."""

    zh: str
    en: str


SENTENCES: Final[dict[Reason, Sentence]] = {
    "authority": Sentence("发牌机关代号不对", "the authority letter is not one in use"),
    "birth_date": Sentence("出生日期不存在", "the date of birth does not exist"),
    "character": Sentence("含有不允许的字符", "a character is not allowed here"),
    "check_digit": Sentence("校验码不符", "the check digit does not hold"),
    "class_letter": Sentence(
        "新能源号牌的种类字母不对", "the class letter of a new-energy plate is missing or unknown"
    ),
    "direction": Sentence("进出口标志应为0或1", "the flag for export or import is neither 0 nor 1"),
    "division": Sentence("行政区划应为六位数字", "the administrative division is not six digits"),
    "empty": Sentence("没有填写", "nothing was given"),
    "issuer": Sentence("发证机构代码不对", "the issuer code is not one in use"),
    "length": Sentence("长度不对", "the length is wrong"),
    "model_year": Sentence("年份代码不对", "the model year is not one that can be"),
    "organisation_check": Sentence(
        "组织机构代码的校验码不符", "the check digit of the organisation code does not hold"
    ),
    "province": Sentence("省份简称不对", "the plate does not begin with a province"),
    "serial": Sentence("序号不对", "the serial part is not as the standard has it"),
    "shape": Sentence("格式不对", "the parts are not written as the standard has them"),
    "special_plate": Sentence("特种号牌不在此列", "special plates are a kind apart"),
    "unknown_maker": Sentence("制造厂代码未登记", "the maker's code is not in the table"),
}


class InvalidNumber(ValueError):
    """A number is not what it should be. `suggestion`, where given, is itself valid."""

    reason: Reason
    suggestion: str | None

    def __init__(self, reason: Reason, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion

    def __str__(self) -> str:
        sentence = SENTENCES[self.reason]
        return f"{sentence.zh} ({sentence.en})"


class InvalidLength(InvalidNumber):
    """Too short, too long, or nothing at all."""


class InvalidCharacter(InvalidNumber):
    """A character stands where the standard does not allow it."""


class InvalidPart(InvalidNumber):
    """A part of the number refers to something that does not exist: a date, a maker, a province."""


class InvalidCheck(InvalidNumber):
    """A check digit does not hold."""


def refusal(validate: Callable[[str], str], text: str) -> InvalidNumber | None:
    """Return the fault that `validate` finds in the text, or None if it accepts it."""
    try:
        validate(text)
    except InvalidNumber as fault:
        return fault
    return None
