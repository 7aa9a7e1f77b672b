"""`topics list|ensure`: the Kafka topics of the table."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from services.cli import terminal
from services.cli.terminal import Data, Json, answer, out, talk
from services.stack.plan import settings_of

app = typer.Typer(help="Kafka 主题 / topics", no_args_is_help=True)


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """主题表 / every topic of this installation: partitions, writer, purpose, retention."""
    from services.runtime.topics import topics_of

    topics = topics_of(settings_of(terminal.folder(data)))
    table = Table("主题 / topic", "分区 / partitions", "写入方 / owner", "用途 / purpose", "保留 / retention", box=None)
    for topic in topics:
        table.add_row(topic.name, str(topic.partitions), topic.owner, topic.purpose, f"{topic.retention.days} d")
    if as_json:
        answer({"topics": [{"name": one.name, "partitions": one.partitions, "owner": one.owner} for one in topics]})
    else:
        out.print(table)


@app.command()
def ensure(
    data: Data = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="不输出 / say nothing")] = False,
) -> None:
    """建立缺少的主题 / create what is missing, waiting for the broker. Safe to repeat."""
    from services.runtime.topics import ensure as create

    asyncio.run(create(settings_of(terminal.folder(data))))
    if not quiet:
        talk.print("主题就绪 / the topics are there")
    if as_json:
        answer({"ensured": True})
