"""`delivery …`: what is on its way to an organisation and does not get there, and what a person does about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.cli import standing
from services.cli.asking import Dispatch, whole_id
from services.cli.filters import Wanted, filtered
from services.cli.terminal import Data, Json, answer, out, talk
from services.stack.trouble import TroubleError

app = typer.Typer(help="投递 / deliveries", no_args_is_help=True)

_SHOWN: Final = 20
_PAGE: Final = 500

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
    standing.organisations(page["held"])
    for line in standing.contradictions(page["contradicted"]):
        out.print(line, markup=False, soft_wrap=True)
    for line in standing.refusals(page.get("refused", ())):
        out.print(line, markup=False, soft_wrap=True)
    standing.waiting(page["deliveries"], page["total"])
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
    standing.show(whole)


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


def _typed(command: str | None, fields: Iterable[str]) -> dict[str, Any]:
    """`field=value` as the command's contract writes it: text where it has text, else JSON; nothing is null."""
    from contracts.topics import COMMANDS

    named = COMMANDS.get(command) if command else None
    # Where nobody knows what it says, as of a delivery of which there is but an answer, dispatch tells why not.
    schema = named.versions.models[-1].model_json_schema()["properties"] if named else {}
    return dict(_pair(schema, field) for field in fields)


def _pair(schema: dict[str, Any], field: str) -> tuple[str, Any]:
    name, equals, value = field.partition("=")
    if not equals:
        raise typer.BadParameter("须写作 FIELD=VALUE / must be written FIELD=VALUE", param_hint="--set")
    kind = schema.get(name, {})
    texts = any(one.get("type") == "string" for one in kind.get("anyOf", [kind]))
    if not value:
        return name, None
    try:
        return name, value if texts or not kind else json.loads(value)
    except ValueError:
        return name, value  # dispatch says what is wrong with it
