"""Why each message may be carried: its purpose in Chinese, and the legal basis that the rulebook (§4) names for it.

The rows stand in `purposes.csv`; the purpose in English is that of the contract's `Versions`. A subscriber's grant
has a purpose and a basis of its own, and a message that is passed on rests on that one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal, NamedTuple, cast, get_args

Basis = Literal["contract", "duty", "consent", "none"]
"""With the person or the recipient (PIPL 13, NDR 12); a statutory duty (PIPL 13, 34); the person's consent (PIPL 13,
23, 29); and none where a message tells of no person and no vehicle."""


class Citation(NamedTuple):
    """Articles of one law or announcement of `LAWS`; none where the rulebook names the whole of it."""

    law: str
    articles: tuple[str, ...] = ()

    @property
    def zh(self) -> str:
        """As it is cited in Chinese."""
        title = f"《{LAWS[self.law].zh}》"
        return f"{title}第{'、'.join(self.articles)}条" if self.articles else title

    @property
    def en(self) -> str:
        """As it is cited in English."""
        title = LAWS[self.law].en
        return f"{title}, Art. {', '.join(self.articles)}" if self.articles else title


class Law(NamedTuple):
    """A law's or announcement's title in both languages."""

    zh: str
    en: str


LAWS: Final = {
    "CC": Law("民法典", "Civil Code"),
    "CTPL": Law("机动车交通事故责任强制保险条例", "Compulsory Traffic Accident Liability Insurance Regulations"),
    "MOFCOM-54/2025": Law("商务部等四部门公告2025年第54号", "MOFCOM+3 Announcement 54/2025"),
    "NDR": Law("网络数据安全管理条例", "Network Data Regulations"),
    "PIPL": Law("个人信息保护法", "Personal Information Protection Law"),
    "PTL": Law("车辆购置税法", "Vehicle Purchase Tax Law"),
    "RTSL": Law("道路交通安全法", "Road Traffic Safety Law"),
    "RTSR": Law("道路交通安全法实施条例", "Road Traffic Safety Law Regulations"),
    "SAT-23/2020": Law("国家税务总局公告2020年第23号", "SAT Announcement 23/2020"),
    "TCL": Law("税收征收管理法", "Tax Collection Law"),
    "VVT": Law("车船税法", "Vehicle and Vessel Tax Law"),
    "VVTR": Law("车船税法实施条例", "Vehicle and Vessel Tax Law Regulations"),
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """One contract's row."""

    contract: str
    zh: str
    basis: Basis
    cites: tuple[Citation, ...]


def _citations(text: str) -> tuple[Citation, ...]:
    """Of `CTPL 4; CTPL 12; VVT 6` two. Raises KeyError for a law that is not in the table: nothing else is cited."""
    found: dict[str, tuple[str, ...]] = {}
    for law, *article in map(str.split, filter(None, text.split(";"))):
        LAWS[law]
        found[law] = (*found.get(law, ()), *article)
    return tuple(Citation(law, articles) for law, articles in found.items())


def _basis(text: str) -> Basis:
    if text not in get_args(Basis):
        message = f"{text!r} is no legal basis"
        raise ValueError(message)
    return cast("Basis", text)


def _load() -> dict[str, Purpose]:
    table = (files(__package__) / "purposes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    return {
        row["contract"]: Purpose(row["contract"], row["zh"], _basis(row["basis"]), _citations(row["articles"]))
        for row in rows
    }


PURPOSES: Final = _load()
