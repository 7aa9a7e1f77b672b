"""Who else subscribes: one who asks for more than it may have, and one whose time is over in the midst of it all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from joserfc import jwe, jwk
from joserfc.errors import JoseError

from services.stack.data import DataFolder
from tests.canaries.people import INSURER
from tests.canaries.town import Piece

REVOKED: Final = "automaker-data-tax"
"""A grant that an operator takes back before anything of it was told."""
_MORE: Final = """
[[subscribers]]
name = "nosy"
title = "过度索取的保险公司 / an insurer that asks for too much"
party = "I"
usccs = ["%(insurer)s"]
jurisdiction = []
key = %(key)s

[[subscribers.grants]]
id = "nosy-loans"
contract = "sale.confirmed"
version = 2
fields = ["vin", "buyer_name", "loan_amount"]
purpose = "好奇 / curiosity"
legal_basis = "contract"
from = 2024-01-01T00:00:00+08:00
until = 2032-01-01T00:00:00+08:00

[[subscribers.grants]]
id = "nosy-reasons"
contract = "sale.corrected"
version = 1
fields = ["vin", "reason"]
purpose = "好奇 / curiosity"
legal_basis = "contract"
from = 2024-01-01T00:00:00+08:00
until = 2032-01-01T00:00:00+08:00

[[subscribers.grants]]
id = "nosy-decisions"
contract = "loan.decided"
version = 1
fields = ["vin"]
purpose = "好奇 / curiosity"
legal_basis = "contract"
from = 2024-01-01T00:00:00+08:00
until = 2032-01-01T00:00:00+08:00

[[subscribers]]
name = "short"
title = "只授权片刻 / granted for a moment"
party = "T"
jurisdiction = []

[[subscribers.grants]]
id = "short-returns"
contract = "sale.returned"
version = 1
fields = ["vin", "returned_on"]
purpose = "退车退税审核 / refunds for returned cars"
legal_basis = "PTL 15"
from = 2024-01-01T00:00:00+08:00
until = 2026-03-02T09:01:00+08:00
"""


def subscribe(folder: DataFolder) -> None:
    """Enter them, before anything starts."""
    key = json.loads(folder.secrets.read_bytes())["subscriber_keys"]["insurer-one"]
    public = ", ".join(f'{name} = "{value}"' for name, value in key.items() if name != "d")
    with folder.subscribers.open("a", encoding="utf-8") as file:
        file.write(_MORE % {"insurer": INSURER, "key": f"{{ {public} }}"})


def opened(folder: DataFolder, records: Path) -> Iterator[Piece]:
    """What was sealed for subscribers, as each opens it with its own key. Nobody else's key opens it."""
    keys = json.loads(folder.secrets.read_bytes())["subscriber_keys"]
    for topic in sorted(records.glob("to.*.jsonl")):
        subscriber = next(_whose(topic.name, keys), "")
        for line in topic.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            sealed = json.loads(record["value"]).get("sealed")
            if sealed is None:
                continue
            type_ = record["headers"]["ce_type"].removeprefix("tongche.").rpartition(".v")[0]
            for name, key in keys.items():
                plain = _unsealed(sealed, key)
                assert (plain is not None) == (name == subscriber), f"{name} and the {type_} of {subscriber}"
                if plain is not None:
                    yield Piece(f"sealed:{name}:{type_}", plain)


def _unsealed(token: str, key: dict[str, Any]) -> bytes | None:
    try:
        return jwe.decrypt_compact(token, jwk.import_key(key), algorithms=["ECDH-ES", "A256GCM"]).plaintext
    except (JoseError, ValueError):
        return None


def _whose(topic: str, known: Any) -> Iterator[str]:
    """Whose topic it is."""
    return (name for name in sorted(known, key=len, reverse=True) if topic.startswith(f"to.{name}."))
