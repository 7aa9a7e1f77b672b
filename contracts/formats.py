"""The formats of our own that the JSON Schemas name: a document number each, checked as its module checks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from .numbers import ccc, certificate, customs_declaration, division, export_licence, hs, invoice, uscc, vin

FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "vin": vin.is_valid,
    "uscc": uscc.is_valid,
    "certificate": certificate.is_valid,
    "ccc": ccc.is_valid,
    "invoice": invoice.is_valid,
    "customs-declaration": customs_declaration.is_valid,
    "export-licence": export_licence.is_valid,
    "hs": hs.is_valid,
    "division": division.is_valid,
}
"""As any validator of JSON Schema takes them: whether a text is a number of that kind, written as people write it."""
