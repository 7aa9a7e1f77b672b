"""What `partner new` writes: a folder that speaks as another adapter does, until its own words are written there.

Everything that an agency needs stands in that one folder: what is asked and answered, recorded exchanges, who it is,
how the simulated country plays it, what of the quality list it keeps, a test, and a sale that meets it.
"""

from __future__ import annotations

import hashlib
import json
import keyword
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from adapters import quality
from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from contracts.numbers import uscc, vin
from contracts.topics import AGENCIES
from contracts.types import Text
from services.stack.trouble import TroubleError

NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")
SEVERAL: Final = frozenset(AGENCIES) - {one.agency for one in ORGANISATIONS.values() if one.uscc is None}
"""The kinds of agency of which a sale names one among several. Of the others there is one, which needs no code, to
which sales go: a second folder of that kind holds words of another office, or of tomorrow, to be tried before they take
the place of those."""
_TEXT: Final = TypeAdapter(Text)
_NOT_IN_A_NAME: Final = frozenset('"\\')
"""What would need to be written otherwise in Python and in TOML."""
_DOCSTRING: Final = re.compile(r'\A""".*?"""', re.DOTALL)
_KEPT: Final = frozenset({"organisations.toml", "quality.toml", "simulator.toml", "sale.json"})
"""What each folder has of its own."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A new organisation, and as whom it speaks to begin with."""

    name: str
    like: str
    uscc: str
    zh: str
    en: str

    @property
    def agency(self) -> str:
        """What kind of agency it is."""
        agency: str = ADAPTERS[self.like].agency
        return agency

    @property
    def is_met(self) -> bool:
        """Whether a sale can name it."""
        return self.agency in SEVERAL

    @property
    def organisation(self) -> str:
        """Its id."""
        return f"{self.agency}-{self.uscc}"


def partner(name: str, like: str, uscc_: str | None, zh: str | None, en: str | None) -> Partner:
    """One that can be made. Raises `TroubleError`."""
    if NAME.fullmatch(name) is None or keyword.iskeyword(name):
        raise TroubleError(
            f"{name} 不能作目录名",
            f"{name} cannot name a folder that Python imports",
            fix="2 至 31 个字符，小写字母开头，其后可有数字、下划线，且非 Python 保留字 / "
            "2 to 31 characters: a letter a-z, then a-z, 0-9 and _; no word of Python's own",
        )
    if like not in ADAPTERS:
        raise TroubleError(f"没有适配器 {like}", f"there is no adapter {like}", fix=f"--like {'|'.join(ADAPTERS)}")
    code = uscc_ or invented_uscc(name)
    if not uscc.is_valid(code):
        raise TroubleError(
            f"{code} 不是有效的统一社会信用代码",
            f"{code} is no valid USCC",
            fix="去掉 --uscc 则虚构一个 / omit --uscc to invent one",
        )
    for said in (zh, en):
        _demand_name(said)
    made = Partner(name, like, code, zh or f"样例{name}", en or f"Sample {name.replace('_', ' ').title()}")
    if made.organisation in ORGANISATIONS:
        raise TroubleError(
            f"{made.organisation} 已经存在", f"{made.organisation} is there already", fix="tongche partner list"
        )
    return made


def _demand_name(said: str | None) -> None:
    """Raise `TroubleError` for what cannot stand in the folder's files as it is."""
    try:
        fits = not said or (_TEXT.validate_python(said).isprintable() and not _NOT_IN_A_NAME & set(said))
    except ValidationError:
        fits = False
    if not fits:
        raise TroubleError(
            f"{said!r} 不能作名称",
            f"{said!r} cannot be a name",
            fix='一行可见文字，不含双引号与反斜杠 / one line that can be seen, without " and \\',
        )


def write(made: Partner, into: Path) -> list[str]:
    """Write the folder `into/<name>`, whole or not at all; the files in it. Raises `TroubleError`."""
    target = into / made.name
    if target.exists() or target.with_suffix(".py").exists():
        raise TroubleError(f"{target} 已经存在", f"{target} is there already", fix="tongche partner list")
    if not into.is_dir():
        raise TroubleError(f"没有目录 {into}", f"there is no folder {into}", fix="--to DIR")
    told = dict(sorted(_files(made)))
    with tempfile.TemporaryDirectory(prefix=f".{made.name}-", dir=into) as draft:
        whole = Path(draft) / made.name
        for name, text in told.items():
            path = whole / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        whole.rename(target)
    return list(told)


def invented_uscc(name: str) -> str:
    """A well-formed code that is nobody's, always the same for a name."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    drawn = "".join(alphabet[number // 31**place % 31] for place in range(6))
    draft = f"91110000MA{drawn}00"
    draft = draft[:16] + uscc.organisation_check(draft) + "0"
    return draft[:17] + uscc.check_digit(draft)


def _files(made: Partner) -> Iterator[tuple[str, str]]:
    """Every file by its place in the folder."""
    for name, source in _of(files("adapters") / made.like):
        yield name, _in_its_name(made, name, source.read_text(encoding="utf-8"))
    yield "organisations.toml", _organisations(made)
    yield "quality.toml", _quality(made)
    yield "simulator.toml", _SIMULATOR.format(agency=made.agency)
    if made.is_met:
        yield "sale.json", json.dumps(_sale(made), ensure_ascii=False, indent=1) + "\n"
    yield f"test_{made.name}.py", _TEST.format(name=made.name, en=made.en)


def _of(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    """What can be taken over from another."""
    for file in folder.iterdir():
        if file.name == "fixtures":
            yield from ((f"fixtures/{each.name}", each) for each in file.iterdir())
        elif file.is_file() and file.name not in _KEPT and not file.name.startswith("test_"):
            yield file.name, file


def _in_its_name(made: Partner, name: str, text: str) -> str:
    for one in ORGANISATIONS.values():
        if one.adapter == made.like and one.uscc is not None:
            text = text.replace(one.uscc, made.uscc)
        elif one.adapter == made.like and name.startswith("fixtures/"):
            # Some write for whom a message is.
            text = text.replace(json.dumps(one.id), json.dumps(made.organisation))
    if name != "__init__.py":
        return text.replace(f"adapters.{made.like}", f"adapters.{made.name}")
    said = f'"""{made.zh} {made.en}: speaks as `adapters/{made.like}` does, until its own words stand here."""'
    return _DOCSTRING.sub(lambda _: said, text, count=1).replace(f'name="{made.like}"', f'name="{made.name}"')


def _organisations(made: Partner) -> str:
    return f"""\
# Who speaks these words. With `url` it can go live: `tongche partner live {made.name}`.

[[organisation]]
id = "{made.organisation}"
uscc = "{made.uscc}"
zh = {json.dumps(made.zh, ensure_ascii=False)}
en = {json.dumps(made.en, ensure_ascii=False)}
# url = "https://…"
"""


def _quality(made: Partner) -> str:
    """The list to begin with: what can be told from the folder is as it was, what people must say is still to do."""
    known = quality.claims(ADAPTERS[made.like])
    lines = [_claim(rule, known[rule.id].status) for rule in quality.RULES]
    return _LIST.format(name=made.name) + "".join(lines)


def _claim(rule: quality.Rule, known: str) -> str:
    return f'# {rule.zh} / {rule.en}\n{rule.id} = "{"todo" if rule.broken is None else known}"\n'


def _sale(made: Partner) -> dict[str, Any]:
    """A synthetic sale that meets the new organisation, as a dealer's file has it."""
    number = int.from_bytes(hashlib.sha256(made.name.encode()).digest()[:4]) % 1_000_000
    draft = f"LB3N92JX0TG{number:06d}"
    car = {
        "order_no": f"{made.name.upper().replace('_', '-')}-1",
        "vin": draft[:8] + vin.check_digit(draft) + draft[9:],
        "certificate_no": f"LB368278{number:07d}",
        "engine_no": f"JLH{number:07d}",
    }
    insurer = next(one.uscc for one in ORGANISATIONS.values() if one.agency == "insurer")
    paid = {"payment": "全款", "insurer_uscc": insurer}
    return {**car, **_SALE, **paid, **_meeting(made)}


def _meeting(made: Partner) -> dict[str, Any]:
    if made.agency == "bank":
        return {"payment": "贷款", "bank_uscc": made.uscc, "loan_amount": "101990.00"}
    return {"insurer_uscc": made.uscc}


_SALE: Final[Mapping[str, Any]] = {
    "motor_no": "",
    "maker": "吉利汽车",
    "model": "星越L",
    "fuel": "ICE",
    "seats": 5,
    "curb_mass_kg": 1695,
    "displacement_ml": 1969,
    "manufactured_on": "2026-09-06",
    "sold_on": "2026-09-19",
    "price_incl_tax": "145700.00",
    "dealer_uscc": "91330106MAQF5GE83R",
    "maker_uscc": "91330200MATX9P939B",
    "buyer_name": "赵样本",
    "buyer_id_type": "居民身份证",
    "buyer_id_no": "330106199303280005",
    "buyer_phone": "15469187910",
    "region": "500105",
    "bank_uscc": "",
    "loan_amount": "",
    "in_nev_catalogue": "否",
}
_LIST: Final = """\
# What this adapter keeps of adapters/quality.py: done, todo, or exempt. What only people can tell, and what is exempt,
# says why: agreed = {{ status = "done", comment = "contract of 2026-11-22, signed by both" }}
# Checked by: tongche partner test {name}

[rules]
"""
_SIMULATOR: Final = """\
# How the simulated country plays it: it keeps the book of any {agency}, in these words. Left the book's word, right its
# own; what is not here is said as the book says it. A word that changes in mapping.py and fixtures/ changes here.

[paths]
# "/its/book" = "/its/own"

[fields]
# bookName = "ownName"

[values.nameInTheBook]
# "0" = "own"
"""
_TEST: Final = '''\
"""{en} keeps what every adapter promises."""

from __future__ import annotations

from adapters import quality
from adapters.{name} import ADAPTER


def test_{name}_keeps_its_promises() -> None:
    """Every recorded exchange is written and read as it was recorded, and the quality list says what is so."""
    assert quality.broken(ADAPTER) == []
'''
