"""`tongche partner`: a folder for a new agency, what is handed over to it, and the day it answers itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from contracts.numbers import uscc
from services.cli import application, conformance, scaffold, stack
from services.cli.asking import Dispatch
from services.conformance import agencies, fixtures, result
from services.runtime import live
from services.stack import credentials, partners
from services.stack.data import DataFolder
from services.stack.identities import identity, ssh_line
from services.stack.trouble import TroubleError
from tests.conformance.town import patient

INSURER = "insurer-91110000MAY1GEUH59"
BANK = "bank-91110000MAT57WXL1C"
NEW = next(name for name in (f"newcomer_{number}" for number in count()) if name not in ADAPTERS)
"""What no folder is called, whichever somebody has added."""
ADDRESS = "https://insurer.example:8443/tongche"


def typed(*words: str) -> Result:
    """What comes of a verb."""
    return CliRunner().invoke(application(), ["partner", *words], env={"LOGNAME": "li"})


def told(of: Result) -> Any:
    """The JSON of its last line."""
    assert of.exit_code == 0, (of.output, of.exception)
    return json.loads(of.stdout.splitlines()[-1])


def refused(*words: str) -> str:
    """Why a verb did nothing."""
    wrong = typed(*words).exception
    assert isinstance(wrong, TroubleError), wrong
    return wrong.en


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A fresh installation that does not run."""
    made = DataFolder(tmp_path / "data")
    made.create()
    credentials.ensure(made)
    return made


@pytest.mark.parametrize("like", ["insurer", "bank"])
def test_a_new_folder_is_whole(tmp_path: Path, like: str) -> None:
    """Everything of the one it is like, in its own name, and what an agency has of its own."""
    made = told(typed("new", NEW, "--like", like, "--to", str(tmp_path), "--json"))
    here = tmp_path / NEW
    assert made["organisation"] == f"{like}-{scaffold.invented_uscc(NEW)}"
    assert sorted(made["files"]) == sorted(str(file.relative_to(here)) for file in here.rglob("*") if file.is_file())
    assert {path.name for path in tmp_path.iterdir()} == {NEW}
    source = (here / "__init__.py").read_text(encoding="utf-8")
    assert f'name="{NEW}"' in source
    text = "".join(file.read_text(encoding="utf-8") for file in here.rglob("*") if file.is_file())
    assert not [one.uscc for one in ORGANISATIONS.values() if one.adapter == like and str(one.uscc) in text]


def test_an_invented_code_is_well_formed_and_always_the_same() -> None:
    """And nobody's of ours."""
    names = [f"partner_{number}" for number in range(500)]
    codes = [scaffold.invented_uscc(name) for name in names]
    assert all(map(uscc.is_valid, codes))
    assert len(set(codes)) == len(codes)
    assert [scaffold.invented_uscc(name) for name in names] == codes
    assert not {one.uscc for one in ORGANISATIONS.values()} & set(codes)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("Kang-Tai", "--like", "insurer"), "cannot name a folder"),
        (("insurer", "--like", "insurer"), "is there already"),
        (("spec", "--like", "insurer"), "is there already"),
        ((NEW, "--like", "nobody"), "there is no adapter nobody"),
        ((NEW, "--like", "insurer", "--uscc", "91110000MAY1GEUH58"), "is no valid USCC"),
        ((NEW, "--like", "insurer", "--uscc", "91110000MAY1GEUH59"), "is there already"),
        ((NEW, "--like", "insurer", "--to", "/nowhere/at/all"), "there is no folder"),
        ((NEW, "--like", "insurer", "--en", 'He said """hi"""'), "cannot be a name"),
        ((NEW, "--like", "insurer", "--en", "one\\x"), "cannot be a name"),
        ((NEW, "--like", "insurer", "--zh", "两\n行"), "cannot be a name"),
        ((NEW, "--like", "insurer", "--zh", "\x1b[31m红"), "cannot be a name"),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    """And nothing is written."""
    (tmp_path / "insurer").mkdir()
    (tmp_path / "spec.py").touch()
    where = () if "--to" in words else ("--to", str(tmp_path))
    assert why in refused("new", *words, *where)
    assert {path.name for path in tmp_path.iterdir()} == {"insurer", "spec.py"}


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Somebody may have worked in it."""
    (tmp_path / NEW).mkdir()
    assert "is there already" in refused("new", NEW, "--like", "insurer", "--to", str(tmp_path))
    assert list((tmp_path / NEW).iterdir()) == []


def test_its_list_and_its_recordings_are_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the adapter's name or an organisation's; what is exempt says why."""
    for adapter in list(ADAPTERS.values()):
        monkeypatch.setitem(ADAPTERS, adapter.name, patient(adapter))
    for name in ("insurer", INSURER):
        said = told(typed("test", name, "--json"))
        assert (said["adapter"], said["broken"]) == ("insurer", [])
        assert said["conformance"]["passed"] > said["conformance"]["failed"] == 0
        assert said["fixtures"] == len(fixtures.fixtures(ADAPTERS["insurer"]))
    assert "no interface is published" in typed("test", "insurer").output


def test_tokens_are_exchanged_without_a_gap(folder: DataFolder) -> None:
    """The first is shown again and again; a second counts beside it until the first is retired."""
    at = ("--data", str(folder.root), "--json")
    first = told(typed("keys", INSURER, *at))
    assert first["token"] == credentials.organisation_tokens(folder)[INSURER]
    assert told(typed("keys", INSURER, *at)) == first
    second = told(typed("keys", INSURER, "--rotate", *at))
    assert (second["counting"], second["token"] == first["token"]) == (2, False)
    assert "two tokens count already" in refused("keys", INSURER, "--rotate", *at)
    last = told(typed("keys", INSURER, "--retire", *at))
    assert (last["counting"], last["retired"], last["token"]) == (1, 1, second["token"])


def test_who_takes_files_is_told_how_we_come(folder: DataFolder, tmp_path: Path) -> None:
    """Our user and our key as OpenSSH writes it; its host's key counts beside the certificate until that is retired."""
    at = ("--data", str(folder.root), "--json")
    first = told(typed("keys", "customs", *at))
    assert (first["user"], first["host_keys"]) == ("tongche", [])
    assert [key.split()[::2] for key in first["ssh_keys"]] == [["ecdsa-sha2-nistp256", "tongche"]]
    file = tmp_path / "ssh_host_ed25519_key.pub"
    line = ssh_line(identity("host")["certificate"], "root@customs")
    file.write_text(line + "\n", encoding="ascii")
    with_it = ("--host-key", str(file))
    assert "first --rotate" in refused("keys", "customs", *with_it, *at)
    assert "is not spoken to by files" in refused("keys", INSURER, "--rotate", *with_it, *at)
    second = told(typed("keys", "customs", "--rotate", *with_it, *at))
    assert (second["host_keys"], second["certificates"]) == ([line.rpartition(" ")[0]], first["certificates"])
    last = told(typed("keys", "customs", "--retire", *at))
    assert (last["host_keys"], last["certificates"]) == (second["host_keys"], [])
    file.write_text("nothing", encoding="ascii")
    assert "no host's public key" in refused("keys", "customs", "--rotate", *with_it, *at)
    assert "ssh_keys" not in told(typed("keys", INSURER, *at))


@pytest.mark.parametrize("whose", [INSURER, "customs"])
def test_what_is_copied_from_here_stands_on_one_line(folder: DataFolder, whose: str) -> None:
    """Every digest, token and key is whole, however narrow the terminal is."""
    partners.issue(folder, whose, host_key=ssh_line(identity("host")["certificate"], "").strip())
    shown = typed("keys", whose, "--data", str(folder.root), "--json").stdout.splitlines()
    told_of = json.loads(shown[-1])
    lines = {line.strip() for line in shown[:-1]}
    digests = {one["sha256"] for one in told_of["certificates"]}
    assert digests | {told_of["token"]} | set(told_of.get("host_keys", ())) <= lines
    assert digests


@pytest.mark.parametrize(
    ("content", "words", "why"),
    [
        (b"pc-17\n", ("keys", INSURER, "--rotate", "--certificate"), "没有可读的 PEM 证书 / no certificate as PEM"),
        (b"\xff\xfe", ("keys", INSURER, "--rotate", "--certificate"), "不是纯文本 / no plain text"),
        (None, ("keys", INSURER, "--rotate", "--certificate"), "不存在 / it is not there"),
        (b"pc-17\n", ("keys", "customs", "--rotate", "--host-key"), "OpenSSH 格式的公钥 / no public key as OpenSSH"),
        (b"pc-17\n", ("identity", "--renew", "--from"), "没有可读的 PEM 私钥 / no private key as PEM"),
    ],
)
def test_a_file_that_proves_nothing_is_told_in_our_words(
    folder: DataFolder, tmp_path: Path, content: bytes | None, words: tuple[str, ...], why: str
) -> None:
    """In both languages, and not in a library's, with a link to its questions and answers."""
    file = tmp_path / "given"
    if content is not None:
        file.write_bytes(content)
    wrong = typed(*words, str(file), "--data", str(folder.root)).exception
    assert isinstance(wrong, TroubleError)
    zh, en = why.split(" / ")
    assert zh in wrong.zh
    assert en in wrong.en
    assert not re.search(r"https?://|Errno", wrong.en)


def test_a_certificate_says_until_when_it_is_valid(folder: DataFolder) -> None:
    """Whoever looks at the keys of one whose certificate ends is warned."""
    at = ("--data", str(folder.root))
    (one,) = told(typed("keys", INSURER, *at, "--json"))["certificates"]
    assert datetime.fromisoformat(one["since"]) < datetime.now(UTC) < datetime.fromisoformat(one["until"])
    assert "days left" not in typed("keys", INSURER, *at).output
    assert stack.certificates(folder) == []
    partners.issue(folder, INSURER, identity(INSURER, timedelta(days=9, hours=1))["certificate"])
    assert "9 days left" in typed("keys", INSURER, *at).output
    # While another counts for longer, status keeps silent.
    assert stack.certificates(folder) == []
    partners.issue(folder, "customs", identity("customs", timedelta(days=9))["certificate"])
    partners.retire(folder, "customs")
    (ends,) = stack.certificates(folder)
    assert (ends["whose"], ends["fix"]) == ("customs", "tongche partner keys customs --rotate")


def test_ours_is_exchanged_step_by_step(folder: DataFolder, tmp_path: Path) -> None:
    """Told, used, dropped; one that an authority has certified as well; never two steps at once."""
    at = ("--data", str(folder.root), "--json")
    (first,) = told(typed("identity", *at))["ours"]
    file = tmp_path / "ours.pem"
    made = identity("tongche")
    file.write_text(made["key"] + made["certificate"], encoding="ascii")
    coming = told(typed("identity", "--renew", "--from", str(file), *at))["ours"]
    assert [(one["name"], one["sha256"] == first["sha256"]) for one in coming] == [
        ("tongche", True),
        ("tongche-coming", False),
    ]
    assert coming[1]["pem"] == made["certificate"]
    handed = told(typed("keys", "customs", *at))
    assert handed["ours"] == [one["pem"] for one in coming]
    assert len(handed["ssh_keys"]) == len(coming)
    used = told(typed("identity", "--use", *at))["ours"]
    assert [(one["name"], one["sha256"]) for one in used] == [
        ("tongche", coming[1]["sha256"]),
        ("tongche-gone", first["sha256"]),
    ]
    assert told(typed("identity", "--retire", *at))["ours"] == used[:1]
    assert "none to drop" in refused("identity", "--retire", *at)
    assert "one step at a time" in refused("identity", "--renew", "--use", *at)
    assert "one step at a time" in refused("identity", "--from", str(file), *at)
    file.write_text(made["key"], encoding="ascii")
    assert "will not do" in refused("identity", "--renew", "--from", str(file), *at)


def test_who_is_meant_must_be_clear(folder: DataFolder) -> None:
    """Several insurers speak the same words; one of them is named."""
    at = ("--data", str(folder.root))
    insurers = sum(one.adapter == "insurer" for one in ORGANISATIONS.values())
    assert f"speaks to {insurers} organisations" in refused("keys", "insurer", *at)
    assert "no organisation nobody" in refused("keys", "nobody", *at)
    assert "no installation" in refused("keys", INSURER, "--data", str(folder.root / "elsewhere"))


Proved = Callable[..., str]


@pytest.fixture
def proved(folder: DataFolder, tmp_path: Path) -> Proved:
    """A signed result of the insurer's, with whatever a test wants otherwise; the file's name."""

    def made(**changes: Any) -> str:
        known = agencies.agency(ADAPTERS[changes.get("agency", "insurer")])
        proof = result.Proof(
            **{
                "agency": known.name,
                "organisation": INSURER,
                "host": "insurer.example:8443",
                "address": result.address(ADDRESS),
                "against": "url",
                "kit": result.KIT,
                "fixtures": known.fixtures,
                "passed": known.cases - known.untold - changes.get("failed", 0),
                "failed": 0,
                "skipped": known.untold,
                "at": datetime.now(UTC) - timedelta(hours=1),
                **changes,
            }
        )
        file = tmp_path / "insurer.result"
        file.write_text(result.signed(proof, conformance.key(folder)), encoding="utf-8")
        return str(file)

    return made


def test_it_goes_live_on_proof_and_back_with_a_reason(folder: DataFolder, proved: Proved) -> None:
    """Who, when and on what stays on record; the last act holds."""
    at = ("--data", str(folder.root), "--json")
    gone = told(typed("live", INSURER, "--url", ADDRESS, "--result", proved(), *at))
    assert (gone["organisation"], gone["url"]) == (INSURER, ADDRESS)
    assert gone["by"]
    assert live.addresses(live.acts(folder.live)) == {INSURER: ADDRESS}
    (row,) = [one for one in told(typed("list", *at))["organisations"] if one["organisation"] == INSURER]
    assert (row["url"], row["by"]) == (ADDRESS, gone["by"])
    assert "--reason is needed" in refused("live", INSURER, "--back", *at)
    assert "with a reason alone" in refused("live", INSURER, "--back", "--stand-in", "--reason", "why", *at)
    told(typed("live", INSURER, "--back", "--reason", "the trial is over", *at))
    assert live.addresses(live.acts(folder.live)) == {}
    assert [act.reason for act in live.acts(folder.live)] == [None, "the trial is over"]
    assert "is simulated as it is" in refused("live", INSURER, "--back", "--reason", "once more", *at)
    assert len(live.acts(folder.live)) == 2


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://h?x", "no ?, no #"),
        ("https://h/#x", "no ?, no #"),
        ("https://h/a b", "no blank"),
        ("file:///etc/passwd", "is at https://"),
        ("https://[::1/", "is at https://"),
    ],
)
def test_an_address_that_is_none_is_told_in_words(folder: DataFolder, url: str, why: str) -> None:
    """Before any proof is asked for."""
    assert why in refused("live", INSURER, "--url", url, "--data", str(folder.root))


def test_who_names_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A slip of the hand; without one, all are simulated as they are at the start."""
    assert "there is no" in refused("list", "--data", str(tmp_path / "nonexistent"))


@pytest.mark.parametrize(
    "address", ["sftp://customs.example/in", "sftp://tongche@customs.example:22/in", "sftp://CUSTOMS.example:22/in/"]
)
def test_who_takes_files_goes_live_where_they_were_taken(folder: DataFolder, proved: Proved, address: str) -> None:
    """The host, the folder and our name there that were tested, however they are written."""
    given = _customs(folder, proved)
    gone = told(typed("live", "customs", "--url", address, *given, "--json"))
    assert live.addresses(live.acts(folder.live)) == {"customs": gone["url"]} == {"customs": address}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://customs.example", "customs is at sftp://"),
        ("sftp://customs.example:ssh", "customs is at sftp://"),
        ("sftp:///in", "customs is at sftp://"),
        ("sftp://tongche:secret@customs.example", "no password"),
        ("sftp://customs.example:2222", "what was tested is customs at customs.example:22"),
        ("sftp://other.example:22/in", "what was tested is customs at customs.example:22"),
        ("sftp://customs.example:22/out", "what was tested is customs at customs.example:22"),
        ("sftp://prod@customs.example:22/in", "what was tested is customs at customs.example:22"),
    ],
)
def test_no_files_go_where_nobody_was_tested(folder: DataFolder, proved: Proved, address: str, why: str) -> None:
    """Nor where they cannot go; no password is kept in clear."""
    assert why in refused("live", "customs", "--url", address, *_customs(folder, proved))
    assert not folder.live.exists()


def _customs(folder: DataFolder, proved: Proved) -> tuple[str, ...]:
    """Its proof, of the host where it took files."""
    _known_by_its_own(folder, "customs")
    told_of = {"agency": "customs", "organisation": "customs", "host": "customs.example:22"}
    given = proved(**told_of, address=result.address("sftp://tongche@customs.example:22/in"))
    return ("--result", given, "--data", str(folder.root))


def _known_by_its_own(folder: DataFolder, organisation: str) -> None:
    """It has handed over a certificate, and the one that was made here is retired."""
    partners.issue(folder, organisation, identity(organisation)["certificate"])
    partners.retire(folder, organisation)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"failed": 1}, "1 cases failed"),
        ({"against": "simulator"}, "simulated"),
        ({"fixtures": "0" * 64}, "fixtures have changed"),
        ({"host": "other.example", "address": result.address("https://other.example")}, "at other.example"),
        ({"address": result.address("https://insurer.example:8443/test")}, "not this very address"),
        ({"passed": 1, "skipped": 77}, "77 cases were not tested"),
        ({"organisation": "insurer-91110000MAPYQ79X1X"}, "what was tested is insurer-91110000MAPYQ79X1X"),
        ({"at": datetime(2020, 1, 1, tzinfo=UTC)}, "older than 30 days"),
    ],
)
def test_a_proof_of_something_else_opens_no_door(
    folder: DataFolder, proved: Proved, changes: dict[str, Any], why: str
) -> None:
    """And nothing is recorded."""
    words = ("live", INSURER, "--url", ADDRESS, "--result", proved(**changes), "--data", str(folder.root))
    assert why in refused(*words)
    assert not folder.live.exists()


def test_a_file_that_nobody_signed_opens_no_door(folder: DataFolder, proved: Proved) -> None:
    """Altered, or none at all."""
    file = Path(proved())
    text = file.read_text(encoding="utf-8")
    at = ("--url", ADDRESS, "--result", str(file), "--data", str(folder.root))
    head, payload, signature = text.split(".")
    for wrong in ("", "{}", f"{head}.{payload}.{signature[::-1]}"):
        file.write_text(wrong, encoding="utf-8")
        assert "signature does not fit" in refused("live", INSURER, *at)
    file.unlink()
    assert "cannot read" in refused("live", INSURER, *at)
    assert not folder.live.exists()


def test_an_address_is_needed(folder: DataFolder, proved: Proved) -> None:
    """From its row, or by hand; and one that we can speak to."""
    at = ("--result", proved(), "--data", str(folder.root))
    assert "--url is needed" in refused("live", INSURER, *at)
    assert "address or the reason will not do" in refused("live", INSURER, "--url", "//insurer.example:8443", *at)
    assert not folder.live.exists()


def test_the_last_result_in_the_data_folder_is_taken(folder: DataFolder, proved: Proved) -> None:
    """Where the kit leaves it."""
    place = folder.root / "conformance" / INSURER
    place.mkdir(parents=True)
    at = ("--url", ADDRESS, "--data", str(folder.root), "--json")
    assert "cannot read" in refused("live", INSURER, *at)
    (place / "result.jws").write_bytes(Path(proved()).read_bytes())
    assert told(typed("live", INSURER, *at))["url"] == ADDRESS


def test_a_simulator_is_live_for_practice_alone(folder: DataFolder, proved: Proved) -> None:
    """Whoever wants that must say so, and it is marked for what it is; an agency's own proof is none for it."""
    at = ("--url", ADDRESS, "--data", str(folder.root), "--json")
    assert "simulated" in refused("live", INSURER, "--result", proved(against="simulator"), *at)
    assert "not that of a simulated" in refused("live", INSURER, "--stand-in", "--result", proved(), *at)
    gone = told(typed("live", INSURER, "--stand-in", "--result", proved(against="simulator"), *at))
    assert gone["stand_in"] is True
    (act,) = live.acts(folder.live)
    assert act.stand_in
    listed = typed("list", *at[2:])
    (row,) = [one for one in told(listed)["organisations"] if one["organisation"] == INSURER]
    assert row["stand_in"] is True
    assert "a simulator stands in, for practice" in listed.output


def test_who_seals_is_live_by_a_key_of_its_own(folder: DataFolder, proved: Proved) -> None:
    """Not by the one that was made here; a simulator seals with that one, so the way back wants it."""
    of_the_bank = {"agency": "bank", "organisation": BANK}
    at = ("--data", str(folder.root), "--json")
    words = ("live", BANK, "--url", ADDRESS, "--result", proved(**of_the_bank), *at)
    assert "a certificate (or host key) of its own" in refused(*words)
    partners.issue(folder, BANK, identity(BANK)["certificate"])
    assert "no longer by the one that was made here" in refused(*words)
    partners.retire(folder, BANK)
    assert told(typed(*words))["url"] == ADDRESS
    back = ("live", BANK, "--back", "--reason", "it is down for good", *at)
    assert "what a simulator seals would not be believed" in refused(*back)
    partners.issue(folder, BANK)
    assert "url" not in told(typed(*back))


def _delivery(id_: str, state: str, since: float) -> dict[str, Any]:
    return {
        "id": id_,
        "organisation": INSURER,
        "command": "insurance.bind",
        "state": state,
        "since": since,
        "failure": None,
        "reason": None,
        "code": None,
        "code_zh": None,
        "next_try_at": None,
    }


@pytest.fixture
def waiting(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a dispatch that has worked before says of the insurer, as a test wants it."""
    (folder.root / "db" / "dispatch.db").touch()
    says: dict[str, Any] = {"held": [], "deliveries": []}

    def ask(_: Dispatch, method: str, path: str, body: Any = None, **__: Any) -> Any:
        assert (method, path, body["organisation"]) == ("POST", "/v1/deliveries/search", INSURER)
        return says

    monkeypatch.setattr(Dispatch, "__init__", lambda _, __: None)
    monkeypatch.setattr(Dispatch, "ask", ask)
    return says


BY_HAND: dict[str, Any] = {"id": INSURER, "paused_by": "li", "since": 1_000.0}


@pytest.mark.parametrize("way", ["there", "back"])
def test_nobody_is_switched_while_anything_has_no_outcome(
    folder: DataFolder, proved: Proved, waiting: dict[str, Any], way: str
) -> None:
    """Either way; those that are in doubt are listed, with every verb that settles them."""
    there = ("--url", ADDRESS, "--result", proved())
    back = ("--back", "--reason", "the trial is over")
    words = ("live", INSURER, *(there if way == "there" else back), "--data", str(folder.root))
    before = [] if way == "there" else [_went_live(folder)]
    assert "hold it first" in refused(*words)
    waiting["held"] = [BY_HAND | {"paused_by": None}]
    assert "hold it first" in refused(*words)
    waiting["held"] = [BY_HAND]
    for state, since in (("parked", 900.0), ("parked", 1_100.0), ("dead", 900.0), ("held", 999.0)):
        waiting["deliveries"] = [_delivery("d-1", state, since)]
        assert "1 deliveries were due" in refused(*words)
    said = typed(*words).output
    for verb in ("show d-1", f"resume {INSURER}", "answer ID", "cancel ID", f"cancel --organisation {INSURER}"):
        assert verb in said
    assert list(live.acts(folder.live)) == before
    waiting["deliveries"] = [_delivery("d-2", "held", 1_000.0)]
    assert typed(*words).exit_code == 0
    assert [act.vouched for act in live.acts(folder.live)] == [0] * (len(before) + 1)


def _went_live(folder: DataFolder) -> live.Act:
    act = live.Act(at=datetime.now(UTC), by="li", organisation=INSURER, url=ADDRESS, proof="0" * 64)
    folder.live.write_text(live.written([act]), encoding="utf-8")
    return act


def test_a_person_may_vouch_that_nothing_of_it_was_done(
    folder: DataFolder, proved: Proved, waiting: dict[str, Any]
) -> None:
    """With a reason, which is kept with how many it was; and still nothing may be told meanwhile."""
    words = ("live", INSURER, "--url", ADDRESS, "--result", proved(), "--data", str(folder.root), "--not-carried-out")
    waiting["deliveries"] = [_delivery(f"d-{number}", "parked", 900.0) for number in range(3)]
    assert "--reason is needed" in refused(*words)
    assert "hold it first" in refused(*words, "--reason", "asked")
    waiting["held"] = [BY_HAND]
    assert typed(*words, "--reason", "asked them by telephone").exit_code == 0
    (act,) = live.acts(folder.live)
    assert (act.vouched, act.reason) == (3, "asked them by telephone")
