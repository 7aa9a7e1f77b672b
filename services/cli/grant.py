"""`grant list|show|check|revoke`: what subscribers may see, on what basis, until when; and taking it back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from services.cli import moments
from services.cli.asking import Projection, whole_id
from services.cli.delivery import Reason
from services.cli.terminal import FAILED, Data, Json, answer, folder, out
from services.runtime.clock import Clock
from services.stack import state
from services.stack.plan import settings_of
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.cli.trial import Posted, Tried

app = typer.Typer(help="订阅授权 / grants of subscribers", no_args_is_help=True)

_LIST: Final = "tongche grant list"
_STATES: Final = {
    "in-force": "生效 / in force",
    "not-yet": "尚未开始 / not yet",
    "no-topic": "主题未建成，将重试 / its topic could not be made; it is tried again",
    "ending": "即将终止：文件中已无或不再允许 / about to end: the file has it no more, or asks for too much",
    "lapsed": "已到期 / lapsed",
    "revoked": "已撤销 / revoked",
    "removed": "已移除 / removed",
    "refused": "A403 不予授权 / refused",
}
_SPENT: Final = "已终止，编号不可复用，须用新编号 / it has ended: its id is spent, a new grant needs a new id"
_VERDICTS: Final = {
    "granted": "可以 / may be given",
    "refused": "A403 不予授权 / refused",
    "over": "已到期，不会生效 / over: it gives nothing",
    "spent": f"A403 {_SPENT}",
}
_SIGHTS: Final = {
    "full": "明文 / full",
    "masked": "遮盖 / masked",
    "hashed": "散列 / hashed",
    "yes_no": "是否 / yes or no",
}

Id = Annotated[str, typer.Argument(metavar="GRANT", help="授权编号 / the grant's id", callback=whole_id)]


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """全部授权及其状态 / all grants, and how they stand."""
    told = Projection(data).ask("GET", "/v1/grants")
    _problem(told["problem"])
    if not told["grants"]:
        out.print("尚无授权 / none yet")
    # Two lines each: an id is there whole, to be copied.
    for one in told["grants"]:
        version = f" v{one['version']}" if "version" in one else ""
        out.print(
            f"{one['id']}  {one['subscriber']}  {one['contract']}{version}  {_STATES[one['state']]}",
            markup=False,
            soft_wrap=True,
        )
        if one.get("purpose"):
            out.print(f"    {one['purpose']}  → {_day(one['until'])}", markup=False, soft_wrap=True)
        if one.get("spent"):
            out.print(f"    {_SPENT}", markup=False, soft_wrap=True)
        _faults(one["faults"])
    if as_json:
        answer(told)


@app.command()
def show(id_: Id, data: Data = None, as_json: Json = False) -> None:
    """一项授权：谁、为何、依据、期限、逐字段 / one grant: who, why, on what basis, until when, field by field."""
    told = Projection(data).ask("GET", f"/v1/grants/{id_}", about=_LIST)
    table = _grid()
    for name, value in (
        ("状态 / state", _STATES[told["state"]]),
        ("订阅方 / subscriber", f"{told['subscriber']}  {told.get('title', '')}"),
        ("消息 / contract", f"{told['contract']} v{told['version']}" if "version" in told else told["contract"]),
        ("主题 / topics", "  ".join(told["topics"])),
        ("目的 / purpose", told.get("purpose")),
        ("依据 / legal basis", told.get("legal_basis")),
        ("自 / from", _day(told.get("from"))),
        ("至 / until", _day(told.get("until"))),
        ("辖区 / jurisdiction", " ".join(told.get("jurisdiction", ())) or "全国 / the whole country"),
        ("撤销 / revoked", _revoked(told)),
        ("终止 / ended", told["ended_at"] and moments.short(told["ended_at"])),
    ):
        if value:
            table.add_row(name, Text(str(value)))
    out.print(table)
    _fields(told)
    _faults(told["faults"])
    if as_json:
        answer(told)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="subscribers.toml")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """试读一个 subscribers.toml：哪些授权会被拒（A403）、终止或编号已用 / what a file would mean; changes nothing.

    与正在运行的比较 / compared with what runs in the data folder, if it does.
    """
    from services.cli import trial
    from services.projection.webhooks.addresses import Rules
    from services.runtime import subscribers

    try:
        found = subscribers.read(file)
    except subscribers.UnreadableSubscribers as wrong:
        raise TroubleError(f"无法读取：{wrong}", f"cannot be read: {wrong}", fix="docs/subscribers.md") from None
    standing = _standing(data)
    trials = list(trial.tried(found, standing or {}, Clock().now()))
    ends = trial.ending(trials, standing or {})
    _trials(trials, ends, compared=standing is not None)
    webhooks = list(trial.posted(found, Rules.of(settings_of(folder(data)))))
    _webhooks(webhooks)
    failed = sum(one.verdict in {"refused", "spent"} for one in trials) + sum(bool(one.forbidden) for one in webhooks)
    if as_json:
        answer(
            {
                "grants": [_tried(one) for one in trials],
                "refused": sum(one.verdict == "refused" for one in trials),
                "ends": ends,
                "webhooks": [one._asdict() for one in webhooks],
                "compared": standing is not None,
            }
        )
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def revoke(id_: Id, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """撤销一项授权，立即生效，不可恢复 / take a grant back: at once, and for good; its subscriber is told."""
    if not reason.strip():
        raise typer.BadParameter("须写明原因 / say why", param_hint="--reason")
    told = Projection(data).act(f"/v1/grants/{id_}/revoke", {"reason": reason}, about=_LIST)
    out.print(f"{id_}  {_STATES[told['state']]}", markup=False, soft_wrap=True)
    if as_json:
        answer(told)


def _standing(data: Path | None) -> dict[str, Any] | None:
    """Every grant that the running stack knows; None where nothing runs."""
    stack = state.load(folder(data))
    if stack is None or not stack.runs():
        return None
    return {one["id"]: one for one in Projection(data).ask("GET", "/v1/grants")["grants"]}


def _tried(one: Tried) -> dict[str, Any]:
    return {
        "id": one.grant,
        "subscriber": one.subscriber,
        "granted": one.verdict == "granted",
        "verdict": one.verdict,
        "faults": list(one.faults),
        "long": one.is_long,
        "new": one.is_new,
    }


def _trials(trials: list[Tried], ends: list[str], *, compared: bool) -> None:
    for one in trials:
        new = "  新增 / new" if compared and one.is_new else ""
        words = f"{one.grant}  {one.subscriber}  {_VERDICTS[one.verdict]}{new}"
        out.print(words, markup=False, soft_wrap=True)
        _faults(list(one.faults))
        if one.is_long:
            out.print("    ! 期限超过十年 / it would last for more than ten years", markup=False, soft_wrap=True)
    if not trials:
        out.print("文件中没有授权 / the file gives no grant", markup=False)
    for id_ in ends:
        out.print(f"{id_}  将永久终止 / would END FOR GOOD", markup=False, soft_wrap=True)
    if not compared:
        out.print("没有在运行，未与生效的授权比较 / nothing runs: not compared with what is in force", markup=False)


def _webhooks(webhooks: list[Posted]) -> None:
    """Where nothing would ever be posted, and what to do about it."""
    from services.projection.webhooks.reasons import reason

    for one in webhooks:
        if one.forbidden:
            why = reason(one.forbidden)
            words = f"{one.subscriber}  webhook {one.host}  {one.forbidden}: {why.zh} / {why.en}"
            out.print(words, markup=False, soft_wrap=True)
            out.print(f"    → {why.fix}", markup=False, soft_wrap=True)


def _problem(problem: str | None) -> None:
    if problem:
        out.print(f"文件无效，仍按上一版 / the file is not in force, the last good one is: {problem}", markup=False)


def _faults(faults: list[dict[str, Any]]) -> None:
    for one in faults:
        out.print(f"    {one['code']} {one['field']}: {one['zh']} / {one['en']}", markup=False, soft_wrap=True)


def _fields(told: dict[str, Any]) -> None:
    if not told["fields"]:
        return
    out.print("\n字段 / fields")
    table = _grid()
    for name, sight in told["fields"].items():
        sealed = "  加密 / sealed" if name in told["sealed"] else ""
        table.add_row(f"  {name}", _SIGHTS[sight] + sealed)
    out.print(table)


def _revoked(told: dict[str, Any]) -> str | None:
    return f"{moments.short(told['revoked_at'])}  {told['who']}  {told['reason']}" if told["revoked_at"] else None


def _day(instant: str | None) -> str | None:
    return None if instant is None else datetime.fromisoformat(instant).strftime("%Y-%m-%d %H:%M %z")


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
