"""`contracts list|show|check|diff|freeze|export|dictionary`: what is said, in which versions, what a change breaks."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from rich.text import Text

from services.cli import catalogue, comparing
from services.cli.comparing import sheet
from services.cli.finding import version_of
from services.cli.terminal import Data, Json, answer, out

app = typer.Typer(help="契约及其版本 / contracts and their versions", no_args_is_help=True)

_KINDS: Final = {"command": "命令 command", "event": "事件 event"}


@app.command("list")
def list_(as_json: Json = False) -> None:
    """全部契约 / every contract: versions, kind, owner, and what a change of it owes to others."""
    from contracts.published import published
    from contracts.registry import CONTRACTS
    from services.compatibility.gate import mode_of

    revisions = [(one.contract, one.version, one.revision) for one in published()]
    rows: list[dict[str, Any]] = [
        {
            "contract": versions.name,
            "versions": versions.newest,
            "revisions": sum(name == versions.name for name, _, _ in revisions),
            "kind": versions.kind,
            "owner": versions.owner,
            "mode": mode_of(versions).value,
            "purpose": versions.purpose,
        }
        for versions in CONTRACTS.values()
    ]
    if as_json:
        answer({"contracts": rows})
        return
    table = sheet("契约\ncontract", "版本\nversions", "冻结\nfrozen", "种类\nkind", "归属\nowner", "方式\nmode")
    for row in rows:
        counts = (str(row["versions"]), str(row["revisions"]))
        table.add_row(row["contract"], *counts, _KINDS[row["kind"]], row["owner"], row["mode"])
    out.print(table)


@app.command()
def show(
    which: Annotated[str, typer.Argument(metavar="CONTRACT|TYPE|URN", help="例 / such as sale.confirmed, …v2, urn:…")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """一个版本的字段 / the fields of one version; of a contract, its newest. --json: its JSON Schema.

    A URN may name a subscriber's view as well: urn:tongche:schema:to.SUBSCRIBER.TYPE, as its messages do.
    """
    from contracts.schemas import schema_of

    schema = catalogue.view_schema(which, data) or schema_of(*version_of(which))
    if as_json:
        answer(schema)
        return
    kind, owner, purpose = (schema[f"x-tongche-{name}"] for name in ("kind", "owner", "purpose"))
    out.print(Text.assemble((schema["title"], "bold"), f"  {_KINDS[kind]}  {owner}"))
    out.print(Text(f"{purpose}\n{schema['description']}\n{schema['$id']}", "dim"), soft_wrap=True)
    table = sheet("字段 field", "类型 type", "单位 unit", "级别 class", "说明 meaning")
    for name, said, optional in _fields(schema, schema):
        field = Text(name, "dim" if optional else "bold")
        meaning = str(said.get("description", "")).replace(" / ", "\n", 1)
        grade = " ".join(filter(None, (said.get("x-tongche-grade"), said.get("x-tongche-personal"))))
        table.add_row(field, _type(said), said.get("x-tongche-unit", ""), grade, meaning)
    out.print(table)


app.command()(comparing.check)
app.command()(comparing.diff)
app.command()(comparing.freeze)
app.command()(catalogue.export)
app.command()(catalogue.dictionary)


def _fields(
    schema: dict[str, Any], document: dict[str, Any], prefix: str = ""
) -> list[tuple[str, dict[str, Any], bool]]:
    """The fields of a message, those of its parts with a dotted name: name, schema, whether it may be absent."""
    rows = []
    for name, said in schema.get("properties", {}).items():
        rows.append((prefix + name, said, name not in schema.get("required", ())))
        for part in (said, said.get("items", {}), said.get("contentSchema", {}), *said.get("anyOf", ())):
            # A view has its groups where they stand, and tells what is sealed as the content of a text.
            inner = document["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
            rows += _fields(inner, document, f"{prefix}{name}.")
    return rows


def _type(said: dict[str, Any]) -> str:
    """In few words: what a programmer wants to know first."""
    plain = next((one for one in said.get("anyOf", ()) if one.get("type") != "null"), said)
    if "enum" in plain or "const" in plain:
        return "\n".join(map(str, plain.get("enum", [plain.get("const")])))
    if "$ref" in plain:
        return str(plain["$ref"]).rsplit("/", 1)[1]
    if plain.get("type") == "array":
        return f"{_type(plain.get('items', {}))}[]"
    return str(plain.get("format") or plain.get("type", ""))
