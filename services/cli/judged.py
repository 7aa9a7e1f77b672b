"""Whom a run of the kit is about and what it asks: what was typed is understood, or refused before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from adapters.spec import Adapter

WEB: Final = ("http", "https")
BY_FILES: Final = "sftp"
_TAX: Final = "purchase-tax"
"""The rule that a day's business rests on first."""


def organisation(adapter: Adapter, wanted: str | None) -> str:
    """The one that was named, or the first of its kind. Raises `TroubleError` for one of another kind, or none."""
    ours = _ids(adapter)
    if wanted is None:
        return ours[0]
    if wanted not in ours:
        raise TroubleError(
            f"{wanted} 不是 {adapter.name} 类机构",
            f"{wanted} is no organisation of {adapter.name}",
            fix=f"--organisation {' | '.join(ours)}",
        )
    return wanted


def at(adapter: Adapter, url: str, wanted: str | None) -> tuple[str, str]:
    """What stands before an organisation's id, and the id. An address with the id at its end says both.

    Raises `TroubleError`.
    """
    schemes = (*WEB, BY_FILES) if adapter.by_files else WEB
    _address("--url", url, schemes)
    before, _, last = url.rstrip("/").rpartition("/")
    if last not in _ids(adapter):
        return url, organisation(adapter, wanted)
    if wanted not in {None, last}:
        raise TroubleError(
            f"--url 以 {last} 结尾，而 --organisation 是 {wanted}",
            f"--url ends with {last}, and --organisation is {wanted}",
            fix=f"--url {before}",
        )
    return before, last


def files(adapter: Adapter, url: str | None, files_: str | None) -> str | None:
    """Where it takes files, if that is how it is spoken to; None for our simulated one. Raises `TroubleError`."""
    if not adapter.by_files:
        if files_ is not None:
            raise TroubleError(
                f"{adapter.name} 不以文件往来", f"{adapter.name} takes no files", fix="不要 / without --files"
            )
        return None
    if url is None and files_ is None:
        return None
    if files_ is None and url is not None and urlsplit(url).scheme != BY_FILES:
        raise TroubleError(
            f"{adapter.name} 以文件往来", f"{adapter.name} takes files", fix="--files sftp://user@host:port"
        )
    place = files_ or url or ""
    _address("--files", place, (BY_FILES,))
    return place


def cases(adapter: Adapter, only: Sequence[str]) -> tuple[str, ...]:
    """Cases and kinds, as they were named. Raises `TroubleError` where one of them is neither."""
    from services.conformance import catalogue

    there = catalogue.cases(adapter)
    known = {case.id for case in there} | {case.kind for case in there}
    unknown = [word for word in only if word not in known]
    if unknown:
        raise TroubleError(
            f"{adapter.name} 没有案例或类别 {', '.join(unknown)}",
            f"{adapter.name} has no case or kind {', '.join(unknown)}",
            fix=f"tongche conformance cases --agency {adapter.name}",
        )
    return tuple(only)


def business(day: date) -> date:
    """A day on which business can be done at all. Raises `TroubleError` where no rules of ours are in force on it."""
    from contracts.policy import loader

    packs = [pack for pack in loader.load().packs if pack.rule == _TAX]
    if not any(pack.on(day) for pack in packs):
        spans = ", ".join(f"{pack.effective_from} – {pack.effective_to}" for pack in packs)
        raise TroubleError(
            f"{day} 不在参考资料的期间内", f"{day} is outside the reference data", fix=f"--day YYYY-MM-DD: {spans}"
        )
    return day


def _ids(adapter: Adapter) -> list[str]:
    from adapters.organisations import ORGANISATIONS

    return [one.id for one in ORGANISATIONS.values() if one.adapter == adapter.name]


def _address(option: str, url: str, schemes: Sequence[str]) -> None:
    """Raises `TroubleError` for what is no address, and for what would not be used of it."""
    fix = f"{option} {' | '.join(f'{scheme}://host[:port]/…' for scheme in schemes)}"
    read = _read(url)
    if read is None or read.scheme not in schemes or not read.hostname:
        raise TroubleError(f"{option} 不是可用的地址", f"{option} is no address that can be asked", fix=fix)
    if read.query or read.fragment or "?" in url or "#" in url:
        raise TroubleError(
            f"{option} 不可带 ? 或 #", f"{option} has a query or a fragment, which nobody would be sent", fix=fix
        )
    if read.password is not None or (read.username is not None and read.scheme != BY_FILES):
        # What it says is not repeated: it may be somebody's.
        raise TroubleError(
            f"{option} 不可带用户名或口令", f"{option} holds a login: it would stand in logs and reports", fix=fix
        )


def _read(url: str) -> SplitResult | None:
    """An address in its parts; None where its host or port is none."""
    try:
        read = urlsplit(url)
        return None if read.port == 0 or any(one.isspace() for one in url) else read
    except ValueError:
        return None
