"""Invented sales: the same seed, the same cars. No person and no car of these exists.

Identifiers are well formed (their check digits hold); persons have sequence 000 and a phone prefix that is not
allocated, so that they can be nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from adapters.organisations import ORGANISATIONS
from contracts.numbers import resident_id, vin
from contracts.policy.purchase_tax import excl_vat

EXPORT_EVERY: Final = 8
"""One sale in so many leaves the country."""
REPEAT_EVERY: Final = 10
"""One sale in so many is published more than once, as a nervous sender does."""
VERSION_1_EVERY: Final = 12
"""One sale in so many comes from a publisher that still speaks version 1 (cash, at home)."""

LOAN_SHARE: Final = 0.45
CATALOGUE_SHARE: Final = 0.8
"""Of the plug-ins, how many the dealer says are in the reduction catalogue; MIIT alone knows."""

_LICENSED_HS: Final = "8703801090"
_OTHER_HS: Final = "8703234110"
_SERIAL: Final = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_DIVISIONS: Final = ("110105", "120104", "210102", "310115", "320400", "440300", "500105", "510107")
_DESTINATIONS: Final = ("DE", "TH", "BR", "AE", "NO")
_NAMES: Final = "王李张刘陈杨黄赵吴周"


@dataclass(frozen=True, slots=True)
class Model:
    """A model on sale: whose it is, its WMI, fuel, what it costs at least (fen), and how many motors drive it."""

    maker: str
    maker_uscc: str
    wmi: str
    name: str
    fuel: str
    seats: int
    mass: int
    displacement: int | None
    price: int
    motors: int = 0


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale as its publisher hands it in, and how often it does."""

    source: str
    sourceid: str
    type: str
    data: Mapping[str, Any]
    times: int = 1


MODELS: Final = (
    Model("比亚迪", "91440300MAPW444F2G", "LGX", "汉EV", "BEV", 5, 2100, None, 17_980_000, 2),
    Model("比亚迪", "91440300MAPW444F2G", "LGX", "海豹06 DM-i", "PHEV", 5, 1620, 1498, 10_980_000, 1),
    Model("吉利汽车", "91330200MATX9P939B", "LB3", "星越L", "ICE", 5, 1695, 1969, 13_720_000),
    Model("长安汽车", "91500105MAJQYKXJ0U", "LS5", "深蓝S07 增程", "EREV", 5, 1980, 1480, 14_990_000, 1),
    Model("上汽通用", "91310115MA1AL72L6U", "LSG", "别克GL8", "ICE", 7, 1860, 1999, 23_290_000),
    Model("特斯拉", "91310115MATK8DBH6C", "LRW", "Model Y", "BEV", 5, 1997, None, 26_350_000, 2),
    Model("广汽丰田", "91440100MAQ014P770", "LVG", "凯美瑞 双擎", "HEV", 5, 1610, 1987, 17_180_000),
)


def sales(count: int, random: Random, today: date, source: str, dealers: tuple[str, ...]) -> Iterator[Sale]:
    """So many sales of all kinds, sold today."""
    for number in range(1, count + 1):
        model = random.choice(MODELS)
        vehicle = _vehicle(number, model, random, today, random.choice(dealers))
        times = 5 if number % REPEAT_EVERY == 0 else 1
        sourceid = f"{vehicle['seller_uscc']}:{vehicle['order_no']}"
        if number % EXPORT_EVERY == EXPORT_EVERY - 1:
            data = vehicle | _price(model, random) | {"export": _export(model, random)}
            yield _newest(source, sourceid, data, times)
        elif number % VERSION_1_EVERY == 0:
            data = _one_motor(vehicle) | _buyer(random) | {"price": _price(model, random)["amount_incl"]}
            yield Sale(source, sourceid, "tongche.sale.confirmed.v1", data, times)
        else:
            price = _price(model, random)
            loan = {"loan": _loan(price["amount_incl"], random)} if random.random() < LOAN_SHARE else {}
            data = vehicle | price | {"buyer": _buyer(random)} | loan
            yield _newest(source, sourceid, data, times)


def _newest(source: str, sourceid: str, data: Mapping[str, Any], times: int) -> Sale:
    """In v3 where there is something that only v3 can say; dealers move on when they need to."""
    if len(data["motor_nos"]) > 1:
        return Sale(source, sourceid, "tongche.sale.confirmed.v3", data, times)
    return Sale(source, sourceid, "tongche.sale.confirmed.v2", _one_motor(data), times)


def _one_motor(data: Mapping[str, Any]) -> dict[str, Any]:
    """As versions before v3 have it: the first motor, where there is one."""
    told = {name: value for name, value in data.items() if name != "motor_nos"}
    return told | ({"motor_no": data["motor_nos"][0]} if data["motor_nos"] else {})


def _vehicle(number: int, model: Model, random: Random, today: date, dealer: str) -> dict[str, Any]:
    made = today - timedelta(days=random.randint(10, 90))
    plugged = model.motors > 0
    serial = f"{random.randrange(1_000_000):06}"
    engine = {"engine_no": f"EN{serial}{number:04}"} if model.fuel != "BEV" else {}
    motors = [f"TZ{serial}{number:04}", f"TY{serial}{number:04}"][: model.motors]
    displacement = {"displacement": model.displacement} if model.displacement else {}
    return {
        "order_no": f"DEMO{today:%Y%m%d}{random.randrange(10**8):08}-{number}",
        "vin": _vin(model.wmi, number, random),
        "coc_no": f"{model.wmi}{random.randrange(10**12):012}",
        **engine,
        "motor_nos": motors,
        "maker": model.maker,
        "model": model.name,
        "fuel_kind": model.fuel,
        "seats": model.seats,
        "curb_mass": model.mass,
        **displacement,
        "mfg_date": made.isoformat(),
        "nev_catalogue": plugged and random.random() < CATALOGUE_SHARE,
        "sold_on": today.isoformat(),
        "seller_uscc": dealer,
        "maker_uscc": model.maker_uscc,
    }


def _vin(wmi: str, number: int, random: Random) -> str:
    descriptor = "".join(random.choices(_SERIAL.replace("U", "").replace("Z", ""), k=5))
    draft = f"{wmi}{descriptor}0TA{random.randrange(100):02}{number % 10_000:04}"
    return f"{draft[:8]}{vin.check_digit(draft)}{draft[9:]}"


def _price(model: Model, random: Random) -> dict[str, int]:
    incl = model.price + random.randrange(0, 3_000_000, 50)
    excl = excl_vat(incl)
    return {"amount_incl": incl, "amount_excl": excl, "vat": incl - excl}


def _buyer(random: Random) -> dict[str, Any]:
    born = date(1960, 1, 1) + timedelta(days=random.randrange(16_000))
    draft = f"{random.choice(_DIVISIONS)}{born:%Y%m%d}000"
    return {
        "buyer_name": f"{random.choice(_NAMES)}样本",
        "buyer_id_type": "RESIDENT_ID",
        "buyer_id_no": draft + resident_id.check_digit(draft),
        "phone": f"154{random.randrange(10**8):08}",
        "region": random.choice(_DIVISIONS),
        "insurer_uscc": random.choice(_usccs("insurer")),
    }


def _loan(price: int, random: Random) -> dict[str, Any]:
    return {"lender_uscc": random.choice(_usccs("bank")), "loan_amount": price * random.choice((50, 60, 70)) // 100}


def _export(model: Model, random: Random) -> dict[str, Any]:
    return {
        "hs_code": _LICENSED_HS if model.fuel == "BEV" else _OTHER_HS,
        "destination": random.choice(_DESTINATIONS),
        "exporter_uscc": model.maker_uscc,
    }


def _usccs(agency: str) -> list[str]:
    return [one.uscc for one in ORGANISATIONS.values() if one.agency == agency and one.uscc is not None]
