"""`partner …`: an agency of a new kind, from an empty folder to the day it answers itself, and its keys."""

from __future__ import annotations

import getpass
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from rich.table import Table

from services.cli.terminal import FAILED, Data, Json, answer, folder, is_typed, out
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from adapters.organisations import Organisation
    from adapters.spec import Adapter
    from services.conformance.run import Run
    from services.runtime.live import Act
    from services.stack.data import DataFolder

app = typer.Typer(help="接入机构 / agencies of a new kind", no_args_is_help=True)

_SIGNS: Final = {"done": "✓", "todo": "…", "exempt": "–"}
_GUIDE: Final = "docs/ADDING_AN_AGENCY.md"
_STAGES: Final = {
    "tongche": "在用 / in use",
    "tongche-coming": "待用 / to come",
    "tongche-gone": "已换下 / was in use",
}
_SIMULATED: Final = "模拟 / simulated"
_STANDS_IN: Final = "  演练，非正式 / a simulator stands in, for practice"

Name = Annotated[str, typer.Argument(metavar="NAME", help="适配器或机构 / the adapter, or the organisation's id")]


@app.command()
def new(  # noqa: PLR0913 - each is an option
    name: Annotated[str, typer.Argument(metavar="NAME", help="目录名 / its folder: a-z, then a-z, 0-9, _")],
    *,
    like: Annotated[str, typer.Option("--like", help="先照此机构行事 / as which it speaks to begin with")],
    uscc: Annotated[
        str | None, typer.Option("--uscc", help="统一社会信用代码，缺省虚构 / its USCC; invented where none is given")
    ] = None,
    zh: Annotated[str | None, typer.Option("--zh", help="中文名 / its name in Chinese")] = None,
    en: Annotated[str | None, typer.Option("--en", help="英文名 / its name in English")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="缺省为本代码的 adapters/ / else into adapters/ of this code"),
    ] = None,
    as_json: Json = False,
) -> None:
    """新建一个机构目录：样例、测试、名册、模拟用词 / a folder for a new agency, whose tests pass as it stands."""
    from services.cli import scaffold

    made = scaffold.partner(name, like, uscc, zh, en)
    into = (to or Path(str(files("adapters")))).expanduser().resolve()
    written = scaffold.write(made, into)
    out.print(f"{into / name}：{len(written)} 个文件 / files", markup=False, soft_wrap=True)
    out.print(f"{made.organisation}  {made.zh}  {made.en}", markup=False, soft_wrap=True)
    if not made.is_met:
        told = f"销售一律发往 {made.agency}，这里先行试用 / sales go to {made.agency}: other words are tried here"
        out.print(told, markup=False, soft_wrap=True)
    out.print(f"→ {_GUIDE}; tongche partner test {name}", markup=False, soft_wrap=True)
    if as_json:
        answer(
            {
                "name": name,
                "like": like,
                "organisation": made.organisation,
                "folder": str(into / name),
                "files": written,
            }
        )


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """全部机构：用词、是否自行应答、何人何时 / every organisation: whose words it speaks, whether it is live."""
    from adapters.organisations import ORGANISATIONS

    home = folder(data)
    if is_typed() and not home.root.is_dir():
        raise TroubleError(f"没有 {home.root}", f"there is no {home.root}", fix="--data DIR")
    live = {act.organisation: act for act in _acts(home)}
    told = [_row(one, live.get(one.id)) for one in ORGANISATIONS.values()]
    for row in told:
        practice = _STANDS_IN if row["stand_in"] else ""
        since = f"{_moment(row['since'])}  {row['by']}  {row['url']}{practice}" if row["url"] else _SIMULATED
        head = f"{row['organisation']}  {row['adapter']}（{row['style']}）  {row['zh']} / {row['en']}"
        out.print(head, markup=False, soft_wrap=True)
        out.print(f"    {since}", markup=False, soft_wrap=True)
    if as_json:
        answer({"organisations": told})


def _moment(instant: str) -> str:
    """On the clock of whoever reads it here."""
    from services.runtime.clock import CHINA

    return f"{datetime.fromisoformat(instant).astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def _row(one: Organisation, last: Act | None) -> dict[str, Any]:
    from adapters.registry import ADAPTERS

    return {
        "organisation": one.id,
        "adapter": one.adapter,
        "style": ADAPTERS[one.adapter].binding.style.name,
        "zh": one.zh,
        "en": one.en,
        "url": last.url if last else None,
        "since": last.at.isoformat() if last else None,
        "by": last.by if last else None,
        "stand_in": last.stand_in if last else False,
    }


@app.command()
def test(name: Name, as_json: Json = False) -> None:  # noqa: PT028 - a verb
    """样例、质量清单、对其模拟的检测 / its recorded exchanges, its quality list, the kit at its simulator.

    不需要任何运行中的服务 / needs nothing that runs.
    """
    from adapters import fixtures, quality

    adapter = _adapter(name)
    try:
        said, wrong = quality.claims(adapter), list(quality.broken(adapter))
    except quality.UnreadableListError as problem:
        raise TroubleError(f"质量清单有误：{problem}", f"the quality list is none: {problem}", fix=_GUIDE) from None
    except fixtures.UnreadableFixtureError as problem:
        raise TroubleError(f"样例有误：{problem}", f"a recorded exchange is none: {problem}", fix=_GUIDE) from None
    for rule in quality.RULES:
        of_it = [each.removeprefix(f"{rule.id}: ") for each in wrong if each.startswith(f"{rule.id}: ")]
        sign = "✗" if of_it else _SIGNS[said[rule.id].status]
        out.print(f"{sign} {rule.id}: {rule.zh} / {rule.en}", markup=False, soft_wrap=True)
        for each in (*of_it, *filter(None, [said[rule.id].comment])):
            out.print(f"    {each}", markup=False, soft_wrap=True)
    recorded = len(fixtures.cases(adapter))
    reading = "（样例 → 所得 / recorded → made）" if wrong else ""
    out.print(f"{recorded} 个样例 / recorded exchanges，{len(wrong)} 处不符 / faults{reading}", markup=False)
    # What is not as it was recorded would only be found once more, and less clearly.
    found = None if wrong else _simulated(adapter)
    if as_json:
        answer(
            {
                "adapter": adapter.name,
                "fixtures": recorded,
                "rules": {rule: claim.status for rule, claim in said.items()},
                "broken": wrong,
                "conformance": found and {"passed": found.passed, "failed": found.failed, "skipped": found.skipped},
            }
        )
    raise typer.Exit(FAILED if found is None or found.failed else 0)


def _simulated(adapter: Adapter) -> Run:
    """What the kit finds at its simulator, with keys and books of their own."""
    from adapters.unfit import unfit
    from services.cli import conformance
    from services.simulator.dialect import dialect_of
    from services.stack import credentials
    from services.stack.data import DataFolder

    try:
        dialect_of(adapter.name)
    except ValueError as wrong:
        told = unfit(adapter.name, "simulator.toml", wrong)
        raise TroubleError(f"模拟用词有误：{told}", f"no words for the simulator: {told}", fix=_GUIDE) from None
    with tempfile.TemporaryDirectory(prefix="tongche-partner-") as place:
        home = DataFolder(Path(place))
        credentials.ensure(home)
        found = conformance.simulated(adapter, home)
    conformance.show(found)
    return found


@app.command()
def keys(  # noqa: PLR0913 - each is an option
    name: Name,
    *,
    rotate: Annotated[bool, typer.Option("--rotate", help="再发一套，新旧并用 / one set more; both count")] = False,
    retire: Annotated[bool, typer.Option("--retire", help="旧的作废 / the old one counts no longer")] = False,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="PEM", help="机构自己的证书，随 --rotate / its own, with --rotate"),
    ] = None,
    host_key: Annotated[
        Path | None,
        typer.Option(
            "--host-key", metavar="PUB", help="其 SFTP 主机公钥，随 --rotate / its SFTP host's, with --rotate"
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """交给机构的凭据；轮换时新旧并用 / what to hand over; exchanged without a gap: --rotate, then --retire."""
    from services.stack import partners

    one, home = _organisation(name), _home(data)
    if (rotate and retire) or ((certificate or host_key) and not rotate):
        raise TroubleError("先 --rotate，换用后再 --retire", "first --rotate, later --retire", fix=_GUIDE)
    if host_key and not _by_files(one):
        raise TroubleError(f"{one.id} 不收发文件", f"{one.id} is not spoken to by files", fix=_GUIDE)
    proofs = _certificate(certificate) if certificate else None, _host_key(host_key) if host_key else None
    gone = partners.retire(home, one.id) if retire else 0
    token = partners.newest(home, one.id)
    if rotate or token is None:
        token = partners.issue(home, one.id, *proofs)
    known = partners.counting(home, one.id)
    theirs = [_dated(pem) for each in known for pem in each.certificates]
    ours = partners.our_certificates(home)
    if retire and not gone:
        out.print("没有可作废的：只有一个 / nothing to retire: there is but one", markup=False, soft_wrap=True)
    told: dict[str, Any] = {
        "organisation": one.id,
        "token": token,
        "counting": len(known),
        "retired": gone,
        "certificates": theirs,
        "ours": list(ours.values()),
        **(_by_ssh(ours, [key for each in known for key in each.host_keys]) if _by_files(one) else {}),
    }
    _show_keys(told)
    if as_json:
        answer(told)


def _by_files(one: Organisation) -> bool:
    from adapters.bindings.files import Files
    from adapters.registry import ADAPTERS

    return isinstance(ADAPTERS[one.adapter].binding, Files)


def _by_ssh(ours: Mapping[str, str], theirs: Sequence[str]) -> dict[str, Any]:
    """As whom we come and with which keys, and by which keys its host proves itself beside its certificates'."""
    from services.runtime.identities import US
    from services.stack.identities import ssh_line

    return {"user": US, "ssh_keys": [ssh_line(pem, name) for name, pem in ours.items()], "host_keys": list(theirs)}


def _show_keys(told: Mapping[str, Any]) -> None:
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in (
        ("机构 / organisation", told["organisation"]),
        ("有效令牌数 / tokens that count", str(told["counting"])),
        ("其证书 / its certificates (SHA-256)", "\n".join(map(_told_of, told["certificates"]))),
        ("其主机公钥 / its host's keys", "\n".join(told.get("host_keys", ()))),
        ("我方用户 / our user", told.get("user", "")),
    ):
        if value:
            table.add_row(label, value)
    out.print(table)
    # Each on a line of its own, whole however narrow the terminal is: they are copied from here.
    for title, texts in (
        ("令牌 / token:", (told["token"],)),
        ("我方 SSH 公钥 / our SSH keys:", told.get("ssh_keys", ())),
        ("我方证书 / our certificates:", told["ours"]),
    ):
        for text in (title, *texts) if texts else ():
            out.print(text, markup=False, soft_wrap=True)


def _dated(pem: str) -> dict[str, Any]:
    """A certificate as people are told of it."""
    from services.runtime.clock import Clock
    from services.stack.identities import read

    one = read(pem)
    told = {"sha256": one.sha256, "since": one.since.isoformat(), "until": one.until.isoformat()}
    return told | {"days_left": one.left(Clock().now()).days}


def _told_of(one: Mapping[str, Any]) -> str:
    from services.stack.partners import EXPIRES_SOON

    days = one["days_left"]
    ends = "已过期 / has ended" if days < 0 else f"还有 {days} 天 / {days} days left"
    warning = f"  [red]{ends}[/]" if days < EXPIRES_SOON.days else ""
    return f"{one['sha256']}\n    {one['since'][:10]} – {one['until'][:10]}{warning}"


def _certificate(file: Path) -> str:
    """The text of a certificate that can be read. Raises `TroubleError`."""
    from services.stack.identities import read

    try:
        text = file.read_text(encoding="ascii")
        read(text)
    except (OSError, ValueError) as wrong:
        raise TroubleError(f"{file} 不是证书", f"{file} is no certificate: {wrong}", fix="PEM") from None
    return text


def _host_key(file: Path) -> str:
    """The line of a host's public key. Raises `TroubleError`."""
    from services.stack.identities import host_key

    try:
        return host_key(file.read_text(encoding="ascii"))
    except (OSError, ValueError) as wrong:
        raise TroubleError(
            f"{file} 不是主机公钥", f"{file} is no host's public key: {wrong}", fix="ssh_host_ed25519_key.pub"
        ) from None


@app.command()
def identity(  # noqa: PLR0913 - each is an option
    *,
    renew: Annotated[
        bool, typer.Option("--renew", help="备好下一套，先不用 / one more, told and not used yet")
    ] = False,
    own: Annotated[
        Path | None,
        typer.Option("--from", metavar="PEM", help="机构签发的私钥与证书 / a key and its certificate, with --renew"),
    ] = None,
    use: Annotated[
        bool, typer.Option("--use", help="立即换用，无需重启 / use it, at once and without a restart")
    ] = False,
    retire: Annotated[bool, typer.Option("--retire", help="不用的作废 / drop the one that is not in use")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """我方证书：--renew 告知机构，--use 换用，--retire 作废 / ours: told, then used, then dropped; nothing restarts."""
    from services.stack import partners

    home = _home(data)
    if renew + use + retire > 1 or (own and not renew):
        raise TroubleError("一次一步", "one step at a time", fix="--renew, --use, --retire")
    if renew:
        partners.prepare(home, _given(own) if own else None)
    if use:
        partners.use(home)
    if retire and not partners.forget(home):
        raise TroubleError("没有可作废的", "there is none to drop", fix="tongche partner identity")
    told = [{"name": name, **_dated(pem), "pem": pem} for name, pem in partners.our_certificates(home).items()]
    for one in told:
        out.print(f"{_STAGES[one['name']]}\n{_told_of(one)}", soft_wrap=True)
        out.print(one["pem"], markup=False, soft_wrap=True)
    if as_json:
        answer({"ours": told})


def _given(file: Path) -> dict[str, str]:
    """A key with its certificate. Raises `TroubleError`."""
    from services.stack.identities import given

    try:
        return given(file.read_text(encoding="ascii"))
    except (OSError, ValueError) as wrong:
        raise TroubleError(f"{file} 不能用", f"{file} will not do: {wrong}", fix="PEM: P-256") from None


@app.command()
def live(  # noqa: PLR0913 - each is an option
    name: Name,
    *,
    result: Annotated[
        Path | None,
        typer.Option("--result", metavar="FILE", help="签名的检测结果 / the signed result of conformance run"),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="缺省为名册所载 / else that of its row in organisations.toml")
    ] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="演练：那里是模拟机构 / for practice: a simulator stands there for it")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="改回模拟 / back to the simulator")] = False,
    not_carried_out: Annotated[
        bool,
        typer.Option("--not-carried-out", help="已向原处核实：无结果者均未办理 / they were asked: none of it was done"),
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="改回或担保的原因 / why it goes back, or how you know")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """凭检测结果由机构自行应答；--back 改回 / it answers itself, on proof; --back undoes it. Both are on record.

    先暂缓该机构，下次启动生效，再恢复 / hold it first; holds from the next start on, then resume it.
    """
    from services.cli import switching

    one, home = _organisation(name), _home(data)
    if back and (stand_in or url or result):
        raise TroubleError("--back 只须原因", "--back goes with a reason alone", fix=_GUIDE)
    why = (reason or _needed("--reason")) if back or not_carried_out else reason
    told: dict[str, Any] = {"reason": why, "stand_in": stand_in}
    if not back:
        address = _reachable(one, url or one.url or _needed("--url"))
        file = result or home.root / "conformance" / one.id / "result.jws"
        told |= {"url": address, "proof": _proved(one, address, file, home, stand_in=stand_in)}
    elif one.id not in _addresses(home):
        raise TroubleError(f"{one.id} 本来就是模拟", f"{one.id} is simulated as it is", fix="tongche partner list")
    if _is_proved_by_keys(one):
        (switching.demand_made_here if back or stand_in else switching.demand_its_own)(one.id, home)
    vouched = switching.demand_rest(one.id, home, data, vouched=not_carried_out)
    act = _act(one, **told, vouched=vouched)
    _record(home, act)
    out.print(f"{act.organisation}  {_moment(act.at.isoformat())}  {act.by}", markup=False, soft_wrap=True)
    out.print(f"    → {act.url or _SIMULATED}{_STANDS_IN if act.stand_in else ''}", markup=False, soft_wrap=True)
    then = f"→ tongche down; tongche up; tongche delivery resume {one.id} --reason …"
    out.print(then, markup=False, soft_wrap=True)
    if as_json:
        answer(act.model_dump(mode="json", exclude_none=True))


def _is_proved_by_keys(one: Organisation) -> bool:
    """Whether what it says, or its host, is believed for a key of its own."""
    return _adapter(one.id).seal != "none" or _by_files(one)


def _adapter(name: str) -> Adapter:
    from adapters.registry import ADAPTERS

    adapter: Adapter | None = ADAPTERS.get(name)
    return ADAPTERS[_organisation(name).adapter] if adapter is None else adapter


def _organisation(name: str) -> Organisation:
    """The one of that id, or the one that the adapter of that name speaks to. Raises `TroubleError`."""
    from adapters.organisations import ORGANISATIONS, UNFIT

    if name in UNFIT:
        raise TroubleError(f"{UNFIT[name]}", f"the adapter {name} cannot be loaded: {UNFIT[name]}", fix=_GUIDE)
    if name in ORGANISATIONS:
        return ORGANISATIONS[name]
    meant = [one for one in ORGANISATIONS.values() if one.adapter == name]
    if len(meant) == 1:
        return meant[0]
    if meant:
        several = " | ".join(one.id for one in meant)
        raise TroubleError(
            f"{name} 有 {len(meant)} 家机构", f"{name} speaks to {len(meant)} organisations", fix=several
        )
    raise TroubleError(f"没有机构 {name}", f"there is no organisation {name}", fix="tongche partner list")


def _home(data: Path | None) -> DataFolder:
    """The data folder of an installation. Raises `TroubleError`."""
    home = folder(data)
    if not home.secrets.exists():
        raise TroubleError(f"{home.root} 尚无安装", f"there is no installation in {home.root}", fix="tongche up")
    return home


def _needed(option: str) -> Any:
    raise TroubleError(f"须有 {option}", f"{option} is needed", fix=_GUIDE)


def _act(one: Organisation, **told: Any) -> Act:
    from pydantic import ValidationError

    from services.runtime.clock import Clock
    from services.runtime.live import Act

    try:
        return Act(at=Clock().now(), by=getpass.getuser(), organisation=one.id, **told)
    except ValidationError as wrong:
        places = ", ".join(".".join(map(str, each["loc"])) for each in wrong.errors())
        raise TroubleError(
            f"地址或原因不合要求：{places}", f"the address or the reason will not do: {places}", fix=_GUIDE
        ) from None


def _proved(one: Organisation, address: str, file: Path, home: DataFolder, *, stand_in: bool) -> str:
    """The SHA-256 of the result file, if it opens the way. Raises `TroubleError`."""
    from services.cli.conformance import key
    from services.conformance import agencies, result
    from services.runtime.clock import Clock

    try:
        told = file.read_text(encoding="utf-8")
        agency = agencies.agency(_adapter(one.id))
        proof = result.verified(told, key(home), agency, Clock().now(), stand_in=stand_in)
    except (OSError, UnicodeDecodeError) as wrong:
        raise TroubleError(f"无法读取 {file}", f"cannot read {file}: {type(wrong).__name__}", fix=_run(one)) from None
    except result.NotProved as wrong:
        raise TroubleError(f"不能上线：{wrong.words.zh}", f"not live: {wrong.words.en}", fix=_run(one)) from None
    if (proof.organisation, proof.address) != (one.id, result.address(address)):
        raise TroubleError(
            f"检测的是 {proof.organisation} 于 {proof.host}，须为同一完整地址",
            f"what was tested is {proof.organisation} at {proof.host}, not this very address with its path",
            fix=_run(one),
        )
    return hashlib.sha256(told.encode()).hexdigest()


def _reachable(one: Organisation, address: str) -> str:
    """An address that we can speak to as this one is spoken to. Raises `TroubleError`."""
    schemes = ("sftp",) if _by_files(one) else ("https", "http")
    try:
        at = urlsplit(address)
        fits = at.scheme in schemes and bool(at.hostname) and at.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise TroubleError(
            f"地址或原因不合要求：须为 {schemes[0]}://…",
            f"the address or the reason will not do: {one.id} is at {schemes[0]}://…",
            fix=_GUIDE,
        )
    if set(address) & set("?# \t"):
        raise TroubleError(
            "地址中不得有 ?、# 或空格", "an address has no ?, no # and no blank in it", fix=f"{schemes[0]}://host/path"
        )
    if at.password is not None or (at.username is not None and not _by_files(one)):
        raise TroubleError("地址中不得有口令", "an address has no password in it", fix="tongche partner keys")
    return address


def _run(one: Organisation) -> str:
    """How the proof is had."""
    address = "sftp://…" if _by_files(one) else "U"
    return f"tongche conformance run --agency {one.adapter} --organisation {one.id} --url {address}"


def _acts(home: DataFolder) -> tuple[Act, ...]:
    from services.runtime import live as file

    try:
        return file.acts(home.live)
    except file.UnreadableActsError as wrong:
        raise TroubleError(f"无法读取：{wrong}", f"cannot be read: {wrong}", fix=str(home.live)) from None


def _addresses(home: DataFolder) -> dict[str, str]:
    """Where each live organisation answers."""
    from services.runtime import live as file

    return file.addresses(_acts(home))


def _record(home: DataFolder, act: Act) -> None:
    from services.runtime.live import written
    from services.stack.data import write

    write(home.live, written((*_acts(home), act)))
