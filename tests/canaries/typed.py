"""What people type afterwards, and what that shows them or writes into files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from services.cli import application
from services.stack.running import Running
from tests.canaries.people import SELLER
from tests.canaries.places import files
from tests.canaries.play import CARS, PEOPLE
from tests.canaries.town import Piece


def typed(stack: Running, into: Path) -> Iterator[Piece]:
    """Every verb that tells of cases, subscribers or stores, and every export."""
    app, runner, data = application(), CliRunner(), str(stack.folder.root)
    vin, nobody = CARS["loan"].vin, PEOPLE["refused"]
    verbs: list[tuple[str, ...]] = [
        ("case", "show", vin, "--why"),
        ("case", "trace", vin),
        ("case", "show", nobody.phone),
        ("delivery", "list"),
        ("grant", "list"),
        ("grant", "check", str(stack.folder.subscribers)),
        ("disclosure", "list", "--vin", vin, "--all"),
        ("policy", "explain", vin),
        ("status",),
        ("check",),
        ("risk", "report", "--to", str(into / "risk" / "report.html")),
    ]
    for words in verbs:
        (into / "risk").mkdir(exist_ok=True)
        told = runner.invoke(app, [*words, "--data", data, "--json"])
        yield Piece(f"typed:{words[0]} {words[1]}" if len(words) > 1 else f"typed:{words[0]}", told.output.encode())
    told = runner.invoke(app, ["contracts", "export", "--to", str(into / "contracts"), "--data", data, "--json"])
    assert told.exit_code == 0, f"{told.output}{told.exception!r}"
    for file in files(into):
        yield Piece(f"export:{file.relative_to(into).parts[0]}", file.read_bytes())
    for name in ("contracts", "risk"):
        assert any((into / name).iterdir()), name


def published(stack: Running, file: Path) -> Piece:
    """A file published by typing, with a row that is refused."""
    person = PEOPLE["refused"]
    header = "销售单号,车架号,购车人,手机号,经销商统一社会信用代码"
    file.write_text(
        f"{header}\n{person.name},{person.id_no},{person.name},{person.phone}x,{SELLER}\n", encoding="utf-8"
    )
    told = CliRunner().invoke(application(), ["sale", "publish", str(file), "--data", str(stack.folder.root), "--json"])
    return Piece("typed:sale publish", told.output.encode())
