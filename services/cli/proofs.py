"""`partner keys|identity`: what proves who speaks, an organisation or we, and how it is exchanged without a gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.table import Table

from services.cli.finding import GUIDE, Named, adapter_of, organisation_of
from services.cli.terminal import Data, Json, answer, installation, out
from services.stack import reasons
from services.stack.trouble import TroubleError

T = TypeVar("T")
_STAGES: Final = {
    "tongche": "在用 / in use",
    "tongche-coming": "待用 / to come",
    "tongche-gone": "已换下 / was in use",
}


def keys(  # noqa: PLR0913 - each is an option
    name: Named,
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

    one, home = organisation_of(name), installation(data)
    if (rotate and retire) or ((certificate or host_key) and not rotate):
        raise TroubleError("先 --rotate，换用后再 --retire", "first --rotate, later --retire", fix=GUIDE)
    if host_key and not adapter_of(one.id).by_files:
        raise TroubleError(f"{one.id} 不收发文件", f"{one.id} is not spoken to by files", fix=GUIDE)
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
        **(_by_ssh(ours, [key for each in known for key in each.host_keys]) if adapter_of(one.id).by_files else {}),
    }
    _show_keys(told)
    if as_json:
        answer(told)


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
        ("我方用户 / our user", told.get("user", "")),
    ):
        if value:
            table.add_row(label, value)
    out.print(table)
    # Each on a line of its own, whole however narrow the terminal is: they are copied from here.
    if told["certificates"]:
        out.print("其证书 / its certificates (SHA-256):", markup=False, soft_wrap=True)
    for one in told["certificates"]:
        out.print(_told_of(one), soft_wrap=True)
    for title, texts in (
        ("其主机公钥 / its host's keys:", told.get("host_keys", ())),
        ("令牌 / token:", (told["token"],)),
        ("我方 SSH 公钥 / our SSH keys:", told.get("ssh_keys", ())),
        ("我方证书 / our certificates:", told["ours"]),
    ):
        for text in (title, *texts) if texts else ():
            out.print(text, markup=False, soft_wrap=True)


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

    home = installation(data)
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


def _certificate(file: Path) -> str:
    """The text of a certificate that can be read. Raises `TroubleError`."""
    from services.stack.identities import read

    def whole(text: str) -> str:
        read(text)
        return text

    return _proof(file, whole, "不是证书", "is no certificate", fix="PEM")


def _host_key(file: Path) -> str:
    """The line of a host's public key. Raises `TroubleError`."""
    from services.stack.identities import host_key

    return _proof(file, host_key, "不是主机公钥", "is no host's public key", fix="ssh_host_ed25519_key.pub")


def _given(file: Path) -> dict[str, str]:
    """A key with its certificate. Raises `TroubleError`."""
    from services.stack.identities import given

    return _proof(file, given, "不能用", "will not do", fix="PEM: P-256")


def _proof(file: Path, read: Callable[[str], T], zh: str, en: str, *, fix: str) -> T:
    """What is read from a file. Raises `TroubleError` with what is wrong."""
    from services.stack.identities import Unusable

    try:
        return read(file.read_text(encoding="ascii"))
    except OSError as wrong:
        raise reasons.unread(file, wrong, fix=fix) from None
    except UnicodeDecodeError:
        raise TroubleError(f"{file} {zh}：不是纯文本", f"{file} {en}: it is no plain text", fix=fix) from None
    except Unusable as wrong:
        raise TroubleError(f"{file} {zh}：{wrong.why.zh}", f"{file} {en}: {wrong.why.en}", fix=fix) from None


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
