"""Where an organisation is called: at the simulator, until somebody lets it go live."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from adapters.organisations import ORGANISATIONS
from services.dispatch.service import address
from services.runtime.live import Act, written
from services.runtime.settings import Settings


def test_an_organisation_is_called_where_it_is_live(tmp_path: Path) -> None:
    """An address in its row alone moves no command; an act that let it go live does, and one that took it back."""
    settings = Settings(data=tmp_path)
    bank = next(one for one in ORGANISATIONS.values() if one.adapter == "bank")
    bank = bank.model_copy(update={"url": "https://row.example"})
    told = {"at": datetime(2026, 11, 22, tzinfo=UTC), "by": "li", "organisation": bank.id}
    gone = Act.model_validate(told | {"url": "https://bank.example/in", "proof": "0" * 64})
    back = Act.model_validate(told | {"reason": "over"})
    assert address(settings, bank) == settings.simulator_url
    settings.live.write_text(written((gone,)))
    assert address(settings, bank) == "https://bank.example/in"
    assert address(settings, ORGANISATIONS["tax"]) == settings.simulator_url
    settings.live.write_text(written((gone, back)))
    assert address(settings, bank) == settings.simulator_url
