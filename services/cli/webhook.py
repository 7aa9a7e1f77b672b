"""`webhook …`: subscribers that read no Kafka and are posted their messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import typer

from contracts.types import CHINA
from services.cli import moments
from services.cli.asking import Projection, whole_id
from services.cli.delivery import Reason
from services.cli.terminal import Data, Json, answer, out

app = typer.Typer(help="推送地址 / webhooks of subscribers", no_args_is_help=True)

_LIST: Final = "tongche webhook list"
_STATES: Final = {
    "working": "正常 / working",
    "failing": "未能送达，重试中 / nothing is taken, tried again",
    "resumed": "已恢复，其后尚无一条被接收 / resumed, nothing was taken since",
    "paused": "已暂停 / paused",
    "forbidden": "不许投递 / nothing may be posted there",
    "never-posted": "此地址尚未投递 / never posted yet at this address",
    "nothing-yet": "尚无可送 / nothing to post yet",
}
_HOURS: Final = 30 * 24


def _since(text: str) -> datetime:
    """A moment with its zone, or one in China."""
    try:
        moment_ = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "须为时刻，如 2026-11-21T08:00 / a moment, as 2026-11-21T08:00", param_hint="--since"
        ) from None
    return moment_ if moment_.tzinfo else moment_.replace(tzinfo=CHINA)


def _hours(number: int) -> int:
    if not 0 <= number <= _HOURS:
        raise typer.BadParameter(f"须为 0 至 {_HOURS} / from 0 to {_HOURS}")
    return number


Name = Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="订阅方 / the subscriber's name", callback=whole_id)]


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """全部推送地址及其状态 / all of them: how each stands, what waits, who paused it and why."""
    told = Projection(data).ask("GET", "/v1/webhooks")
    if not told["webhooks"]:
        out.print("尚无推送地址 / none yet: docs/subscribers.md")
    for one in told["webhooks"]:
        _show(one)
    if as_json:
        answer(told)


@app.command()
def pause(name: Name, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """暂停推送，消息留存，恢复后按序补送 / post nothing more until resume; what comes meanwhile waits."""
    if not reason.strip():
        raise typer.BadParameter("须写明原因 / say why", param_hint="--reason")
    _acted(Projection(data).act(f"/v1/webhooks/{name}/pause", {"reason": reason}, about=_LIST), as_json=as_json)


@app.command()
def resume(name: Name, data: Data = None, as_json: Json = False) -> None:
    """恢复推送，立即先送积压，不再等待 / post again, what waits at once, whatever pause they asked for."""
    _acted(Projection(data).act(f"/v1/webhooks/{name}/resume", {}, about=_LIST), as_json=as_json)


@app.command()
def acknowledge(name: Name, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """遗失的消息已处理，不再提示 / what was lost has been seen to otherwise: say how; it is kept, and shown no more."""
    if not reason.strip():
        raise typer.BadParameter("须写明原因 / say why", param_hint="--reason")
    told = Projection(data).act(f"/v1/webhooks/{name}/acknowledge", {"reason": reason}, about=_LIST)
    out.print(f"已确认 {told['acknowledged']} 条 / {told['acknowledged']} acknowledged", markup=False)
    _acted(told, as_json=as_json)


@app.command()
def secret(name: Name, data: Data = None, as_json: Json = False) -> None:
    """签名密钥，交给订阅方 / the secret that signs, to be handed to its subscriber and to nobody else."""
    told = Projection(data).ask("GET", f"/v1/webhooks/{name}/secret", about=_LIST)
    out.print(told["secret"], markup=False, soft_wrap=True)
    if as_json:
        answer(told)


@app.command()
def rotate(
    name: Name,
    hours: Annotated[
        int,
        typer.Option("--overlap-hours", help="旧密钥续用几小时 / how long the old one signs as well", callback=_hours),
    ] = 24,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """换新密钥，其间新旧并签 / a new secret; for a while both sign, so that nothing is refused meanwhile."""
    told = Projection(data).act(f"/v1/webhooks/{name}/rotate", {"overlap_s": hours * 3600}, about=_LIST)
    out.print(told["secret"], markup=False, soft_wrap=True)
    out.print(f"旧密钥有效至 / the old one is good until {moments.short(told['old_until'])}", markup=False)
    if as_json:
        answer(told)


@app.command()
def replay(
    name: Name,
    since: Annotated[
        datetime, typer.Option("--since", metavar="MOMENT", parser=_since, help="自此时刻起 / from this moment on")
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """自某时刻起重新推送，编号不变 / post again all that came since then: same ids, each vehicle's in order."""
    told = Projection(data).act(f"/v1/webhooks/{name}/replay", {"since": since.isoformat()}, about=_LIST)
    out.print(f"重送 {told['queued']} 条 / {told['queued']} to be posted again", markup=False)
    if as_json:
        answer(told)


def _acted(told: dict[str, Any], *, as_json: bool) -> None:
    _show(told)
    if as_json:
        answer(told)


def _show(one: dict[str, Any]) -> None:
    out.print(f"{one['subscriber']}  {one['host']}  {_STATES[one['state']]}", markup=False, soft_wrap=True)
    if one["paused_at"]:
        out.print(f"    {moments.short(one['paused_at'])}  {one['who']}  {one['reason']}", markup=False, soft_wrap=True)
    if one["failure"]:
        _missed(one)
    if one["held"]:
        _held(one)
    if one["waiting"]:
        _waits(one)
    if one["lost"]:
        _lost(one["subscriber"], one["lost"])
    if one["secrets"] > 1:
        out.print(f"    新旧密钥并签至 / two secrets sign until {moments.short(one['old_until'])}", markup=False)


def _missed(one: dict[str, Any]) -> None:
    """Why nothing is taken, since when, and what to do."""
    from services.projection.webhooks.reasons import reason

    why = reason(one["failure"])
    since = f"  自 / since {moments.short(one['failing_since'])}" if one["failing_since"] else ""
    out.print(f"    {one['failure']}: {why.zh} / {why.en}{since}", markup=False, soft_wrap=True)
    out.print(f"    → {why.fix.replace('NAME', one['subscriber'])}", markup=False, soft_wrap=True)


def _held(one: dict[str, Any]) -> None:
    """Until when nothing is posted at all, and what ends that sooner."""
    until, why = moments.short(one["held"]["until"]), one["held"]["why"]
    asked = "对方所请 / as they asked: " if "Retry-After" in why else ""
    words = f"    至 {until} 不再投递 / nothing is posted until then: {asked}{why}"
    out.print(words, markup=False, soft_wrap=True)
    out.print(f"    → 立即再试 / try at once: tongche webhook resume {one['subscriber']}", markup=False, soft_wrap=True)


def _waits(one: dict[str, Any]) -> None:
    """How many wait, for how long already, and until when."""
    words = f"    待重试 {one['waiting']} 条 / {one['waiting']} wait, the oldest since {moments.short(one['oldest'])}"
    again = f"；下次 / next tried {moments.short(one['again'])}" if one["again"] else ""
    out.print(words + again, markup=False, soft_wrap=True)


def _lost(subscriber: str, lost: dict[str, Any]) -> None:
    """What was dropped before it could be posted, and the way on from there."""
    number = lost["number"]
    words = f"    遗失 {number} 条，主题已不再保留 / {number} lost: dropped from the topic before they were taken"
    out.print(words, markup=False, soft_wrap=True, style="red")
    for one in lost["ranges"]:
        where = f"{one['topic']}/{one['partition']}  {one['first']}–{one['last']}  ({one['number']})"
        waited = f"  自 / waited since {moments.short(one['since'])}" if one["since"] else ""
        out.print(f"      {where}{waited}", markup=False, soft_wrap=True)
        for message in one["messages"]:
            out.print(f"        {message}", markup=False, soft_wrap=True)
    out.print(
        f"    以其他方式补送后 / give it to them otherwise, then: "
        f"→ tongche webhook acknowledge {subscriber} --reason …",
        markup=False,
        soft_wrap=True,
    )
