"""A synthetic sale that the simulated agencies can carry all the way: what e02 and e03 publish."""

# ruff: noqa: INP001 - a folder of examples, not a package
from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from contracts.numbers import vin

PUBLISHER = "platform"
"""In a fresh installation; its token is in the data folder's secrets.json under `publisher_tokens`."""
SOURCE = f"urn:tongche:publisher:{PUBLISHER}"
TYPE = "tongche.sale.confirmed.v2"


def a_sale(serial: int, today: date) -> dict[str, Any]:
    """The `data` of a sale at home, in cash: car number `serial`, sold today. Money is in fen."""
    number = f"LB3N92JX0TG99{serial:04d}"
    return {
        "order_no": f"EXAMPLE-{serial:04d}",
        "vin": number[:8] + vin.check_digit(number) + number[9:],
        "coc_no": f"LB368278254{serial:04d}",
        "engine_no": f"JLH99{serial:04d}",
        "maker": "吉利汽车",
        "model": "星越L",
        "fuel_kind": "ICE",
        "seats": 5,
        "curb_mass": 1695,
        "displacement": 1969,
        "mfg_date": str(today - timedelta(days=30)),
        "nev_catalogue": False,
        "sold_on": str(today),
        "seller_uscc": "91330106MAQF5GE83R",
        "maker_uscc": "91330200MATX9P939B",
        "amount_incl": 14_570_000,
        "amount_excl": 12_893_805,
        "vat": 1_676_195,
        "buyer": {
            "buyer_name": "赵样本",
            "buyer_id_type": "RESIDENT_ID",
            "buyer_id_no": "330106199303280005",
            "phone": "15469187910",
            "region": "500105",
            "insurer_uscc": "91110000MAY1GEUH59",
        },
    }
