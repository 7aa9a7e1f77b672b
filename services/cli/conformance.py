"""`conformance`: does an agency keep what its adapter declares? For people, for CI, and signed for going live."""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import judged, terminal
from services.cli.terminal import FAILED, Data, Json, answer, out, talk
from services.stack import credentials, ports, reasons
from services.stack.data import DataFolder, write
from services.stack.ports import HERE
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from adapters.spec import Adapter
    from services.conformance.run import Run

app = typer.Typer(help="接口一致性检测 / does an agency keep its promises", no_args_is_help=True)

_KEY: Final = "conformance_key"
_MANY: Final = 20
"""Cases of which it is told how many were played."""
_SHOWN: Final = {"failed": "red", "blocked": "red", "skipped": "yellow"}

AgencyName = Annotated[str, typer.Option("--agency", metavar="A", help="机构种类 / kind of agency: insurer, tax…")]
Round = Annotated[
    int | None,
    typer.Option("--round", min=0, help="轮次，决定车辆 / which cars come; 默认随机 / by chance unless named"),
]
Day = Annotated[
    datetime | None,
    typer.Option("--day", formats=["%Y-%m-%d"], help="业务日期 / the day of business; 默认今天 / today"),
]


@app.callback()
def _group() -> None:
    """接口一致性检测 / does an agency keep its promises."""


@app.command("run")
def run(  # noqa: PLR0913, PLR0917 - Typer's options are parameters
    agency: AgencyName,
    url: Annotated[
        str | None, typer.Option("--url", metavar="U", help="机构编号之前的地址 / what stands before its id")
    ] = None,
    simulator: Annotated[
        bool, typer.Option("--simulator", help="检测我们自己的模拟机构 / our own simulated agency")
    ] = False,
    organisation: Annotated[
        str | None, typer.Option("--organisation", help="机构编号 / its id; 默认该类第一家 / the first of its kind")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="只测这些案例或类别，可重复 / only these cases or kinds")
    ] = None,
    round_: Round = None,
    day: Day = None,
    token: Annotated[
        str | None,
        typer.Option("--token", help="模拟机构的操作员令牌，缺省取自数据目录 / the simulator's; else the folder's"),
    ] = None,
    sftp: Annotated[
        str | None,
        typer.Option("--files", metavar="U", help="文件往来的地址 / where files are exchanged: sftp://user@host:port"),
    ] = None,
    door_port: Annotated[
        int,
        typer.Option(
            "--door-port", min=0, max=65535, help="本机接收回调的端口 / the port here to be called back at; 0: any"
        ),
    ] = 0,
    door_bind: Annotated[
        str,
        typer.Option(
            "--door-bind",
            metavar="ADDRESS",
            help="接收回调的本机地址 / the address here to be called back at; 0.0.0.0: 他机可达 / from elsewhere, too",
        ),
    ] = HERE,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="报告目录 / folder for the reports; 默认在数据目录内")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """逐项检测，写出 report.html、junit.xml、result.jws / case by case; writes the three reports.

    全部通过才返回 0；用 --only 的结果不能用于上线 / exit 0 only if nothing failed; with --only no result is signed.

    我方以 --data 中的密钥签名，对方须认得 / we seal with the keys of --data, which the agency must know. 对另一终端中的
    simulator serve A，照它所印的命令 / against simulator serve A in another shell, type what that prints.
    """
    if (url is None) == (not simulator):
        raise typer.BadParameter("--url U 或 --simulator 二选一 / one of --url U and --simulator")
    adapter, folder = _adapter(agency), terminal.folder(data)
    if url is None:
        who, place = judged.organisation(adapter, organisation), None
    else:
        place, who = judged.at(adapter, url, organisation)
    files_at = judged.files(adapter, place, sftp)
    chosen, on = judged.cases(adapter, only or ()), judged.business(day.date()) if day else _today()
    folder.create()
    credentials.ensure(folder)
    asked = _Asked(
        adapter,
        who,
        place,
        secrets.randbelow(_rounds()) if round_ is None else round_,
        on,
        token or _operator_token(folder),
        chosen,
        door_port,
        files_at,
        door_bind,
    )
    found = _found(asked, folder)
    where = to or folder.root / "conformance" / found.organisation
    files = _written(found, where, folder, signed=not only)
    show(found)
    talk.print("  ".join(map(str, files.values())), markup=False, soft_wrap=True)
    if as_json:
        answer(found.as_json() | {"files": {name: str(path) for name, path in files.items()}})
    raise typer.Exit(FAILED if found.failed or not found.passed else 0)


@app.command("cases")
def cases(agency: AgencyName, as_json: Json = False) -> None:
    """列出全部案例 / every case, and what it demands."""
    from services.conformance import catalogue

    found = catalogue.cases(_adapter(agency))
    for case in found:
        out.print(f"{case.id}  [{case.kind}]\n    {case.title}\n    {case.demands}", markup=False, soft_wrap=True)
    if as_json:
        told = [{"id": case.id, "kind": case.kind, "operation": case.command} for case in found]
        answer({"agency": agency, "cases": told})


@app.command("testbed")
def reference_data(
    agency: AgencyName,
    round_: Annotated[int, typer.Option("--round", min=0, help="与检测时相同的轮次 / the round of the run to come")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="写入的文件，每行一个事件 / one event a line")],
    day: Day = None,
    as_json: Json = False,
) -> None:
    """写出检测前须装入机构测试系统的资料 / what its test system must know before the run."""
    from adapters.registry import ADAPTERS
    from services.conformance import testbed as bed

    on = judged.business(day.date()) if day else _today()
    records = list(bed.records(_adapter(agency), ADAPTERS, round_, on))
    try:
        write(to, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    except OSError as wrong:
        raise reasons.unwritten(to, wrong, fix="--to FILE") from None
    talk.print(f"{len(records)} 条 / records: {to}", markup=False, soft_wrap=True)
    if as_json:
        answer({"agency": agency, "round": round_, "records": len(records), "file": str(to)})


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="result.jws")],
    agency: AgencyName,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """核对结果文件能否用于上线 / whether a result file opens the way to go live."""
    from services.conformance import agencies
    from services.conformance.result import NotProved, verified
    from services.runtime.clock import Clock

    try:
        text = file.read_text(encoding="utf-8")
        proof = verified(text, key(terminal.folder(data)), agencies.agency(_adapter(agency)), Clock().now())
    except OSError as wrong:
        raise reasons.unread(file, wrong, fix="FILE: result.jws") from None
    except UnicodeDecodeError:
        raise TroubleError(f"{file} 不是检测结果", f"{file} is no result file", fix="result.jws") from None
    except NotProved as wrong:
        fix = f"tongche conformance run --agency {agency} --url U"
        raise TroubleError(wrong.words.zh, wrong.words.en, fix=fix) from None
    out.print(f"可用于上线 / good: {proof.organisation} @ {proof.host}", markup=False)
    if as_json:
        answer({"good": True, **proof.model_dump(mode="json")})


def simulated(adapter: Adapter, folder: DataFolder) -> Run:
    """All that an agency of ours, simulated with that folder's keys, is asked; on today's day, with any cars."""
    cars = secrets.randbelow(_rounds())
    told = _Asked(adapter, _first(adapter), None, cars, _today(), _operator_token(folder))
    return asyncio.run(_run(told, folder))


def key(folder: DataFolder) -> dict[str, str]:
    """The installation's key for results. Raises `TroubleError` where there is none yet."""
    stored: dict[str, Any] = json.loads(folder.secrets.read_bytes()) if folder.secrets.exists() else {}
    if _KEY not in stored:
        raise TroubleError("本数据目录还没有检测密钥", "this data folder has no key for results yet", fix="tongche up")
    found: dict[str, str] = stored[_KEY]
    return found


@dataclass(frozen=True)
class _Asked:
    """What the person asked for."""

    adapter: Adapter
    organisation: str
    url: str | None
    round_: int
    day: date
    token: str
    only: tuple[str, ...] = ()
    door_port: int = 0
    files: str | None = None
    door_bind: str = HERE


@dataclass(frozen=True)
class Simulated:
    """Where `simulator serve` plays agencies: its address, its data folder, where it takes files and calls back."""

    url: str
    data: Path
    files: str
    callbacks: int


def typed_against(simulated: Simulated, agency: str, organisation: str) -> str:
    """What to type in another shell to have one of them judged: no option that is of no use to it."""
    adapter = _adapter(agency)
    words = ["tongche", "conformance", "run", "--agency", agency, "--url", simulated.url]
    if organisation != _first(adapter):
        words += ["--organisation", organisation]
    if adapter.by_files:
        words += ["--files", simulated.files]
    if _is_called_back(adapter):
        words += ["--door-port", str(simulated.callbacks)]
    return shlex.join([*words, "--data", str(simulated.data)])


def _is_called_back(adapter: Adapter) -> bool:
    """Whether it, or an agency that must act before it can, calls back."""
    from adapters.registry import ADAPTERS
    from contracts.topics import COMMANDS
    from services.conformance import catalogue

    steps = {step for case in catalogue.cases(adapter) for step in (case.command, *case.steps) if step in COMMANDS}
    there = {adapter.name, *(COMMANDS[step].agency for step in steps)}
    return any(ADAPTERS[name].calls_back for name in there)


def _found(asked: _Asked, folder: DataFolder) -> Run:
    """What came of a run. Raises `TroubleError` where it cannot be played at all."""
    from services.conformance.kit import NoAgency, Strangers, Unreachable

    if (asked.door_port or asked.door_bind != HERE) and not ports.is_free(asked.door_port, asked.door_bind):
        raise TroubleError(
            f"{asked.door_bind} 端口 {asked.door_port} 已被占用或不可用",
            f"port {asked.door_port} of {asked.door_bind} is taken, or not to be had",
            fix="--door-port PORT --door-bind ADDRESS",
        )
    try:
        return asyncio.run(_run(asked, folder))
    except Unreachable as wrong:
        raise TroubleError(
            f"连接不上 {wrong.place}", f"cannot reach {wrong.place}: {wrong.why}", fix=_to_reach(wrong.place)
        ) from None
    except NoAgency as wrong:
        raise TroubleError(
            f"{wrong.place} 以网页答复，那里不是机构接口",
            f"{wrong.place} answers with a page: no agency's interface is there",
            fix="--url 是机构编号之前的地址 / what stands before the organisation's id",
        ) from None
    except Strangers:
        raise TroubleError(
            "那里是模拟机构，但不认识本数据目录的密钥",
            "simulated agencies are there, and they do not know the keys of this data folder",
            fix="照 simulator serve 所印的命令 / type what simulator serve printed: --data DIR",
        ) from None


async def _run(asked: _Asked, folder: DataFolder) -> Run:
    from adapters.organisations import ORGANISATIONS
    from adapters.registry import ADAPTERS
    from services.cli.grounds import Grounds
    from services.conformance import kit
    from services.runtime.clock import Clock

    grounds = Grounds(folder)
    async with AsyncExitStack() as stack:
        if asked.url is None:
            await stack.enter_async_context(grounds.simulator())
        await stack.enter_async_context(grounds.reached(asked.door_port, asked.door_bind))
        plan = kit.Plan(
            asked.adapter,
            asked.organisation,
            grounds.simulated_at if asked.url is None else asked.url,
            against="simulator" if asked.url is None else "url",
            round_=asked.round_,
            day=asked.day,
            at=Clock().now(),
            token=asked.token,
            only=asked.only,
            reach=grounds.reach(asked.files),
            files=asked.files,
            listener=_Talk(grounds.door_at(asked.organisation, asked.door_bind)),
        )
        return await kit.run(plan, ADAPTERS, ORGANISATIONS)


@dataclass
class _Talk:
    """Tells how a run goes, a line each: it may go to a file, and take a minute."""

    door: str
    _tenths: int = 0

    def played(self, done: int, of: int) -> None:
        """Each tenth of them."""
        if of >= _MANY and done * 10 // of > self._tenths:
            self._tenths = done * 10 // of
            talk.print(f"… {done} / {of}", markup=False)

    def unheard(self) -> None:
        """With where it should have come."""
        talk.print(
            f"尚无回调到达 {self.door}：对方的回调地址是它吗？\n"
            f"nothing was called back to {self.door}: is it told to call there?\n"
            "→ --door-port PORT --door-bind ADDRESS; simulator serve --callbacks PORT",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _to_reach(place: str) -> str:
    if place.startswith("sftp:"):
        return (
            "核对主机、端口，对方登记了我方公钥，我方登记了对方主机密钥 / host and port; that it knows our key, and we "
            "that of its host: tongche partner keys NAME"
        )
    return "核对协议、主机、端口、证书、代理 / scheme, host, port, certificate, and that it runs"


def _adapter(name: str) -> Adapter:
    from adapters.registry import ADAPTERS

    if name not in ADAPTERS:
        known = ", ".join(ADAPTERS)
        raise TroubleError(f"没有机构 {name}", f"there is no agency {name}", fix=f"--agency {known}")
    return ADAPTERS[name]


def _first(adapter: Adapter) -> str:
    from adapters.organisations import ORGANISATIONS

    return next(one.id for one in ORGANISATIONS.values() if one.adapter == adapter.name)


def _rounds() -> int:
    from services.conformance.car import ROUNDS

    return ROUNDS


def _today() -> date:
    from services.runtime.clock import Clock

    return Clock().today()


def _operator_token(folder: DataFolder) -> str:
    return str(json.loads(folder.secrets.read_bytes())["operator_token"])


def _written(found: Run, where: Path, folder: DataFolder, *, signed: bool) -> dict[str, Path]:
    from services.conformance import junit, page, result

    told = {"report.html": page.page(found), "junit.xml": junit.document(found).decode()}
    if signed:
        told["result.jws"] = result.signed(found.proof(), key(folder)) + "\n"
    try:
        where.mkdir(parents=True, exist_ok=True)
        for name, text in told.items():
            write(where / name, text, mode=0o644)
    except OSError as wrong:
        raise reasons.unwritten(where, wrong, fix="--to DIR") from None
    return {name: where / name for name in told}


def show(found: Run) -> None:
    """What did not pass, and how many did, for people: first the one reason for most of it, if there is one."""
    from services.conformance.causes import cause
    from services.conformance.glosses import bilingual, gloss

    if why := cause(found):
        talk.print(f"{why.zh}\n{why.en}", style="red", markup=False, soft_wrap=True)
    for one in found.results:
        if one.state != "passed":
            talk.print(f"{one.state}  {one.case.id}", style=_SHOWN[one.state], markup=False, soft_wrap=True)
            lines = [
                str(one.case.title),
                f"要求 / demands: {one.case.demands}",
                f"预期 / expected: {bilingual(one.expected)}",
                f"实际 / came: {one.came}",
            ]
            if meaning := gloss(one.came):
                lines.append(f"含义 / that is: {meaning}")
            if one.state != "skipped":
                lines.append(f"条款 / clause: {one.case.clause}")
                lines.append(f"可能的修正 / likely fix: {one.fix}")
            talk.print("\n".join(f"    {line}" for line in lines), markup=False, soft_wrap=True)
    failed, blocked = found.counted("failed"), found.counted("blocked")
    counts = (
        f"通过 / passed {found.passed} · 未通过 / failed {failed} · 前一步未成 / blocked {blocked}"
        f" · 未测 / not tested {found.skipped}"
    )
    out.print(f"{found.organisation} @ {found.host}: {counts}", markup=False, soft_wrap=True)
