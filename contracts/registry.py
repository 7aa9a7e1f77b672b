"""Every contract, in one place. A new contract is a module, and its entries here."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from . import case, certificate, delivery, export, insurance, loan, police, refusal, sale, subscription, tax, telemetry
from .contract import Contract
from .versions import Versions

_MODULES: Final = (
    sale,
    certificate,
    tax,
    insurance,
    loan,
    police,
    export,
    refusal,
    case,
    delivery,
    subscription,
    telemetry,
)
_TYPE: Final = re.compile(r"tongche\.([a-z_]+\.[a-z_]+)\.v([1-9][0-9]{0,3})")


class UnknownType(LookupError):
    """No contract has this CloudEvents type."""


CONTRACTS: Final = {
    versions.name: versions
    for module in _MODULES
    for versions in vars(module).values()
    if isinstance(versions, Versions)
}


@lru_cache(maxsize=256)
def resolve(type_: str) -> tuple[Versions, int]:
    """The contract and version number behind a CloudEvents type. Raises `UnknownType`."""
    match = _TYPE.fullmatch(type_)
    versions = CONTRACTS.get(match[1]) if match else None
    if match is None or versions is None or int(match[2]) > versions.newest:
        raise UnknownType(type_[:200])
    return versions, int(match[2])


def contract_of(data: Contract) -> tuple[Versions, int]:
    """The contract and version number of an instance. Raises `UnknownType`."""
    found = _BY_MODEL.get(type(data))
    if found is None:
        raise UnknownType(type(data).__name__)
    return found


_BY_MODEL: Final = {
    model: (versions, number)
    for versions in CONTRACTS.values()
    for number, model in enumerate(versions.models, start=1)
}
