"""`repair plan|run|pause|cancel|show|list`: one decision about many deliveries, counted before it is carried out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from services.cli import moments
from services.cli.asking import Dispatch, whole_id
from services.cli.delivery import Reason
from services.cli.filters import Wanted, filtered, rate
from services.cli.progress import counting
from services.cli.terminal import Data, Json, answer, out, talk

app = typer.Typer(help="批量修复 / repairs of many deliveries", no_args_is_help=True)

_LOOK_S: Final = 0.5
_LIST: Final = "tongche repair list"

Id = Annotated[str, typer.Argument(metavar="REPAIR", help="修复计划编号 / the repair's id", callback=whole_id)]


class Act(Enum):
    """What is done to each."""

    retry = "retry"
    cancel = "cancel"


@app.command()
@filtered
def plan(  # noqa: PLR0913 - each is an option
    act: Annotated[Act, typer.Argument(help="重试或放弃 / try again, or give up")],
    reason: Reason,
    wanted: Wanted,
    *,
    not_carried_out: Annotated[
        bool,
        typer.Option(
            "--not-carried-out",
            help="已核实其中结果不明者均未办理 / those of unknown outcome were checked: none was done",
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """选出并计数，尚不执行 / choose and count; nothing is done before `run`."""
    form = {"act": act.value, "filter": wanted, "reason": reason, "not_carried_out": not_carried_out}
    planned = Dispatch(data).act("/v1/repairs", form, about="tongche repair plan --help")
    if planned["id"] is None:
        out.print("没有符合的投递 / no delivery fits\n→ tongche delivery list", markup=False, soft_wrap=True)
    else:
        _counted(planned)
        out.print(f"→ tongche repair run {planned['id']}", markup=False, soft_wrap=True)
    if as_json:
        answer(planned)


@app.command()
def run(
    id_: Id,
    per_second: Annotated[
        float | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            parser=rate,
            help="每个机构限速，所有修复合计，缺省 5/s / at each organisation, all repairs together: 5/s, 300/m",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="看着它做完 / wait for its end")] = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """开始或继续 / start it, or go on with one that was paused. Ctrl-C ends the watching, not the repair."""
    dispatch = Dispatch(data)
    about = f"tongche repair show {id_}"
    form = {"per_second": per_second} if per_second is not None else {}
    told = dispatch.act(f"/v1/repairs/{id_}/run", form, about=about)
    if watch:
        told = _watched(dispatch, told)
    _standing(told)
    if as_json:
        answer(told)


@app.command()
def pause(id_: Id, data: Data = None, as_json: Json = False) -> None:
    """暂停，run 继续 / pause it; `run` goes on."""
    _turn(id_, "pause", data, as_json=as_json)


@app.command()
def cancel(id_: Id, data: Data = None, as_json: Json = False) -> None:
    """撤销其余部分，已做的不撤回 / do the rest no more; what was done stays done."""
    _turn(id_, "cancel", data, as_json=as_json)


@app.command()
def show(
    id_: Id,
    items: Annotated[bool, typer.Option("--items", help="列出每次投递 / every delivery of it")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """一个计划：什么、为何、进度 / one repair: what, why, how far."""
    dispatch = Dispatch(data)
    told = dispatch.ask("GET", f"/v1/repairs/{id_}", about=_LIST)
    if items:
        told["items"] = list(_items(dispatch, id_))
    _counted(told)
    _standing(told)
    for one in told.get("items", ()):
        why = f"  {_WHY.get(one['why'], one['why'])}" if one["why"] else ""
        out.print(f"  {one['delivery']}  {one['organisation']}  {one['command']}  {one['state']}{why}", soft_wrap=True)
    if as_json:
        answer(told)


@app.command("list")
def list_(
    after: Annotated[
        str | None, typer.Option("--after", help="从上一页的 next 继续 / go on from a page's next")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """全部计划，最新在前 / all repairs, the newest first, with their progress."""
    page = Dispatch(data).ask("GET", f"/v1/repairs?after={after}" if after else "/v1/repairs", about=_LIST)
    if not page["repairs"]:
        out.print(
            "尚无计划 / none yet\n→ tongche repair plan retry --state dead --reason …", markup=False, soft_wrap=True
        )
    else:
        # Two lines each: an id is there whole, to be copied, and so is what somebody meant by it.
        for one in page["repairs"]:
            done = f"{one['done'] + one['skipped']}/{one['total']}"
            out.print(f"{one['id']}  {one['act']:6}  {one['state']:9}  {done}", markup=False, soft_wrap=True)
            out.print(f"    {one['reason']}", markup=False, soft_wrap=True)
    if page["next"]:
        out.print(f"→ tongche repair list --after {page['next']}", markup=False, soft_wrap=True)
    if as_json:
        answer(page)


def _turn(id_: str, act: str, data: Path | None, *, as_json: bool) -> None:
    told = Dispatch(data).act(f"/v1/repairs/{id_}/{act}", {}, about=f"tongche repair show {id_}")
    _standing(told)
    if as_json:
        answer(told)


def _items(dispatch: Dispatch, id_: str) -> Iterator[Any]:
    after: int | None = 0
    while after is not None:
        page = dispatch.ask("GET", f"/v1/repairs/{id_}/items?after={after}&most=500", about=_LIST)
        yield from page["items"]
        after = page["next"]


# -- watching


def _watched(dispatch: Dispatch, told: dict[str, Any]) -> dict[str, Any]:
    """Look again and again until it runs no more, or the person has seen enough."""
    try:
        with counting("修复 / repairing", told["total"]) as moved:
            while True:
                moved(told["done"] + told["skipped"])
                if told["state"] != "running":
                    return told
                time.sleep(_LOOK_S)
                told = dispatch.ask("GET", f"/v1/repairs/{told['id']}", about=_LIST)
    except KeyboardInterrupt:
        talk.print("继续在后台执行 / it goes on without you")
        return told


# -- showing


_WHY: Final = {
    "settled": "已了结 / settled meanwhile",
    "refused": "已被拒绝 / refused meanwhile",
    "cancelled": "已取消 / cancelled meanwhile",
    "gone": "已不在等待 / waits no more",
    "being-tried": "正在尝试 / it was being tried",
    "answered": "已有答复 / it had its answer",
    "changed": "已有人另作决定 / somebody decided about it meanwhile",
    "in-another-repair": "属于更早的修复 / another repair, started earlier, has it",
    "doubtful": "结果不明，不盲目重发 / outcome unknown: never resent blindly",
    "no-organisation": "没有这个机构 / no such organisation any more",
    "unreadable": "命令无法读取 / the command cannot be read",
    "unplanned": "意外错误，见日志 / an error of ours: see the log",
}
_WANTED: Final = ("states", "failure", "command", "case", "key")
"""What was looked for and does not show in the counts; a vehicle by its key."""
_COUNTED: Final = {
    "organisation": "按机构 / by organisation",
    "command": "按命令 / by command",
    "failure": "按类别 / by class",
    "age": "按时长 / by age",
}


def _counted(told: dict[str, Any]) -> None:
    verb = "重试 / retry" if told["act"] == "retry" else "放弃 / cancel"
    out.print(f"{told['id']}  {verb}  {told['total']}", markup=False, soft_wrap=True)
    out.print(f"  {moments.short(told['planned_at'])}  {told['who']}  {told['reason']}", markup=False, soft_wrap=True)
    wanted = "  ".join(f"{name}={_told(value)}" for name, value in told["wanted"].items() if name in _WANTED)
    if wanted:
        out.print(f"  {wanted}", markup=False, soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for by, numbers in told["counts"].items():
        for place, (name, number) in enumerate(numbers.items()):
            table.add_row(_COUNTED[by] if not place else "", name, str(number))
    out.print(table)


def _told(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _standing(told: dict[str, Any]) -> None:
    done, skipped, waiting = told["done"], told["skipped"], told["waiting"]
    numbers = f"完成 / done {done}  跳过 / skipped {skipped}  待办 / waiting {waiting}"
    out.print(f"{told['state']}  {told['per_second']:g}/s  {numbers}", markup=False)
    for why, number in told["why_skipped"].items():
        out.print(f"  {number} × {_WHY.get(why, why)}", markup=False)
    since = "  ".join(f"{name} {number}" for name, number in told["since_then"].items())
    if since:
        out.print(f"  其后 / since then: {since}", markup=False)
    for hint in _NEXT.get(told["state"], ()):
        out.print(f"→ tongche {hint.format(told['id'])}", markup=False, soft_wrap=True)


_NEXT: Final = {
    "planned": ("repair run {}",),
    "running": ("repair show {}", "repair pause {}"),
    "paused": ("repair run {}", "repair cancel {}"),
    "done": ("delivery list",),
}
