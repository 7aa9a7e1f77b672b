"""Why each message may be carried is said of each, and cites the rulebook and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from contracts import purposes
from contracts.fields import PERSONAL, field_names
from contracts.purposes import LAWS, PURPOSES
from contracts.registry import CONTRACTS

DOMAIN: Final = {"CC", "CTPL", "NDR", "PIPL", "PTL", "RTSL", "RTSR", "TCL", "VVT", "VVTR"}
"""The keys that the rulebook's section 0 gives to statutes."""


def test_every_contract_has_a_purpose_and_a_basis() -> None:
    """Each once, and no row is about a contract that is gone."""
    assert set(PURPOSES) == set(CONTRACTS)
    assert all(re.search(r"[\u4e00-\u9fff]", row.zh) for row in PURPOSES.values())


def test_whoever_is_told_of_persons_rests_on_something() -> None:
    """Only messages about no person and no vehicle need no basis; a basis names an article."""
    for name, row in PURPOSES.items():
        fields = {field for model in CONTRACTS[name].models for field in field_names(model)}
        assert (row.basis == "none") == (not row.cites)
        assert row.basis != "none" or not fields & {*PERSONAL, "vin"}


def test_only_what_the_rulebook_names_is_cited() -> None:
    """Statutes by their keys, announcements by their numbers, and every law of the table is cited somewhere."""
    cited = {one.law for row in PURPOSES.values() for one in row.cites}
    assert cited == set(LAWS)
    assert cited - DOMAIN == {"SAT-23/2020", "MOFCOM-54/2025"}


def test_what_is_consented_to_cites_consent() -> None:
    """PIPL 13, 23 or 29; and what is a duty cites no contract's article alone."""
    for row in PURPOSES.values():
        laws = {one.law for one in row.cites}
        assert row.basis != "consent" or laws == {"PIPL"}
        assert row.basis != "duty" or "PIPL" not in laws


def test_an_unknown_law_or_basis_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the pen in the table stops the import and cites nothing."""
    head = "contract,zh,basis,articles\n"
    for row, error in (("sale.confirmed,售出,duty,XXX 1", KeyError), ("sale.confirmed,售出,whim,PIPL 13", ValueError)):
        (tmp_path / "purposes.csv").write_text(head + row, encoding="utf-8")
        monkeypatch.setattr(purposes, "files", lambda _: tmp_path)
        with pytest.raises(error):
            purposes._load()


def test_articles_read_in_both_languages() -> None:
    """As a lawyer would write them."""
    (two,) = PURPOSES["tax.pay"].cites
    assert (two.zh, two.en) == ("《车辆购置税法》第12、13条", "Vehicle Purchase Tax Law, Art. 12, 13")
    (whole,) = PURPOSES["invoice.issued"].cites
    assert whole.zh == "《国家税务总局公告2020年第23号》"
