"""A draft of a purchase-tax pack, as the text of its file: no relief from May 2026 on."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

_NEV_26: Final = files("contracts.policy").joinpath("packs", "NEV-26.toml").read_text(encoding="utf-8")
DRAFT: Final = (
    _NEV_26.replace('id = "NEV-26"', 'id = "NEV-T"')
    .replace('"IN_FORCE"', '"DRAFT"')
    .replace("effective_from = 2026-01-01", "effective_from = 2026-05-01")
    .replace('"NEV-24"', '"NEV-26"')
    .replace('approved_by = "rulebook"\n', "")
    .replace('relief_share = "0.5"', 'relief_share = "0"')
)
