"""By what organisations are known: exchanged without a moment in which nothing counts."""

from __future__ import annotations

import asyncio

import pytest

from services.dispatch.notifiers import Notifiers
from services.stack import credentials, partners
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

BANK = "bank-91110000MAT57WXL1C"
OTHER = "bank-91110000MAU5K2AT1X"


@pytest.fixture(autouse=True)
def _ready(folder: DataFolder) -> None:
    credentials.ensure(folder)


def who(folder: DataFolder, token: str) -> str | None:
    """Whose token it is, to dispatch."""
    return asyncio.run(Notifiers(folder.notifiers).by_token(token))


def test_two_tokens_count_until_the_old_one_is_retired(folder: DataFolder) -> None:
    """From the first day of the new one to the last of the old, dispatch knows both; nobody else's changes."""
    old, other = credentials.organisation_tokens(folder)[BANK], credentials.organisation_tokens(folder)[OTHER]
    new = partners.issue(folder, BANK)
    assert (who(folder, old), who(folder, new), who(folder, other)) == (BANK, BANK, OTHER)
    assert partners.newest(folder, BANK) == new
    assert partners.retire(folder, BANK) == 1
    assert (who(folder, old), who(folder, new), who(folder, other)) == (None, BANK, OTHER)
    assert partners.retire(folder, BANK) == 0


def test_a_third_waits_until_the_first_is_gone(folder: DataFolder) -> None:
    """Two at once are an exchange; more would be forgotten."""
    partners.issue(folder, BANK)
    with pytest.raises(TroubleError, match="two tokens count already"):
        partners.issue(folder, BANK)
    assert len(partners.counting(folder, BANK)) == 2


def test_a_key_pair_is_exchanged_with_the_token(folder: DataFolder) -> None:
    """Both certificates prove what it seals, until the old one is retired."""
    (before,) = certificates(folder)
    partners.issue(folder, BANK)
    assert len(certificates(folder)) == 2
    assert certificates(folder)[0] == before
    partners.retire(folder, BANK)
    (after,) = certificates(folder)
    assert after != before
    assert credentials.identities(folder)[BANK]["certificate"] == after


def test_a_certificate_of_its_own_takes_the_place_of_ours(folder: DataFolder) -> None:
    """Who is real keeps its own key: nothing is generated then."""
    before = credentials.identities(folder)[BANK]
    theirs = credentials.identities(folder)[OTHER]["certificate"]
    partners.issue(folder, BANK, theirs)
    partners.retire(folder, BANK)
    assert certificates(folder) == (theirs,)
    assert credentials.identities(folder)[BANK] == before


def certificates(folder: DataFolder) -> tuple[str, ...]:
    """What proves the bank's seals, to dispatch."""
    return Notifiers(folder.notifiers).certificates(BANK)


def test_what_a_person_wrote_around_them_stays(folder: DataFolder) -> None:
    """Comments and other organisations' entries are not touched by a line."""
    folder.notifiers.write_text("# ours since May\n" + folder.notifiers.read_text() + "\n# the end\n")
    before = folder.notifiers.read_text().splitlines()
    partners.issue(folder, BANK)
    partners.retire(folder, BANK)
    after = folder.notifiers.read_text().splitlines()
    gone = [line.partition(" ")[0] for line in before if line not in after]
    assert gone == ["token_sha256", "certificates"]
    assert {"# ours since May", "# the end"} <= set(after)
    assert folder.notifiers.stat().st_mode & 0o077 == 0


def test_a_file_of_another_shape_is_left_alone(folder: DataFolder) -> None:
    """It is a person's; it cannot be added to, and says so before anything is written."""
    folder.notifiers.write_text("notifiers = []\n")
    before = folder.secrets.read_bytes()
    with pytest.raises(TroubleError, match="cannot be added to"):
        partners.issue(folder, BANK)
    assert folder.notifiers.read_text() == "notifiers = []\n"
    assert folder.secrets.read_bytes() == before


def test_a_token_that_a_person_took_out_is_not_handed_over(folder: DataFolder) -> None:
    """Nor one of an organisation that came after this installation was made."""
    folder.notifiers.write_text("")
    assert partners.newest(folder, BANK) is None
    assert partners.newest(folder, "insurer-of-tomorrow") is None


def test_the_first_token_of_a_new_organisation(folder: DataFolder) -> None:
    """It gets one although the files were made before it."""
    stored = folder.notifiers.read_text()
    entry = next(each for each in stored.split("[[notifiers]]") if BANK in each)
    folder.notifiers.write_text(stored.replace(f"[[notifiers]]{entry}", ""))
    assert partners.counting(folder, BANK) == []
    assert who(folder, partners.issue(folder, BANK)) == BANK
