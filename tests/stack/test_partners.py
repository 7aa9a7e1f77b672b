"""By what organisations are known: exchanged without a moment in which nothing counts."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from services.dispatch.notifiers import Notifiers
from services.runtime.identities import COMING, GONE, US
from services.stack import credentials, partners
from services.stack.data import DataFolder, write_json
from services.stack.identities import given, host_key, identity
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


@pytest.mark.parametrize(
    "entry",
    [
        '[[ notifiers ]]\norganisation = "{who}"\ntoken_sha256 = "{hash}"\n',
        '[[notifiers]]  # since May\n\norganisation = "{who}"\n\n# it\ntoken_sha256 = "{hash}"\n\ncertificates = []\n',
        '\t[["notifiers"]]\norganisation = "{who}"\ncertificates = [\n]\ntoken_sha256 = "{hash}"\n',
        "[[notifiers]]\norganisation = '{who}'\ntoken_sha256 = '''{hash}'''\ncertificates = [\n  # none\n]\n",
    ],
    ids=["blanks", "blank-lines", "quoted", "many-lines"],
)
def test_an_old_entry_goes_however_it_is_written(folder: DataFolder, entry: str) -> None:
    """No token that was leaked may go on counting because of a blank; what follows it can still be read."""
    old = "an old token"
    mine = entry.replace("{who}", BANK).replace("{hash}", hashlib.sha256(old.encode()).hexdigest())
    others = folder.notifiers.read_text()
    others = "".join(f"[[notifiers]]{each}" for each in others.split("[[notifiers]]")[1:] if BANK not in each)
    folder.notifiers.write_text(f"# first\n{mine}\n# the others\n{others}")
    new = partners.issue(folder, BANK)
    assert (who(folder, old), who(folder, new)) == (BANK, BANK)
    assert partners.retire(folder, BANK) == 1
    assert (who(folder, old), who(folder, new)) == (None, BANK)
    assert who(folder, credentials.organisation_tokens(folder)[OTHER]) == OTHER
    assert folder.notifiers.read_text().startswith("# first\n\n# the others\n[[notifiers]]")


def test_an_old_entry_that_cannot_be_taken_out_is_no_retired_one(folder: DataFolder) -> None:
    """A person is told that it still counts; the file stays as it was."""
    tokens = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("old", "new")}
    rows = ", ".join(f'{{organisation = "{BANK}", token_sha256 = "{one}"}}' for one in tokens.values())
    folder.notifiers.write_text(f"notifiers = [{rows}]\n")
    before = folder.notifiers.read_text()
    with pytest.raises(TroubleError, match="still counts"):
        partners.retire(folder, BANK)
    assert folder.notifiers.read_text() == before
    assert who(folder, "old") == BANK


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


def test_who_has_no_certificate_is_known_by_its_hosts_key(folder: DataFolder) -> None:
    """Dispatch trusts both while one takes over from the other; nothing is generated for who is real."""
    before = credentials.identities(folder)["customs"]
    fresh = _host_key()
    partners.issue(folder, "customs", host_key=fresh)
    known = Notifiers(folder.notifiers)
    assert known.proofs("customs") == (before["certificate"], fresh)
    assert known.certificates("customs") == (before["certificate"],)
    partners.retire(folder, "customs")
    assert (known.proofs("customs"), known.certificates("customs")) == ((fresh,), ())
    assert credentials.identities(folder)["customs"] == before


def _host_key() -> str:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_a_hosts_key_is_one_line() -> None:
    """As OpenSSH writes it, whoever's comment stands behind it; anything else is none."""
    line = _host_key()
    assert host_key(f"{line} root@customs\n") == line
    for wrong in ("", "ssh-ed25519", line[:-9], "-----BEGIN CERTIFICATE-----"):
        with pytest.raises(ValueError, match=r".+"):
            host_key(wrong)


def test_ours_is_told_before_it_is_used_and_dropped_after(folder: DataFolder) -> None:
    """One step after another, and at each all that organisations may still need is there."""
    first = _ours(folder)[US]
    coming = partners.prepare(folder)
    assert {name: one["certificate"] for name, one in _ours(folder).items()} == {
        US: first["certificate"],
        COMING: coming,
    }
    with pytest.raises(TroubleError, match="under way"):
        partners.prepare(folder)
    partners.use(folder)
    assert (_ours(folder)[US]["certificate"], _ours(folder)[GONE]) == (coming, first)
    with pytest.raises(TroubleError, match="to come"):
        partners.use(folder)
    with pytest.raises(TroubleError, match="under way"):
        partners.prepare(folder)
    assert partners.forget(folder)
    assert list(partners.our_certificates(folder).items()) == [(US, coming)]
    assert not partners.forget(folder)


def _ours(folder: DataFolder) -> dict[str, dict[str, str]]:
    return {name: one for name, one in credentials.identities(folder).items() if name in {US, COMING, GONE}}


def _pem(key: Any, *, locked: bool = False) -> str:
    lock = BestAvailableEncryption(b"password") if locked else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode())


def test_one_that_an_authority_has_certified_is_taken_as_it_is() -> None:
    """With what other programs write into such a file; whatever cannot seal is refused before anybody is told."""
    made, other = identity("tongche"), identity("authority")
    noise = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert given(noise + made["key"] + made["certificate"] + other["certificate"]) == made
    for key in (
        other["key"],
        "",
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(ed25519.Ed25519PrivateKey.generate()),
        _pem(ec.generate_private_key(ec.SECP256R1()), locked=True),
    ):
        with pytest.raises(ValueError, match=r".+"):
            given(key + made["certificate"])


def test_who_ends_soon_is_told_in_time(folder: DataFolder) -> None:
    """Ours, and an organisation's newest: one that takes over already ends the matter."""
    now = datetime.now(UTC)
    assert list(partners.ending(folder, now)) == []
    stored = json.loads(folder.secrets.read_bytes())
    short = identity(US, timedelta(days=29))
    write_json(folder.secrets, stored | {"identities": stored["identities"] | {US: short}})
    partners.issue(folder, BANK, identity(BANK, timedelta(days=-1))["certificate"])
    partners.retire(folder, BANK)
    told = {one.whose: (one.until < now, one.fix) for one in partners.ending(folder, now)}
    assert told == {
        US: (False, "tongche partner identity --renew"),
        BANK: (True, f"tongche partner keys {BANK} --rotate"),
    }
    partners.issue(folder, BANK)
    partners.prepare(folder)
    partners.use(folder)
    assert list(partners.ending(folder, now)) == []
