"""Which case a person means by a VIN, an id or an order number."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.running import Service
from services.cli.terminal import talk
from services.stack.trouble import TroubleError

Which = Annotated[str, typer.Argument(metavar="VIN|ID", help="车架号、业务号或订单号 / VIN, case id or order number")]


def case_of(console: Service, which: str) -> str:
    """The id of the case that is meant; of several the newest that is not over. Raises `TroubleError`."""
    found = console.ask("POST", "/api/search", {"q": which})["cases"]
    if not found:
        raise TroubleError(
            "没有这个业务", "there is no such case", fix="核对号码，或 / check the number, or: tongche case tail"
        )
    if len(found) > 1:
        talk.print(f"共 {len(found)} 项 / {len(found)} cases:", *(f"{each['id']} {each['headline']}" for each in found))
    live = (each for each in found if not each["closed_at"])
    return str(next(live, found[0])["id"])
