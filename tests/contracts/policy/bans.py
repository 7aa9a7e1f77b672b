"""Packs of a rule that nobody has: what tests of packs, their contradictions and trials are made of."""

from __future__ import annotations

from contracts.policy import Pack, parse

RESALE_BAN = """
id = "BAN-1"
status = "IN_FORCE"
effective_from = 2026-01-01
effective_to = 2026-06-30
reference_date_field = "reg_date"
approved_by = "a test"
title = { zh = "测试", en = "test" }
scope = { regions = ["CN"], kinds = ["used-car"] }
params = { rule = "resale-ban", months = 6 }
source = { title = "none" }
"""


def a_ban(**changes: object) -> Pack:
    return Pack.model_validate(parse(RESALE_BAN).model_dump() | changes)


def a_scope(*regions: str, kind: str = "used-car") -> dict[str, object]:
    return {"regions": regions, "kinds": (kind,)}
