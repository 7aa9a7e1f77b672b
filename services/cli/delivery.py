"""`delivery …`: what is on its way to an organisation and does not get there, and what a person does about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from contracts.types import CHINA
from services.cli.asking import Dispatch, whole_id
from services.cli.filters import Wanted, filtered
from services.cli.terminal import Data, Json, answer, out, talk
from services.console import words
from services.stack.trouble import TroubleError

app = typer.Typer(help="投递 / deliveries", no_args_is_help=True)

_SHOWN: Final = 20
_PAGE: Final = 500
_LAST_ATTEMPTS: Final = 8
"""Of many attempts the first and the last tell it all."""
_CONTRADICTIONS: Final = 3
"""Of each organisation: what is wrong with it shows in the first ones."""

Id = Annotated[str, typer.Argument(metavar="ID", help="投递编号 / the delivery's id", callback=whole_id)]
Reason = Annotated[str, typer.Option("--reason", help="为什么，永久保存，勿写姓名 / why: kept for good, no names")]


@app.command("list")
@filtered
def list_(  # noqa: PLR0913 - each is an option
    wanted: Wanted,
    *,
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=_PAGE, help="几条 / how many")] = _SHOWN,
    after: Annotated[
        str | None, typer.Option("--after", help="从上一页的 next 继续 / go on from a page's next")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="全部，逐页取 / all of them, page by page")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """等待中的投递，最早的在前 / what waits, oldest first: held with its organisation, parked, or dead."""
    dispatch = Dispatch(data)
    wanted |= {"after": after} if after else {}
    page = _whole(dispatch, wanted) if everything else _page(dispatch, wanted, number)
    _organisations(page["held"])
    for line in contradictions(page["contradicted"]):
        out.print(line, markup=False, soft_wrap=True)
    for line in refusals(page.get("refused", ())):
        out.print(line, markup=False, soft_wrap=True)
    _rows(page["deliveries"], page["total"])
    if page["next"]:
        out.print(f"→ --after {json.dumps(page['next'])}, --all", markup=False, soft_wrap=True)
    if as_json:
        answer(page)


@app.command()
def show(
    id_: Id,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="显示个人信息，须附理由，留痕 / with personal data: say why, it is kept")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="为何查看 / why you look")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """一次投递的全部：尝试、期限、负责、改动、其后排队者 / everything about one delivery, and what to do about it."""
    dispatch = Dispatch(data)
    whole = _revealed(dispatch, id_, reason) if reveal else _looked_up(dispatch, id_)
    if as_json:
        answer(whole)
        return
    _head(whole)
    _data(whole["data"])
    _attempts(whole["attempts"])
    _acts(whole["acts"])
    for one in whole["called_back"]:
        _called_back(one, whole["case"])
    _queue(whole)
    _hints(whole)


@app.command()
def retry(id_: Id, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """立即重试，幂等键不变 / try again now, under the same idempotency key, with a new deadline."""
    _decide(id_, "retry", {"reason": reason}, data, as_json=as_json)


@app.command()
def cancel(id_: Id, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """放弃，让其后的继续 / give it up; what stands behind it goes on."""
    _decide(id_, "cancel", {"reason": reason}, data, as_json=as_json)


@app.command()
def edit(  # noqa: PLR0913, PLR0917 - each is an option
    id_: Id,
    reason: Reason,
    fields: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="改一项；值留空则去掉 / empty takes it out")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="全部内容的 JSON，- 为标准输入 / all of it; - is stdin")
    ] = None,
    not_carried_out: Annotated[
        bool, typer.Option("--not-carried-out", help="已向机构核实此前未办理 / the agency was asked: it was not done")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """改内容，用新幂等键立即重发，留存前后 / say it otherwise, under a new key, now; before and after are kept."""
    if (fields is None) == (file is None):
        raise typer.BadParameter("--set 与 --file 二选一 / either --set or --file")
    dispatch = Dispatch(data)
    seen = _looked_up(dispatch, id_)
    wish = {"data": _object(file)} if file else {"set": _typed(seen["command"], fields or [])}
    form = {**wish, "reason": reason, "revision": seen["revision"], "not_carried_out": not_carried_out}
    _decide(id_, "edit", form, data, as_json=as_json)


@app.command("answer")
def answer_(
    id_: Id,
    file: Annotated[
        Path, typer.Option("--file", help="机构答复的 JSON，- 为标准输入 / the agency's answer; - is stdin")
    ],
    reason: Reason,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """机构已办理而无答复：由人代录 / it was done and no answer came: give the agency's answer yourself."""
    _decide(id_, "answer", {"data": _object(file), "reason": reason}, data, as_json=as_json)


@app.command("clear-up")
def clear_up(id_: Id, reason: Reason, data: Data = None, as_json: Json = False) -> None:
    """机构回送的答复自相矛盾，已核实何者为真 / answers contradict each other: you asked which is true; it is noted."""
    _decide(id_, "clear-up", {"reason": reason}, data, as_json=as_json)


@app.command()
def pause(
    organisation: Annotated[str, typer.Argument(help="机构 / organisation")],
    reason: Reason,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """暂缓一个机构的全部投递 / hold everything for an organisation until somebody resumes it."""
    done = _turn(organisation, "pause", reason, data)
    talk.print(f"{organisation}: 已暂缓 / held, until somebody resumes it", markup=False, soft_wrap=True)
    talk.print(f"→ tongche delivery resume {organisation} --reason …", markup=False, soft_wrap=True)
    if as_json:
        answer(done)


@app.command()
def resume(
    organisation: Annotated[str, typer.Argument(help="机构 / organisation")],
    reason: Reason,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """恢复一个机构：先试一次，通则全部继续 / let one call probe it now; if that gets through, all goes on."""
    done = _turn(organisation, "resume", reason, data)
    talk.print(f"{organisation}: {_RESUMED[done['state']]}", markup=False, soft_wrap=True)
    talk.print(f"→ tongche delivery list --organisation {organisation}", markup=False, soft_wrap=True)
    if as_json:
        answer(done)


# -- asking


def _page(dispatch: Dispatch, wanted: dict[str, Any], most: int) -> Any:
    return dispatch.ask("POST", "/v1/deliveries/search", {**wanted, "most": most}, about="tongche delivery list --help")


def _whole(dispatch: Dispatch, wanted: dict[str, Any]) -> Any:
    first = page = _page(dispatch, wanted, _PAGE)
    rows = list(page["deliveries"])
    while page["next"]:
        page = _page(dispatch, wanted | {"after": page["next"]}, _PAGE)
        rows += page["deliveries"]
    return {**first, "deliveries": rows, "next": None}


def _looked_up(dispatch: Dispatch, id_: str) -> Any:
    return dispatch.ask("GET", f"/v1/deliveries/{id_}")


def _revealed(dispatch: Dispatch, id_: str, reason: str | None) -> Any:
    if not reason:
        raise typer.BadParameter("--reveal 须附 --reason / --reveal needs a --reason")
    return dispatch.act(f"/v1/deliveries/{id_}/reveal", {"reason": reason}, about=_show(id_))


_SAID: Final = {
    "retry": "正在重试 / being tried now",
    "cancel": "已放弃 / given up",
    "edit": "已改，正以新幂等键发送 / changed, being sent under a new key",
    "answer": "已按答复了结 / settled with that answer",
    "clear-up": "已记为核实，不再提示 / noted as cleared up, and shown no more",
}
_RESUMED: Final = {
    "closed": "本未暂缓 / it is not held",
    "half-open": "正在试探 / being probed",
    "open": "下一次调用将试探 / the next call will probe it",
}


def _decide(id_: str, act: str, form: dict[str, Any], data: Path | None, *, as_json: bool) -> None:
    done = Dispatch(data).act(f"/v1/deliveries/{id_}/{act}", form, about=_show(id_))
    talk.print(f"{id_}: {_SAID[act]}", markup=False, soft_wrap=True)
    talk.print(f"→ {_show(id_)}", markup=False, soft_wrap=True)
    if as_json:
        answer(done)


def _turn(organisation: str, act: str, reason: str, data: Path | None) -> Any:
    return Dispatch(data).act(
        f"/v1/organisations/{organisation}/{act}", {"reason": reason}, about="tongche delivery list"
    )


def _show(id_: str) -> str:
    return f"tongche delivery show {id_}"


# -- what a person gives


def _object(file: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    try:
        found = json.loads(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as wrong:
        raise TroubleError(
            f"无法读取 {file}", f"cannot read {file}: {type(wrong).__name__}", fix="一个 JSON 对象 / one JSON object"
        ) from wrong
    if not isinstance(found, dict):
        raise TroubleError(f"{file} 不是 JSON 对象", f"{file} is no JSON object", fix='{"field": "value"}')
    return found


def _typed(command: str, fields: Iterable[str]) -> dict[str, Any]:
    """`field=value` as the command's contract writes it: text where it has text, else JSON; nothing is null."""
    from contracts.topics import COMMANDS

    schema = COMMANDS[command].versions.models[-1].model_json_schema()["properties"]
    return dict(_pair(schema, field) for field in fields)


def _pair(schema: dict[str, Any], field: str) -> tuple[str, Any]:
    name, equals, value = field.partition("=")
    if not equals:
        raise typer.BadParameter(f"{name} 须写作 FIELD=VALUE / {name} must be written FIELD=VALUE")
    kind = schema.get(name, {})
    texts = any(one.get("type") == "string" for one in kind.get("anyOf", [kind]))
    if not value:
        return name, None
    try:
        return name, value if texts or not kind else json.loads(value)
    except ValueError:
        return name, value  # dispatch says what is wrong with it


# -- showing


def _organisations(rows: list[dict[str, Any]]) -> None:
    """Two lines each, as for deliveries: who is away since when, and why and until when."""
    for row in rows:
        state = words.standing(row["state"], row["paused_by"], row["reason"])
        names = f"{row['id']} {row['zh']} {row['en']}"
        since = f"自 / since {moment(row['since'])}" if row["since"] is not None else ""
        told = (names, f"{state.zh} / {state.en}", since, f"暂缓 / held {row['held']}")
        out.print("  ".join(filter(None, told)), markup=False, soft_wrap=True)
        out.print("    " + "  ".join(_away(row)), markup=False, soft_wrap=True)
    if rows:
        out.print()


def _away(row: dict[str, Any]) -> Iterator[str]:
    """Why an organisation is away, and what ends that."""
    if row["paused_by"]:
        yield f"{row['paused_by']}: {row['reason'] or ''}"
        yield f"→ tongche delivery resume {row['id']} --reason …"
        return
    if row["reason"]:
        yield _twice(words.reason(row["reason"]))
    probe_at = row.get("probe_at")
    if probe_at is not None:
        passed = probe_at <= datetime.now(CHINA).timestamp()
        yield "下一次调用即试探 / the next call probes" if passed else f"下次试探 / next probe {moment(probe_at)}"


def _twice(said: words.Words) -> str:
    return said.zh if said.zh == said.en else f"{said.zh} / {said.en}"


def _rows(rows: list[dict[str, Any]], total: int) -> None:
    """Two lines each: an id is there whole, to be copied."""
    if not rows:
        out.print("没有等待中的投递 / no delivery waits")
        return
    for line in lines(rows):
        out.print(line, markup=False, soft_wrap=True)
    if total > len(rows):
        out.print(f"{len(rows)} / {total}", markup=False)
    out.print(f"→ tongche delivery show {rows[0]['id']}", markup=False, soft_wrap=True)


def lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Deliveries below each other, their columns aligned."""
    wide = {name: max(len(row[name] or "") for row in rows) for name in ("organisation", "command")}
    for row in rows:
        columns = (row["id"], *(f"{row[name] or '':<{width}}" for name, width in wide.items()))
        yield "  ".join((*columns, moment(row["since"])))
        yield f"    {_standing(row)}"


def _head(whole: dict[str, Any]) -> None:
    state = words.delivery(whole["state"])
    out.print(f"{whole['organisation']}  {whole['command']}  {state.zh} / {state.en}", markup=False, soft_wrap=True)
    table = _grid()
    table.add_row("投递 / delivery", whole["id"])
    for name, told in (
        ("业务 / case", whole["case"]),
        ("自 / since", whole["since"] and moment(whole["since"])),
        ("期限 / deadline", whole["deadline"] and moment(whole["deadline"])),
        ("下次 / next try", whole["next_try_at"] and moment(whole["next_try_at"])),
        ("版本 / revision", whole["revision"]),
        ("原因 / why", _why(whole)),
        ("负责 / owner", whole["owner"]),
    ):
        if told:
            table.add_row(name, Text(str(told)))
    out.print(table)


def _data(data: dict[str, Any] | None) -> None:
    if data is None:
        return
    out.print("\n内容 / data")
    table = _grid()
    for name, value in data.items():
        table.add_row(f"  {name}", Text(_text(value)))
    out.print(table)


def _attempts(attempts: list[dict[str, Any]]) -> None:
    if not attempts:
        return
    out.print("\n尝试 / attempts")
    table = _grid()
    first, between, last = attempts[:1], attempts[1:-_LAST_ATTEMPTS], attempts[1:][-_LAST_ATTEMPTS:]
    for one in first:
        table.add_row(*_attempt(one))
    if between:
        table.add_row("  …", f"其间 {len(between)} 次，见 --json / {len(between)} more between: --json")
    for one in last:
        table.add_row(*_attempt(one))
    out.print(table)


def _attempt(one: dict[str, Any]) -> tuple[str, str]:
    began = moment(datetime.fromisoformat(one["started_at"]).timestamp())
    said = words.result(one["result"])
    code = words.code(one["code"]) if one.get("code") else None
    reason = f"{said.zh} / {said.en}" + (f"  {one['code']} {code.zh} / {code.en}" if code else "")
    status = f"HTTP {one['status']}" if one.get("status") else ""
    edition = f"r{one['revision']}" if one.get("revision") else ""
    return f"  #{one['number']}", f"{began}  {one['duration_ms']} ms  {reason}  {status} {edition}".rstrip()


def _acts(acts: list[dict[str, Any]]) -> None:
    if not acts:
        return
    out.print("\n人的决定 / what people did")
    for one in acts:
        repair = f"  repair {one['repair']}" if one["repair"] else ""
        vouched = "  --not-carried-out" if one["not_carried_out"] else ""
        told = f"  {moment(one['at'])}  {one['who']}  {one['act']}  {one['reason']}{vouched}{repair}"
        out.print(told, markup=False, soft_wrap=True)
        for change in one["changes"]:
            was, now = _text(change["before"]), _text(change["after"])
            out.print(f"      {change['field']}: {was} → {now}", markup=False, soft_wrap=True)


def _called_back(one: dict[str, Any], case: str) -> None:
    edition = f" r{one['revision']}" if one["revision"] > 1 else ""
    out.print(f"\n回送的答复 / called back{edition}  {moment(one['at'])}", markup=False, soft_wrap=True)
    if not one["others"]:
        return
    out.print(f"  {_contradicted(one)}", markup=False, soft_wrap=True)
    out.print("  以首次为准，业务已据此进行 / the first holds, and the case goes by it", markup=False)
    if not one["open"]:
        out.print("  已由人核实 / a person has cleared it up", markup=False)
        return
    for step in (
        f"  请向机构核实何者为真 / ask them which is true: {' '.join(_named(one['organisation']))}",
        f"  若首次不实 / if it is not the first: → tongche case show {case} (resume | cancel | secure)",
        f"  核实之后 / once you know: → tongche delivery clear-up {one['delivery']} --reason …",
    ):
        out.print(step, markup=False, soft_wrap=True)


def contradictions(organisations: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Where organisations contradicted themselves, and what to look at; of many, the newest."""
    for each in organisations:
        if each["contradicted"]:
            zh, en = _named(each["id"])
            count = each["contradicted"]
            yield f"{zh}对同一请求回送了相互矛盾的答复 / {en} called back answers that contradict each other: {count}"
        for one in each["contradictions"][:_CONTRADICTIONS]:
            yield f"  {moment(one['at'])}  {_contradicted(one)}"
            yield f"  → tongche delivery show {one['delivery']}"


def refusals(organisations: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What organisations called back and our door refused: they may believe that they answered."""
    for each in organisations:
        zh, en = _named(each["id"])
        for one in each["refused"]:
            yield f"{zh}回送的答复被拒绝 / call-backs of {en} were refused: {one['number']}"
            first, last = moment(one["since"]), moment(one["last_at"])
            yield f"  {_twice(words.reason(one['why']))}  自 / since {first}  末次 / last {last}"


def _contradicted(one: dict[str, Any]) -> str:
    number, last = one["others"], moment(one["other_at"])
    return f"其后 {number} 次不同，末次 {last} / {number} later said otherwise, the last {last}"


def _named(organisation: str) -> tuple[str, str]:
    name = words.organisation(organisation)
    return name.zh, name.en


def _queue(whole: dict[str, Any]) -> None:
    if whole["head"]:
        out.print("\n排在其后 / it stands behind")
        for line in lines([whole["head"]]):
            out.print(f"  {line}", markup=False, soft_wrap=True)
    if whole["behind"]:
        out.print("\n其后排队 / parked behind it, in order")
        for line in lines(whole["behind"]):
            out.print(f"  {line}", markup=False, soft_wrap=True)


def _hints(whole: dict[str, Any]) -> None:
    if whole["state"] not in {"parked", "dead"} or _not_yet(whole):
        return
    for act in ("retry", "cancel", "edit --set FIELD=VALUE", "answer --file answer.json"):
        verb, _, rest = act.partition(" ")
        out.print(
            f"→ tongche delivery {verb} {whole['id']} {rest} --reason …".replace("  ", " "),
            markup=False,
            soft_wrap=True,
        )


def _standing(row: dict[str, Any]) -> str:
    if _not_yet(row):
        return f"尚未就绪，将再次询问 / not there yet, asked again at {moment(row['next_try_at'])}"
    state = words.delivery(row["state"])
    later = f"下次 / next {moment(row['next_try_at'])}" if row["next_try_at"] is not None else ""
    return "  ".join(filter(None, (f"{state.zh} / {state.en}", _why(row), later)))


def _why(row: dict[str, Any]) -> str:
    failure = words.failure(row["failure"] or "")
    reason = row["reason"] if row["reason"] != row["code"] else None
    told = _twice(words.reason(reason)) if reason else None
    code = " ".join(filter(None, (row["code"], row["code_zh"], told)))
    return " ".join(filter(None, (f"{failure.zh} / {failure.en}" if row["failure"] else "", code)))


def _not_yet(row: dict[str, Any]) -> bool:
    """Whether this is normal waiting: a parcel on the road is no failure."""
    return bool(row["state"] == "parked" and row["failure"] == "not-yet")


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(when: float | str | None) -> str:
    """A moment in China, short; as seconds since 1970 or as the console writes it."""
    if when is None:
        return "–"
    at = datetime.fromisoformat(when) if isinstance(when, str) else datetime.fromtimestamp(when, CHINA)
    return at.astimezone(CHINA).strftime("%m-%d %H:%M:%S")
