"""`risk report`: how many persons are held where, against the law's thresholds, as a document to be signed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from services.cli import progress
from services.cli.running import Running, Service, running
from services.cli.terminal import Data, Json, answer, out, talk
from services.stack import reasons
from services.stack.plan import SERVICES
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.catalogue.risk import Gathered

app = typer.Typer(help="风险评估 / the yearly risk assessment", no_args_is_help=True)

_PATIENCE_S: Final = 600.0
"""Counting a large database takes its time."""
_PLAYED: Final = "simulator"
"""Holds the agencies' own books, not ours."""


To = Annotated[
    Path,
    typer.Option(
        "--to", metavar="FILE", help="写入的 HTML 文件或目录，旁有同名 JSON / an HTML file or a folder; JSON beside it"
    ),
]


@app.command()
def report(
    to: To,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """各存储所涉人数、分级、对外提供、授权与期限，供负责人签字 / persons by store, classes, disclosures, grants."""
    from services.catalogue import assessment, risk

    page = _place(to.expanduser())
    stack = running(data)
    with progress.telling("统计 / counting") as told:
        gathered = _gathered(stack, told)
    found = risk.report(gathered)
    written = {page: assessment.page(found), page.with_suffix(".json"): json.dumps(found, ensure_ascii=False, indent=1)}
    _write(written)
    _show(found)
    talk.print("  ".join(map(str, written)), markup=False, soft_wrap=True)
    if as_json:
        answer(found)


def _place(to: Path) -> Path:
    """The page: in a folder that is there under its own name. Raises `TroubleError` before anything is counted."""
    page = to / "risk.html" if to.is_dir() else to.with_suffix(".html")
    if not page.parent.is_dir():
        raise TroubleError(f"没有目录 {page.parent}", f"there is no folder {page.parent}", fix="--to FILE")
    return page


def _gathered(stack: Running, told: Any) -> Gathered:
    """Ask every service for what it holds, Kafka for the topics, the projection for who was shown what."""
    from contracts.types import instant_text
    from services.catalogue.risk import YEAR, Counted, Gathered, topics_of_grants
    from services.runtime import census
    from services.runtime.topics import topics_of

    told("services")
    holding = [service for service in SERVICES if service.name != _PLAYED]
    services = {service.name: _asked(stack.service(service.url), "/holdings") for service in holding}
    projection, now = stack.service("projection"), stack.settings.clock.now()
    grants = _asked(projection, "/v1/grants")["grants"]
    told("topics")
    topics = {topic.name: topic for topic in (*topics_of(stack.settings), *topics_of_grants(grants))}
    counted = asyncio.run(census.count(stack.settings, tuple(topics.values())))
    told("projection")
    return Gathered(
        now,
        services,
        {topics[name]: Counted(held.records, held.cases, held.persons, held.oldest) for name, held in counted.items()},
        grants,
        _asked(projection, f"/v1/disclosures/by-recipient?since={instant_text(now - YEAR)}")["recipients"],
        _copies(stack),
    )


def _asked(service: Service, path: str) -> Any:
    with service.answered("GET", path, None, _PATIENCE_S) as reply:
        text = reply.read()
    if reply.status != 200:  # noqa: PLR2004 - of HTTP
        raise TroubleError(
            f"{service.name} 未提供 {path}（{reply.status}）",
            f"{service.name} did not tell {path} ({reply.status})",
            fix="tongche down; tongche up",
        )
    return json.loads(text)


def _copies(stack: Running) -> dict[str, int]:
    """What the checker has gathered and left there: with how many cases."""
    from services.stack import evidence

    cases = stack.folder.root / "evidence" / "cases.jsonl"
    return {"evidence": evidence.lines_in(cases)} if cases.exists() else {}


def _write(written: dict[Path, str]) -> None:
    try:
        for file, text in written.items():
            file.write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise reasons.unwritten(wrong.filename, wrong, fix="--to FILE") from None


def _show(found: dict[str, Any]) -> None:
    table = Table("存储\nstore", "级别\nclass", "业务\ncases", "人数 ≤\npersons", "距 10 万\nmargin", box=None)
    for store in found["stores"]:
        if store["persons"] and (store["kind"] != "database" or "." not in store["store"]):
            cells = (store["grade"], store["cases"], store["persons"], store["margins"][0])
            table.add_row(store["store"], *map(str, cells))
    out.print(table)
    for threshold in found["thresholds"]:
        state = "已超过 / reached" if threshold["reached"] else f"未达，余 / not reached, {threshold['margin']} left"
        out.print(f"{threshold['persons']} 人: {state}", markup=False)
    out.print(f"须处理 / to decide: {len(found['findings'])}", markup=False)
