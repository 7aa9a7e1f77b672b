"""`partner new|list|test|keys|live`: an agency of a new kind, from an empty folder to the day it answers itself."""

from __future__ import annotations

import getpass
import hashlib
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from rich.table import Table

from services.cli.terminal import FAILED, Data, Json, answer, folder, out
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

Name = Annotated[str, typer.Argument(metavar="NAME", help="适配器或机构 / the adapter, or the organisation's id")]


@app.command()
def new(  # noqa: PLR0913 - each is an option
    name: Annotated[str, typer.Argument(metavar="NAME", help="目录名 / the folder's name: a-z, 0-9, _")],
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

    live = {act.organisation: act for act in _acts(folder(data))}
    told = [_row(one, live.get(one.id)) for one in ORGANISATIONS.values()]
    for row in told:
        since = f"{row['since']}  {row['by']}  {row['url']}" if row["url"] else "模拟 / simulated"
        head = f"{row['organisation']}  {row['adapter']}（{row['style']}）  {row['zh']} / {row['en']}"
        out.print(head, markup=False, soft_wrap=True)
        out.print(f"    {since}", markup=False, soft_wrap=True)
    if as_json:
        answer({"organisations": told})


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
    for rule in quality.RULES:
        of_it = [each.removeprefix(f"{rule.id}: ") for each in wrong if each.startswith(f"{rule.id}: ")]
        sign = "✗" if of_it else _SIGNS[said[rule.id].status]
        out.print(f"{sign} {rule.id}: {rule.zh} / {rule.en}", markup=False, soft_wrap=True)
        for each in (*of_it, *filter(None, [said[rule.id].comment])):
            out.print(f"    {each}", markup=False, soft_wrap=True)
    recorded = len(fixtures.cases(adapter))
    out.print(f"{recorded} 个样例 / recorded exchanges，{len(wrong)} 处不符 / faults", markup=False)
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
    from services.cli import conformance
    from services.stack import credentials
    from services.stack.data import DataFolder

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
    data: Data = None,
    as_json: Json = False,
) -> None:
    """交给机构的凭据；轮换时新旧并用 / what to hand over; exchanged without a gap: --rotate, then --retire."""
    from services.stack import partners

    one, home = _organisation(name), _home(data)
    if (rotate and retire) or (certificate and not rotate):
        raise TroubleError("先 --rotate，换用后再 --retire", "first --rotate, later --retire", fix=_GUIDE)
    gone = partners.retire(home, one.id) if retire else 0
    token = partners.newest(home, one.id)
    if rotate or token is None:
        token = partners.issue(home, one.id, _certificate(certificate) if certificate else None)
    known = partners.counting(home, one.id)
    theirs = [_fingerprint(pem) for each in known for pem in each.certificates]
    ours = partners.our_certificate(home)
    table = Table(box=None, show_header=False)
    for label, value in (
        ("机构 / organisation", one.id),
        ("令牌 / token", token),
        ("有效令牌数 / tokens that count", str(len(known))),
        ("其证书 / its certificates (SHA-256)", "\n".join(theirs)),
    ):
        table.add_row(label, value)
    out.print(table)
    out.print("我方证书 / our certificate:", markup=False)
    out.print(ours, markup=False, soft_wrap=True)
    if as_json:
        told = {"organisation": one.id, "token": token, "counting": len(known), "retired": gone}
        answer(told | {"certificates": theirs, "ours": ours})


def _certificate(file: Path) -> str:
    """The text of a certificate that can be read. Raises `TroubleError`."""
    try:
        text = file.read_text(encoding="ascii")
        _fingerprint(text)
    except (OSError, ValueError) as wrong:
        raise TroubleError(f"{file} 不是证书", f"{file} is no certificate: {wrong}", fix="PEM") from None
    return text


def _fingerprint(pem: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


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
    back: Annotated[bool, typer.Option("--back", help="改回模拟 / back to the simulator")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="改回的原因 / why it goes back")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """凭检测结果由机构自行应答；--back 改回 / it answers itself, on proof; --back undoes it. Both are on record.

    下次启动生效 / holds from the next start on: tongche down, tongche up.
    """
    one, home = _organisation(name), _home(data)
    if back:
        act = _act(one, reason=reason or _needed("--reason"))
    else:
        address = url or one.url or _needed("--url")
        file = result or home.root / "conformance" / one.id / "result.jws"
        act = _act(one, url=address, proof=_proved(one, address, file, home))
    _record(home, act)
    out.print(f"{act.organisation}  {act.at:%Y-%m-%d %H:%M:%S%z}  {act.by}", markup=False, soft_wrap=True)
    out.print(f"    → {act.url or '模拟 / simulated'}", markup=False, soft_wrap=True)
    out.print("→ tongche down; tongche up", markup=False)
    if as_json:
        answer(act.model_dump(mode="json", exclude_none=True))


def _adapter(name: str) -> Adapter:
    from adapters.registry import ADAPTERS

    adapter: Adapter | None = ADAPTERS.get(name)
    return ADAPTERS[_organisation(name).adapter] if adapter is None else adapter


def _organisation(name: str) -> Organisation:
    """The one of that id, or the one that the adapter of that name speaks to. Raises `TroubleError`."""
    from adapters.organisations import ORGANISATIONS

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
    from services.runtime.clock import Clock
    from services.runtime.live import Act

    try:
        return Act(at=Clock().now(), by=getpass.getuser(), organisation=one.id, **told)
    except ValueError as wrong:
        raise TroubleError(
            "地址或原因不合要求", f"the address or the reason will not do: {wrong}", fix=_GUIDE
        ) from None


def _proved(one: Organisation, address: str, file: Path, home: DataFolder) -> str:
    """The SHA-256 of the result file, if it opens the way. Raises `TroubleError`."""
    from services.cli.conformance import key
    from services.conformance import fixtures, result
    from services.runtime.clock import Clock

    try:
        told = file.read_text(encoding="utf-8")
        proof = result.verified(told, key(home), fixtures.agency(_adapter(one.id)), Clock().now())
    except (OSError, UnicodeDecodeError) as wrong:
        raise TroubleError(f"无法读取 {file}", f"cannot read {file}: {type(wrong).__name__}", fix=_run(one)) from None
    except result.NotProved as wrong:
        raise TroubleError(f"不能上线：{wrong.words.zh}", f"not live: {wrong.words.en}", fix=_run(one)) from None
    if (proof.organisation, proof.host) != (one.id, urlsplit(address).netloc):
        raise TroubleError(
            f"检测的是 {proof.organisation} 于 {proof.host}",
            f"what was tested is {proof.organisation} at {proof.host}",
            fix=_run(one),
        )
    return hashlib.sha256(told.encode()).hexdigest()


def _run(one: Organisation) -> str:
    """How the proof is had."""
    return f"tongche conformance run --agency {one.adapter} --organisation {one.id} --url U"


def _acts(home: DataFolder) -> tuple[Act, ...]:
    from services.runtime import live as file

    try:
        return file.acts(home.live)
    except file.UnreadableActsError as wrong:
        raise TroubleError(f"无法读取：{wrong}", f"cannot be read: {wrong}", fix=str(home.live)) from None


def _record(home: DataFolder, act: Act) -> None:
    from services.runtime.live import written
    from services.stack.data import write

    write(home.live, written((*_acts(home), act)))
