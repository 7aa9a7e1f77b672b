"""The risk assessment as a document: for a screen, for paper, for a signature; in both languages."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from contracts.types import CHINA

from .words import GRADES, Said

KINDS: Final = {
    "database": Said("各服务的数据库", "Databases of services"),
    "topic": Said("消息主题", "Topics"),
    "files": Said("文件", "Files"),
}
STATES: Final = {
    "in-force": Said("有效", "in force"),
    "not-yet": Said("未生效", "not yet"),
    "no-topic": Said("有效，主题未建", "in force, but without its topic"),
    "ending": Said("即将终止", "about to end"),
    "lapsed": Said("已到期", "lapsed"),
    "revoked": Said("已撤销", "revoked"),
    "removed": Said("已移除", "removed"),
    "refused": Said("已拒绝（A403）", "refused (A403)"),
}
METHOD: Final = (
    Said(
        "一笔业务对应一次销售、一名购车人；人数以不同业务的笔数计，为上限：同一人购两辆车计两次。",
        "A case is one sale to one buyer; persons are counted as distinct cases, which is an upper bound: "
        "who buys two cars is counted twice.",
    ),
    Said(
        "各服务只统计自己的数据库，经运维令牌提供笔数，不提供内容；未标明业务的行按行计，且不超过受理处受理过的业务总数。",
        "Each service counts its own database and tells numbers, never contents; rows that name no case count one "
        "each, and no more than the door has ever accepted.",
    ),
    Said(
        "各主题逐条读取消息头计数，截至统计时刻；只有车架号而无个人字段的，列为业务，不计人数。",
        "Topics are counted record by record from their headers, as far as they reached at that moment; "
        "where there is a VIN and no personal field, cases are told and no persons.",
    ),
    Said(
        "日志、链路和指标按设计不含个人信息，由独立核查器查证（tongche check 的 leaks）。模拟机构的账簿不计。",
        "Logs, spans and metrics hold nobody by design; the independent checker verifies that (tongche check). "
        "The simulated agencies' books are the agencies' own and are not counted.",
    ),
    Said(
        "字段分级与个人信息标记取自字段字典；分级依 GB/T 43697-2024，"
        "阈值依《汽车数据安全管理若干规定》与《网络数据安全管理条例》。",
        "Classes and marks of personal data are the dictionary's; grades by GB/T 43697-2024, thresholds by the 2021 "
        "Automotive Data Provisions and the Network Data Regulations.",
    ),
    Said(
        "授权书中另有被授权人姓名的，与购车人同属一笔业务，未另计；此类授权多时应人工加计。",
        "A grantee of an electronic licence stands in the buyer's case and is not counted apart: where there are many, "
        "add them by hand.",
    ),
)


def page(report: dict[str, Any]) -> str:
    """The document; the same report gives the same text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(day=_day, moment=partial(_day, pattern="%Y-%m-%d %H:%M"), number=_number)
    return environment.get_template("risk.html").render(
        report=report, kinds=KINDS, states=STATES, grades=GRADES, method=METHOD
    )


def _day(instant: str | None, pattern: str = "%Y-%m-%d") -> str:
    return "—" if instant is None else datetime.fromisoformat(instant).astimezone(CHINA).strftime(pattern)


def _number(value: int) -> str:
    return f"{value:,}"
