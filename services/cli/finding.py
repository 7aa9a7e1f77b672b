"""Which case, organisation, adapter or version of a contract a person means by what they typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.running import Service
from services.cli.terminal import talk
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from adapters.organisations import Organisation
    from adapters.spec import Adapter
    from contracts.versions import Versions

GUIDE: Final = "docs/ADDING_AN_AGENCY.md"

Which = Annotated[str, typer.Argument(metavar="VIN|ID", help="车架号、业务号或订单号 / VIN, case id or order number")]

Named = Annotated[str, typer.Argument(metavar="NAME", help="适配器或机构 / the adapter, or the organisation's id")]


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


def organisation_of(name: str) -> Organisation:
    """The one of that id, or the one that the adapter of that name speaks to. Raises `TroubleError`."""
    from adapters.organisations import ORGANISATIONS, UNFIT

    if name in UNFIT:
        raise TroubleError(
            f"适配器 {name} 不能装载：{UNFIT[name]}", f"the adapter {name} cannot be loaded: {UNFIT[name]}", fix=GUIDE
        )
    if name in ORGANISATIONS:
        return ORGANISATIONS[name]
    meant = [one for one in ORGANISATIONS.values() if one.adapter == name]
    if len(meant) == 1:
        return meant[0]
    if meant:
        several = " | ".join(one.id for one in meant)
        raise TroubleError(
            f"{name} 有 {len(meant)} 家机构", f"{name} speaks to {len(meant)} organisations", fix=several
        )
    raise TroubleError(f"没有机构 {name}", f"there is no organisation {name}", fix="tongche partner list")


def adapter_of(name: str) -> Adapter:
    """The one of that name, or that of the organisation. Raises `TroubleError`."""
    from adapters.registry import ADAPTERS

    found: Adapter | None = ADAPTERS.get(name)
    return ADAPTERS[organisation_of(name).adapter] if found is None else found


def version_of(which: str) -> tuple[Versions, int]:
    """A version by CloudEvents type or URN; the newest by a contract's name. Raises `TroubleError`."""
    from contracts.envelope import SCHEMA_BASE
    from contracts.registry import CONTRACTS, UnknownType, resolve

    name = which.removeprefix(SCHEMA_BASE).removeprefix("tongche.")
    if name in CONTRACTS:
        return CONTRACTS[name], CONTRACTS[name].newest
    try:
        return resolve(f"tongche.{name}")
    except UnknownType:
        raise TroubleError(
            f"没有契约 {which}", f"no contract is called {which}", fix="tongche contracts list"
        ) from None
