"""`disclosure list`: who was shown what about whom, when, for what purpose and on what basis."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from contracts.types import CHINA
from services.cli import moments
from services.cli.asking import Projection
from services.cli.terminal import Data, Json, answer, out

app = typer.Typer(help="对外提供记录 / disclosures", no_args_is_help=True)

_SHOWN: Final = 20
_PAGE: Final = 500


def _day(text: str) -> datetime:
    """The beginning of a day in China."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=CHINA)
    except ValueError:
        raise typer.BadParameter("须为日期，如 2026-11-21 / a day, as 2026-11-21") from None


def _vin(text: str | None) -> str | None:
    from contracts.numbers import vin

    if text is not None and not vin.is_valid(text):
        raise typer.BadParameter("不是有效的 VIN / this is no VIN")
    return text


def _many(number: int) -> int:
    if not 1 <= number <= _PAGE:
        raise typer.BadParameter(f"须为 1 至 {_PAGE} / from 1 to {_PAGE}")
    return number


@app.callback()
def disclosures() -> None:
    """对外提供记录 / disclosures: kept for three years."""


@app.command("list")
def list_(  # noqa: PLR0913 - each is an option
    *,
    vin: Annotated[str | None, typer.Option("--vin", help="只看该车 / of one vehicle", callback=_vin)] = None,
    subscriber: Annotated[str | None, typer.Option("--subscriber", help="只看该订阅方 / to one subscriber")] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", metavar="DAY", parser=_day, help="只看该日起 / since that day began in China"),
    ] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="几条 / how many", callback=_many)] = _SHOWN,
    everything: Annotated[bool, typer.Option("--all", help="全部，逐页取 / all of them, page by page")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """最新的在前 / the newest first: to whom, which fields, about which message, why."""
    moment_ = None if since is None else since.isoformat()
    named = {"vin": vin, "subscriber": subscriber, "since": moment_}
    wanted = {name: value for name, value in named.items() if value is not None}
    told = _whole(data, wanted) if everything else _page(data, wanted | {"most": number})
    for one in told["disclosures"]:
        _show(one)
    if not told["disclosures"]:
        out.print("没有记录 / none on record")
    if told["next"]:
        out.print("→ --all", markup=False)
    if as_json:
        answer(told)


def _page(data: Path | None, wanted: dict[str, Any]) -> Any:
    about = "tongche disclosure list --help"
    return Projection(data).ask("POST", "/v1/disclosures/search", wanted, about=about)


def _whole(data: Path | None, wanted: dict[str, Any]) -> dict[str, Any]:
    wanted = wanted | {"most": _PAGE}
    page = _page(data, wanted)
    rows = list(page["disclosures"])
    while page["next"]:
        page = _page(data, wanted | {"after": page["next"]})
        rows += page["disclosures"]
    return {"disclosures": rows, "next": None}


def _show(one: dict[str, Any]) -> None:
    """Three lines: who and what, which fields, why."""
    head = f"{moments.short(one['at'])}  {one['subscriber']}  {one['contract']} v{one['version']}  {one['case']}"
    fields = " ".join(name if how == "full" else f"{name}({how})" for name, how in one["fields"].items())
    out.print(head, markup=False, soft_wrap=True)
    out.print(f"    {fields or '（未提供字段 / no field）'}", markup=False, soft_wrap=True)
    out.print(f"    {one['grant']}  {one['purpose']}  {one['legal_basis']}", markup=False, soft_wrap=True)
