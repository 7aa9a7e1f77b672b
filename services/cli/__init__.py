"""`tongche VERB …`: what people and scripts type. One module a group of verbs, one line in the table a module."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass

import typer

from services.cli import terminal
from services.cli.usage import Verbs
from services.stack.trouble import TroubleError


@dataclass(frozen=True)
class Group:
    """A module of this package with a Typer `app`; without a name its verbs stand at the top."""

    module: str
    name: str | None = None


# Modules import what is slow inside their verbs, so that `tongche --help` answers at once.
GROUPS = (
    Group("demo"),
    Group("stack"),
    Group("sale", "sale"),
    Group("case", "case"),
    Group("delivery", "delivery"),
    Group("repair", "repair"),
    Group("policy", "policy"),
    Group("grant", "grant"),
    Group("disclosure", "disclosure"),
    Group("partner", "partner"),
    Group("webhook", "webhook"),
    Group("contracts", "contracts"),
    Group("topics", "topics"),
    Group("risk", "risk"),
    Group("check"),
    Group("conformance", "conformance"),
    Group("simulator", "simulator"),
    Group("chaos", "chaos"),
    Group("bench", "bench"),
)


def application() -> typer.Typer:
    """Put all verbs together."""
    app = typer.Typer(
        name="tongche",
        cls=Verbs,
        help="通车：一辆车从销售到上牌、出口的多机构消息中枢 / one vehicle's business between all its agencies",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for group in GROUPS:
        module = importlib.import_module(f"{__name__}.{group.module}")
        app.add_typer(module.app, name=group.name)
    return app


def main() -> None:
    """Run one verb; a trouble is shown as it stands, and as JSON where JSON was asked for."""
    terminal.speak_utf8()
    try:
        application()(prog_name=terminal.TYPED)
    except TroubleError as trouble:
        terminal.show(trouble, as_json=terminal.wants_json(sys.argv))
        sys.exit(terminal.FAILED)
