"""`partner …`: an agency of a new kind, from an empty folder to the day it answers itself, and its keys."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import going_live, moments, proofs
from services.cli.finding import GUIDE, Named, adapter_of
from services.cli.terminal import FAILED, Data, Json, answer, folder, is_typed, out
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from adapters.organisations import Organisation
    from adapters.quality import Checked
    from adapters.spec import Adapter
    from services.conformance.run import Run
    from services.runtime.live import Act

app = typer.Typer(help="接入机构 / agencies of a new kind", no_args_is_help=True)

_SIGNS: Final = {"done": "✓", "todo": "…", "exempt": "–"}


@app.command()
def new(  # noqa: PLR0913 - each is an option
    name: Annotated[str, typer.Argument(metavar="NAME", help="目录名 / its folder: a-z, then a-z, 0-9, _")],
    *,
    like: Annotated[str, typer.Option("--like", help="先照此机构行事 / as which it speaks to begin with")],
    uscc: Annotated[
        str | None, typer.Option("--uscc", help="统一社会信用代码，缺省虚构 / its USCC; invented where none is given")
    ] = None,
    zh: Annotated[str | None, typer.Option("--zh", help="中文名 / its name in Chinese")] = None,
    en: Annotated[str | None, typer.Option("--en", help="英文名 / its name in English")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="缺省为本代码的 adapters/ / else into adapters/ of this code"),
    ] = None,
    as_json: Json = False,
) -> None:
    """新建一个机构目录：样例、测试、名册、模拟用词 / a folder for a new agency, whose tests pass as it stands."""
    from services.cli import scaffold

    made = scaffold.partner(name, like, uscc, zh, en)
    into = (to or Path(str(files("adapters")))).expanduser().resolve()
    written = scaffold.write(made, into)
    out.print(f"{into / name}：{len(written)} 个文件 / files", markup=False, soft_wrap=True)
    out.print(f"{made.organisation}  {made.zh}  {made.en}", markup=False, soft_wrap=True)
    if not made.is_met:
        told = f"销售一律发往 {made.agency}，这里先行试用 / sales go to {made.agency}: other words are tried here"
        out.print(told, markup=False, soft_wrap=True)
    out.print(f"→ {GUIDE}; tongche partner test {name}", markup=False, soft_wrap=True)
    if as_json:
        answer(
            {
                "name": name,
                "like": like,
                "organisation": made.organisation,
                "folder": str(into / name),
                "files": written,
            }
        )


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """全部机构：用词、是否自行应答、何人何时 / every organisation: whose words it speaks, whether it is live."""
    from adapters.organisations import ORGANISATIONS

    home = folder(data)
    if is_typed() and not home.root.is_dir():
        raise TroubleError(f"没有 {home.root}", f"there is no {home.root}", fix="--data DIR")
    live = {act.organisation: act for act in going_live.acts(home)}
    told = [_row(one, live.get(one.id)) for one in ORGANISATIONS.values()]
    for row in told:
        head = f"{row['organisation']}  {row['adapter']}（{row['style']}）  {row['zh']} / {row['en']}"
        out.print(head, markup=False, soft_wrap=True)
        out.print(f"    {_standing(row)}", markup=False, soft_wrap=True)
    if as_json:
        answer({"organisations": told})


def _standing(row: Mapping[str, Any]) -> str:
    """Where it answers, since when, and who switched it there."""
    if row["url"] is None:
        return going_live.SIMULATED
    practice = going_live.STANDS_IN if row["stand_in"] else ""
    return f"{moments.whole(row['since'])}  {row['by']}  {row['url']}{practice}"


def _row(one: Organisation, last: Act | None) -> dict[str, Any]:
    from adapters.registry import ADAPTERS

    return {
        "organisation": one.id,
        "adapter": one.adapter,
        "style": ADAPTERS[one.adapter].binding.style.name,
        "zh": one.zh,
        "en": one.en,
        "url": last.url if last else None,
        "since": last.at.isoformat() if last else None,
        "by": last.by if last else None,
        "stand_in": last.stand_in if last else False,
    }


@app.command()
def test(name: Named, as_json: Json = False) -> None:  # noqa: PT028 - a verb
    """样例、质量清单、对其模拟的检测 / its recorded exchanges, its quality list, the kit at its simulator.

    不需要任何运行中的服务 / needs nothing that runs.
    """
    from adapters import fixtures, quality

    adapter = adapter_of(name)
    try:
        checked = quality.checked(adapter)
    except quality.UnreadableListError as problem:
        raise TroubleError(f"质量清单有误：{problem}", f"the quality list is none: {problem}", fix=GUIDE) from None
    except fixtures.UnreadableFixtureError as problem:
        raise TroubleError(f"样例有误：{problem}", f"a recorded exchange is none: {problem}", fix=GUIDE) from None
    _show(checked)
    # What is not as it was recorded would only be found once more, and less clearly.
    found = None if checked.broken else _simulated(adapter)
    if as_json:
        answer(
            {
                "adapter": adapter.name,
                "fixtures": len(checked.recorded),
                "rules": {rule: claim.status for rule, claim in checked.claims.items()},
                "broken": checked.broken,
                "conformance": found and {"passed": found.passed, "failed": found.failed, "skipped": found.skipped},
            }
        )
    raise typer.Exit(FAILED if found is None or found.failed else 0)


def _show(checked: Checked) -> None:
    from adapters.quality import RULES

    for rule in RULES:
        claim, wrong = checked.claims[rule.id], checked.wrong[rule.id]
        sign = "✗" if wrong else _SIGNS[claim.status]
        out.print(f"{sign} {rule.id}: {rule.zh} / {rule.en}", markup=False, soft_wrap=True)
        for each in (*wrong, *filter(None, [claim.comment])):
            out.print(f"    {each}", markup=False, soft_wrap=True)
    faults = len(checked.broken)
    reading = "（样例 → 所得 / recorded → made）" if faults else ""
    recorded = f"{len(checked.recorded)} 个样例 / recorded exchanges"
    out.print(f"{recorded}，{faults} 处不符 / faults{reading}", markup=False)


def _simulated(adapter: Adapter) -> Run:
    """What the kit finds at its simulator, with keys and books of their own."""
    from adapters.unfit import unfit
    from services.cli import conformance
    from services.simulator.dialect import dialect_of
    from services.stack import credentials
    from services.stack.data import DataFolder

    try:
        dialect_of(adapter.name)
    except ValueError as wrong:
        told = unfit(adapter.name, "simulator.toml", wrong)
        raise TroubleError(f"模拟用词有误：{told}", f"no words for the simulator: {told}", fix=GUIDE) from None
    with tempfile.TemporaryDirectory(prefix="tongche-partner-") as place:
        home = DataFolder(Path(place))
        credentials.ensure(home)
        found = conformance.simulated(adapter, home)
    conformance.show(found)
    return found


app.command()(proofs.keys)
app.command()(proofs.identity)
app.command()(going_live.live)
