"""Each step of a case in one sentence, with what it rests on: the rule, its source, the policy pack, the inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from contracts.policy import Pack, read_packs
from services.console import words
from services.console.words import Words

_ID: Final = re.compile(r"[A-Z]+[0-9]+")
"""Rules and codes of the rulebook. What else a step is called says no more than its sentence."""
_LAWS: Final = {
    "CTPL": "交强险条例",
    "CC": "民法典",
    "MOFCOM": "商务部等公告",
    "PIPL": "个人信息保护法",
    "PTL": "车辆购置税法",
    "RTSL": "道路交通安全法",
    "RTSR": "道路交通安全法实施条例",
    "SAT": "税务总局公告",
    "TCL": "税收征收管理法",
    "VATL": "增值税法",
    "VVT": "车船税法",
    "VVTR": "车船税法实施条例",
    "rulebook": "规则手册",
    "insurer's rule before registration": "承保机构登记前退保规定",
}
_LAW: Final = re.compile(rf"(?<![\w'])({'|'.join(map(re.escape, sorted(_LAWS, key=len, reverse=True)))})(?!\w)")


@dataclass(frozen=True, slots=True)
class Why:
    """What a step rests on. `document` is the pack's: the number under which it was published, else its title."""

    source: str | None
    pack: str | None
    title: Words | None
    document: str | None
    inputs: tuple[dict[str, str], ...]


def why(row: Mapping[str, Any]) -> Why:
    """The grounds of one step."""
    pack = _packs().get(row["pack"] or "")
    return Why(
        source=row["source"],
        pack=row["pack"],
        title=Words(pack.title.zh, pack.title.en) if pack else None,
        document=(pack.source.number or pack.source.title) if pack else None,
        inputs=tuple(json.loads(row["inputs"] or "[]")),
    )


def sentence(row: Mapping[str, Any], grounds: Why) -> Words:
    """The step told: which rule, about what, what happened, by what right."""
    facet = words.facet(row["facet"])
    rule = f"{row['rule']} " if _ID.fullmatch(row["rule"]) else ""
    zh, en = _pack_named(row["zh"], "，政策包 ", grounds.pack), _pack_named(row["en"], ", policy pack ", grounds.pack)
    rests_on = [each for each in (grounds.source, grounds.document) if each]
    basis = "；".join(law(each).zh for each in rests_on), "; ".join(rests_on)
    return Words(
        f"{rule}{facet.zh}：{zh}" + (f"（依据 {basis[0]}）" if rests_on else ""),
        f"{rule}{facet.en}: {en}" + (f" (by {basis[1]})" if rests_on else ""),
    )


def law(source: str) -> Words:
    """A source, and the same with the Chinese names of the laws."""
    return Words(_LAW.sub(lambda found: _LAWS[found[1]], source).replace("; ", "；"), source)


def _pack_named(text: str, before: str, pack: str | None) -> str:
    return text if pack is None or pack in text else f"{text}{before}{pack}"


@cache
def _packs() -> dict[str, Pack]:
    return {pack.id: pack for pack in read_packs()}
