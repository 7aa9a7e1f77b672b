"""`partner live`: the day an organisation answers itself, on proof, or no longer; each switch is on record."""

from __future__ import annotations

import getpass
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from services.cli import moments
from services.cli.finding import GUIDE, Named, adapter_of, organisation_of
from services.cli.terminal import Data, Json, answer, installation, out
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from adapters.organisations import Organisation
    from services.runtime.live import Act
    from services.stack.data import DataFolder

SIMULATED: Final = "模拟 / simulated"
STANDS_IN: Final = "  演练，非正式 / a simulator stands in, for practice"


def live(  # noqa: PLR0913 - each is an option
    name: Named,
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

    one, home = organisation_of(name), installation(data)
    if back and (stand_in or url or result):
        raise TroubleError("--back 只须原因", "--back goes with a reason alone", fix=GUIDE)
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
    out.print(f"{act.organisation}  {moments.whole(act.at.isoformat())}  {act.by}", markup=False, soft_wrap=True)
    out.print(f"    → {act.url or SIMULATED}{STANDS_IN if act.stand_in else ''}", markup=False, soft_wrap=True)
    then = f"→ tongche down; tongche up; tongche delivery resume {one.id} --reason …"
    out.print(then, markup=False, soft_wrap=True)
    if as_json:
        answer(act.model_dump(mode="json", exclude_none=True))


def _is_proved_by_keys(one: Organisation) -> bool:
    """Whether what it says, or its host, is believed for a key of its own."""
    return adapter_of(one.id).seal != "none" or adapter_of(one.id).by_files


def _act(one: Organisation, **told: Any) -> Act:
    from pydantic import ValidationError

    from services.runtime.clock import Clock
    from services.runtime.live import Act

    try:
        return Act(at=Clock().now(), by=getpass.getuser(), organisation=one.id, **told)
    except ValidationError as wrong:
        places = ", ".join(".".join(map(str, each["loc"])) for each in wrong.errors())
        raise TroubleError(
            f"地址或原因不合要求：{places}", f"the address or the reason will not do: {places}", fix=GUIDE
        ) from None


def _needed(option: str) -> Any:
    raise TroubleError(f"须有 {option}", f"{option} is needed", fix=GUIDE)


def _proved(one: Organisation, address: str, file: Path, home: DataFolder, *, stand_in: bool) -> str:
    """The SHA-256 of the result file, if it opens the way. Raises `TroubleError`."""
    from services.cli.conformance import key
    from services.conformance import agencies, result
    from services.runtime.clock import Clock

    try:
        told = file.read_text(encoding="utf-8")
        agency = agencies.agency(adapter_of(one.id))
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
    schemes = ("sftp",) if adapter_of(one.id).by_files else ("https", "http")
    try:
        at = urlsplit(address)
        fits = at.scheme in schemes and bool(at.hostname) and at.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise TroubleError(
            f"地址或原因不合要求：须为 {schemes[0]}://…",
            f"the address or the reason will not do: {one.id} is at {schemes[0]}://…",
            fix=GUIDE,
        )
    if set(address) & set("?# \t"):
        raise TroubleError(
            "地址中不得有 ?、# 或空格", "an address has no ?, no # and no blank in it", fix=f"{schemes[0]}://host/path"
        )
    if at.password is not None or (at.username is not None and not adapter_of(one.id).by_files):
        raise TroubleError("地址中不得有口令", "an address has no password in it", fix="tongche partner keys")
    return address


def _run(one: Organisation) -> str:
    """How the proof is had."""
    address = "sftp://…" if adapter_of(one.id).by_files else "U"
    return f"tongche conformance run --agency {one.adapter} --organisation {one.id} --url {address}"


def acts(home: DataFolder) -> tuple[Act, ...]:
    from services.runtime import live as file

    try:
        return file.acts(home.live)
    except file.UnreadableActsError as wrong:
        raise TroubleError(f"无法读取：{wrong}", f"cannot be read: {wrong}", fix=str(home.live)) from None


def _addresses(home: DataFolder) -> dict[str, str]:
    """Where each live organisation answers."""
    from services.runtime import live as file

    return file.addresses(acts(home))


def _record(home: DataFolder, act: Act) -> None:
    from services.runtime.live import written
    from services.stack.data import write

    write(home.live, written((*acts(home), act)))
