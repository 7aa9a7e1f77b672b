"""How deliveries stand, and the organisations for which they wait, in lines for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from contracts.types import CHINA
from services.cli import moments
from services.cli.terminal import out
from services.console import words

_LAST_ATTEMPTS: Final = 8
"""Of many attempts the first and the last tell it all."""
_CONTRADICTIONS: Final = 3
"""Of each organisation: what is wrong with it shows in the first ones."""


def show(whole: dict[str, Any]) -> None:
    """Everything about one delivery, and what to do about it."""
    _head(whole)
    _data(whole["data"])
    _attempts(whole["attempts"])
    _acts(whole["acts"])
    for one in whole["called_back"]:
        _called_back(one, whole["case"])
    _queue(whole)
    _hints(whole)


def organisations(rows: list[dict[str, Any]]) -> None:
    """Two lines each, as for deliveries: who is away since when, and why and until when."""
    for row in rows:
        state = words.standing(row["state"], row["paused_by"], row["reason"])
        names = f"{row['id']} {row['zh']} {row['en']}"
        since = f"自 / since {moments.short(row['since'])}" if row["since"] is not None else ""
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
        yield (
            "下一次调用即试探 / the next call probes" if passed else f"下次试探 / next probe {moments.short(probe_at)}"
        )


def _twice(said: words.Words) -> str:
    return said.zh if said.zh == said.en else f"{said.zh} / {said.en}"


def waiting(rows: list[dict[str, Any]], total: int) -> None:
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
        yield "  ".join((*columns, moments.short(row["since"])))
        yield f"    {_standing(row)}"


def _head(whole: dict[str, Any]) -> None:
    state = words.delivery(whole["state"])
    head = (whole["organisation"], whole["command"], f"{state.zh} / {state.en}")
    out.print("  ".join(filter(None, head)), markup=False, soft_wrap=True)
    table = _grid()
    table.add_row("投递 / delivery", whole["id"])
    for name, told in (
        ("业务 / case", whole["case"]),
        ("自 / since", whole["since"] and moments.short(whole["since"])),
        ("期限 / deadline", whole["deadline"] and moments.short(whole["deadline"])),
        ("下次 / next try", whole["next_try_at"] and moments.short(whole["next_try_at"])),
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
    began = moments.short(datetime.fromisoformat(one["started_at"]).timestamp())
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
        told = f"  {moments.short(one['at'])}  {one['who']}  {one['act']}  {one['reason']}{vouched}{repair}"
        out.print(told, markup=False, soft_wrap=True)
        for change in one["changes"]:
            was, now = _text(change["before"]), _text(change["after"])
            out.print(f"      {change['field']}: {was} → {now}", markup=False, soft_wrap=True)


def _called_back(one: dict[str, Any], case: str | None) -> None:
    edition = f" r{one['revision']}" if one["revision"] > 1 else ""
    out.print(f"\n回送的答复 / called back{edition}  {moments.short(one['at'])}", markup=False, soft_wrap=True)
    if not one["others"]:
        return
    out.print(f"  {_contradicted(one)}", markup=False, soft_wrap=True)
    if case is not None:
        out.print("  以首次为准，业务已据此进行 / the first holds, and the case goes by it", markup=False)
    if not one["open"]:
        out.print("  已由人核实 / a person has cleared it up", markup=False)
        return
    for step in _to_clear_up(one, case):
        out.print(f"  {step}", markup=False, soft_wrap=True)


def _to_clear_up(one: dict[str, Any], case: str | None) -> Iterator[str]:
    """What to do about two answers; without a case there is nothing here that went by either."""
    organisation = " ".join(_named(one["organisation"]))
    if case is None:
        yield f"请向机构核实所答复者何 / ask them what they answer: {organisation}"
    else:
        yield f"请向机构核实何者为真 / ask them which is true: {organisation}"
        yield f"若首次不实 / if it is not the first: → tongche case show {case} (resume | cancel | secure)"
    yield f"核实之后 / once you know: → tongche delivery clear-up {one['delivery']} --reason …"


def contradictions(organisations: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Where organisations contradicted themselves, and what to look at; of many, the newest."""
    for each in organisations:
        if each["contradicted"]:
            zh, en = _named(each["id"])
            count = each["contradicted"]
            yield f"{zh}对同一请求回送了相互矛盾的答复 / {en} called back answers that contradict each other: {count}"
        for one in each["contradictions"][:_CONTRADICTIONS]:
            yield f"  {moments.short(one['at'])}  {_contradicted(one)}"
            yield f"  → tongche delivery show {one['delivery']}"


def refusals(organisations: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What organisations called back and our door refused, or nobody can read: they may believe that they answered."""
    for each in organisations:
        zh, en = _named(each["id"])
        for one in each["refused"]:
            if one["why"] == "unread":
                yield f"{zh}回送的答复无法读懂 / call-backs of {en} could not be read: {one['number']}"
            else:
                yield f"{zh}回送的答复被拒绝 / call-backs of {en} were refused: {one['number']}"
            first, last = moments.short(one["since"]), moments.short(one["last_at"])
            yield f"  {_twice(words.reason(one['why']))}  自 / since {first}  末次 / last {last}"


def _contradicted(one: dict[str, Any]) -> str:
    number, last = one["others"], moments.short(one["other_at"])
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
        return f"尚未就绪，将再次询问 / not there yet, asked again at {moments.short(row['next_try_at'])}"
    state = words.delivery(row["state"])
    later = f"下次 / next {moments.short(row['next_try_at'])}" if row["next_try_at"] is not None else ""
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
