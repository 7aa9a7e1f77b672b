"""What is wrong on `to.<subscriber>.<topic>` is found: planted into a scene in which everybody got what is theirs."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.concerns import Concerns
from contracts.subscription import SubscriptionEndedV1, SubscriptionWithheldV1
from services.checker import BrokenEvidence, Verdict, check
from tests.checker.synthetic import INSURER, LENDER, NOW, OTHER_INSURER, Line, Scene, scene

BANKS, INSURERS, TAX = "to.bank.police.events", "to.insurer.sale.events", "to.tax.sale.events"
LATER: Final = NOW + timedelta(minutes=30)
_FOREVER: Final = "from = 2020-01-01T00:00:00+08:00\nuntil = 2032-01-01T00:00:00+08:00"
SUBSCRIBERS: Final = f"""
[[subscribers]]
name = "insurer"
title = "an insurer"
party = "I"
usccs = ["{INSURER}"]
jurisdiction = []
key = {{ kty = "EC", crv = "P-256", x = "x", y = "y" }}
[[subscribers.grants]]
id = "insurer-sales"
contract = "sale.confirmed"
version = 2
fields = ["vin", "motor_no", "amount_incl", "nev_catalogue", "buyer_name", "phone", "coc_no"]
purpose = "cover"
legal_basis = "contract"
{_FOREVER}

[[subscribers]]
name = "other"
title = "another insurer"
party = "I"
usccs = ["{OTHER_INSURER}"]
jurisdiction = ["31"]
[[subscribers.grants]]
id = "other-sales"
contract = "sale.confirmed"
version = 2
fields = ["vin"]
purpose = "cover"
legal_basis = "contract"
{_FOREVER}

[[subscribers]]
name = "bank"
title = "a bank"
party = "B"
usccs = ["{LENDER}"]
jurisdiction = []
[[subscribers.grants]]
id = "bank-mortgages"
contract = "mortgage.registered"
version = 1
fields = ["vin"]
purpose = "security"
legal_basis = "contract"
{_FOREVER}

[[subscribers]]
name = "tax"
title = "a tax office"
party = "T"
jurisdiction = []
[[subscribers.grants]]
id = "tax-sales"
contract = "sale.confirmed"
version = 1
fields = ["vin", "price"]
purpose = "tax"
legal_basis = "PTL 3"
{_FOREVER}
"""


@dataclass
class Shown:
    """A scene with subscribers: what they were shown, what is on record of it, and how grants stand."""

    made: Scene
    disclosures: list[Line] = field(default_factory=list)
    grants: list[Line] = field(default_factory=list)
    file: str = SUBSCRIBERS

    def judged(self, folder: Path) -> Verdict:
        self.write(folder)
        return check(folder, LATER)

    def write(self, folder: Path) -> None:
        self.made.write(folder)
        (folder / "subscribers.toml").write_text(self.file, encoding="utf-8")
        for name, lines in (("grants", self.grants), ("disclosures", self.disclosures)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def view(self, topic: str, number: int = 0) -> Line:
        """What stands there as the how-manieth."""
        return self.made.topics[topic][number]

    def change(self, topic: str, **fields: Any) -> None:
        """Say something else in the first view there; None takes a field out."""
        record = self.view(topic)
        told = json.loads(record["value"]) | fields
        record["value"] = json.dumps({name: value for name, value in told.items() if value is not None})


def sealed(head: Line | None = None) -> str:
    """What nobody can open here, and looks as it should."""
    told = head or {"alg": "ECDH-ES", "enc": "A256GCM", "epk": {}}
    return f"{urlsafe_b64encode(json.dumps(told).encode()).rstrip(b'=').decode()}..bm9uY2U.Y29udGVudA.dGFn"


def shown() -> Shown:
    """Each got what is theirs."""
    made = Shown(scene())
    _concern(made.made)
    for source, topic, grant, type_, content in _due(made.made):
        headers = source["headers"]
        told = {name: headers[name] for name in ("ce_specversion", "ce_id", "ce_subject", "ce_time") if name in headers}
        name = topic.split(".")[1]
        told |= {"ce_type": type_, "ce_dataschema": f"urn:tongche:schema:to.{name}.{type_}", "ce_grant": grant}
        _put(made.made, topic, source, told | {"ce_source": "urn:tongche:projection"}, content)
        fields = {**content, "buyer_name": 1, "phone": 1} if "sealed" in content else content
        fields = {field: "full" for field in fields if field != "sealed"}
        at = source["timestamp"] / 1000
        made.disclosures.append({"message": headers["ce_id"], "grant": grant, "at": at, "fields": fields})
    for grant in ("insurer-sales", "other-sales", "bank-mortgages", "tax-sales"):
        made.grants.append({"id": grant, "opened_at": 0.0, "revoked_at": None, "ended_at": None})
    return made


def _concern(made: Scene) -> None:
    for topic in ("sale.events", "police.events"):
        for record in made.topics[topic]:
            car = next(car for car in made.cars if car.key == record["key"])
            home = Concerns(region="500105", insurer=INSURER, lender=LENDER if car.kind == "loan" else "")
            record["headers"]["ce_concerns"] = str(Concerns(seller=INSURER) if car.kind == "export" else home)


def _due(made: Scene) -> Iterator[tuple[Line, str, str, str, Line]]:
    for record in made.topics["sale.events"]:
        told = json.loads(record["value"])
        if "buyer" in told:
            clear = {"vin": told["vin"], "motor_no": told["motor_no"], "amount_incl": "200000-300000"}
            mine = clear | {"nev_catalogue": True, "coc_no": "****9012", "sealed": sealed()}
            yield record, INSURERS, "insurer-sales", "tongche.sale.confirmed.v2", mine
            price = {"vin": told["vin"], "price": told["amount_incl"]}
            yield record, TAX, "tax-sales", "tongche.sale.confirmed.v1", price
        else:
            word = SubscriptionWithheldV1(
                subscriber="tax",
                grant_id="tax-sales",
                message_id=record["headers"]["ce_id"],
                message_type=record["headers"]["ce_type"],
                zh="无法表达",
                en="cannot be said",
            )
            _say(made, TAX, record, word)
    for record in made.topics["police.events"]:
        if record["headers"]["ce_type"] == "tongche.mortgage.registered.v1":
            vin = {"vin": json.loads(record["value"])["vin"]}
            yield record, BANKS, "bank-mortgages", "tongche.mortgage.registered.v1", vin


def _put(made: Scene, topic: str, source: Line, headers: Line, content: Line) -> None:
    made.put(topic, source["key"], headers, json.dumps(content))
    made.topics[topic][-1]["timestamp"] = source["timestamp"] + 50


def _say(made: Scene, topic: str, source: Line, word: SubscriptionEndedV1 | SubscriptionWithheldV1) -> None:
    car = next(car for car in made.cars if car.key == source["key"])
    made.say(topic, car, word)
    made.topics[topic][-1]["timestamp"] = source["timestamp"] + 50


def _ended(made: Shown) -> None:
    """Its end was told before the last of it."""
    first = made.view(INSURERS)
    end = SubscriptionEndedV1(
        subscriber="insurer",
        grant_id="insurer-sales",
        contract="sale.confirmed",
        ended_at=NOW,
        why="revoked",
        zh="已撤销",
        en="revoked",
    )
    _say(made.made, INSURERS, first, end)


def _header(topic: str, **headers: str) -> Callable[[Shown], None]:
    return lambda made: made.view(topic)["headers"].update(headers)


def _field(topic: str, **fields: Any) -> Callable[[Shown], None]:
    return lambda made: made.change(topic, **fields)


def _revoked(made: Shown) -> None:
    made.grants[0]["revoked_at"] = 0.0


def _lapsed(made: Shown) -> None:
    made.file = SUBSCRIBERS.replace("until = 2032", "until = 2021", 1)


def _too_much(made: Shown) -> None:
    """The grant asks for what the matrix denies to insurers, and is served all the same."""
    made.file = SUBSCRIBERS.replace('"phone", "coc_no"]', '"phone", "coc_no", "loan_amount"]')


def _of_the_banks_decision(made: Shown) -> None:
    """The tax office is told that a bank decided about a car, though not what."""
    grant = '[[subscribers.grants]]\nid = "tax-loans"\ncontract = "loan.decided"\nversion = 1\nfields = ["vin"]\n'
    made.file += f'{grant}purpose = "tax"\nlegal_basis = "PTL 3"\n{_FOREVER}\n'
    source = next(one for one in made.made.topics["bank.events"] if "loan.decided" in one["headers"]["ce_type"])
    source["headers"]["ce_concerns"] = str(Concerns(region="500105", lender=LENDER))
    type_, grant = source["headers"]["ce_type"], "tax-loans"
    told = {"ce_type": type_, "ce_dataschema": f"urn:tongche:schema:to.tax.{type_}", "ce_grant": grant}
    told |= {name: source["headers"][name] for name in ("ce_specversion", "ce_id", "ce_subject", "ce_time")}
    vin = {"vin": json.loads(source["value"])["vin"]}
    _put(made.made, "to.tax.bank.events", source, told | {"ce_source": "urn:tongche:projection"}, vin)
    at = source["timestamp"] / 1000
    made.disclosures.append({"message": told["ce_id"], "grant": grant, "at": at, "fields": {"vin": "full"}})
    made.grants.append({"id": grant, "opened_at": 0.0, "revoked_at": None, "ended_at": None})


def _keyless(made: Shown) -> None:
    made.file = SUBSCRIBERS.replace('key = { kty = "EC", crv = "P-256", x = "x", y = "y" }\n', "")


def _to_another(made: Shown) -> None:
    """A row of one insurer goes to another."""
    copy = json.loads(json.dumps(made.view(INSURERS)))
    copy["headers"] |= {
        "ce_grant": "other-sales",
        "ce_dataschema": "urn:tongche:schema:to.other.tongche.sale.confirmed.v2",
    }
    copy["value"] = json.dumps({"vin": json.loads(copy["value"])["vin"]})
    made.made.topics["to.other.sale.events"] = [copy]


def _anothers_grant(made: Shown) -> None:
    made.view(BANKS)["headers"]["ce_grant"] = "tax-sales"


def _forgotten(made: Shown) -> None:
    made.made.topics[BANKS].pop(0)


def _all_forgotten(made: Shown) -> None:
    made.made.topics[BANKS] = []


def _withheld_in_silence(made: Shown) -> None:
    topic = made.made.topics[TAX]
    topic[:] = [record for record in topic if "withheld" not in record["headers"]["ce_type"]]


def _swapped(made: Shown) -> None:
    """Two messages about one car, the later one first."""
    for topic in ("sale.events", INSURERS):
        records = made.made.topics[topic]
        again = json.loads(json.dumps(records[0]))
        again["offset"], again["timestamp"] = 1000, again["timestamp"] + 5
        again["headers"]["ce_id"] = "again"
        records.append(again)
    made.made.topics[INSURERS][-1]["offset"] = -1
    made.made.topics[INSURERS].insert(0, made.made.topics[INSURERS].pop())
    row = next(row for row in made.disclosures if row["grant"] == "insurer-sales")
    made.disclosures.append(row | {"message": "again"})


def _another_key(made: Shown) -> None:
    made.view(BANKS)["key"] = "0" * 32


def _unrecorded(made: Shown) -> None:
    made.disclosures.pop()


def _recorded_in_part(made: Shown) -> None:
    made.disclosures[0]["fields"].pop("buyer_name")


PLANTED: Final[dict[str, tuple[Callable[[Shown], None], set[str]]]] = {
    "a field that was not asked for": (_field(INSURERS, seats=5), {"view-denied-field"}),
    "a field of another party": (_field(INSURERS, loan_amount=1), {"view-denied-field"}),
    "an attribute of ours": (_header(INSURERS, ce_concerns="insurer=x"), {"view-denied-field"}),
    "a publisher's own id": (_header(INSURERS, ce_sourceid="P-1"), {"view-denied-field"}),
    "a loss of which it did not ask": (_header(TAX, ce_lost="battery_excl,loan"), {"view-denied-field"}),
    "a loss in the version that lost nothing": (_header(INSURERS, ce_lost="battery_excl"), {"view-denied-field"}),
    "not masked": (_field(INSURERS, amount_incl=22_600_000), {"view-unmasked"}),
    "masked too little": (_field(INSURERS, coc_no="****6789012"), {"view-unmasked"}),
    "a person in clear": (_field(INSURERS, buyer_name="钱样本"), {"view-unsealed", "denied-value"}),
    "nothing sealed": (_field(INSURERS, sealed=None), {"view-unsealed"}),
    "sealed in name only": (_field(INSURERS, sealed="eyJhbGciOiJub25lIn0..a.b.c"), {"view-unsealed"}),
    "sealed with another cipher": (
        _field(INSURERS, sealed=sealed({"alg": "ECDH-ES", "enc": "none"})),
        {"view-unsealed"},
    ),
    "another version": (_header(INSURERS, ce_type="tongche.sale.confirmed.v1"), {"view-other-version"}),
    "another schema": (_header(TAX, ce_dataschema="urn:x"), {"view-other-version"}),
    "another's row": (_to_another, {"view-of-others"}),
    "under another's grant": (_anothers_grant, {"view-of-others", "view-missing"}),
    "never published": (_header(BANKS, ce_id="nobody"), {"view-of-nothing", "view-missing"}),
    "a grant that asks for too much": (_too_much, {"view-of-others"}),
    "that a bank decided": (_of_the_banks_decision, {"view-of-others"}),
    "a grant without the key it needs": (_keyless, {"view-of-others"}),
    "after the revocation": (_revoked, {"view-after-end"}),
    "after its time": (_lapsed, {"view-after-end"}),
    "after its last word": (_ended, {"view-after-end"}),
    "forgotten": (_forgotten, {"view-missing"}),
    "all forgotten": (_all_forgotten, {"view-missing"}),
    "withheld in silence": (_withheld_in_silence, {"view-missing"}),
    "a field that is missing": (_field(TAX, price=None), {"view-altered"}),
    "a field with another value": (_field(TAX, price=1), {"view-altered"}),
    "another key": (_another_key, {"views-reordered"}),
    "no record": (_unrecorded, {"view-undisclosed"}),
    "a record of less": (_recorded_in_part, {"view-undisclosed"}),
}


def test_who_got_what_is_theirs_is_clean(tmp_path: Path) -> None:
    """Full, masked and sealed, in the version that was pinned, each on record; and word of what cannot be said."""
    verdict = shown().judged(tmp_path)
    assert verdict.clean, verdict.findings


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_view_is_found(tmp_path: Path, name: str) -> None:
    """Each fault by its own name."""
    spoil, expected = PLANTED[name]
    made = shown()
    spoil(made)
    verdict = made.judged(tmp_path)
    assert {finding.what for finding in verdict.findings} == expected, verdict.findings


def test_another_order_is_found(tmp_path: Path) -> None:
    """Also where what was published twice is a fault of its own."""
    made = shown()
    _swapped(made)
    assert "views-reordered" in {finding.what for finding in made.judged(tmp_path).findings}


def test_what_is_young_is_on_its_way(tmp_path: Path) -> None:
    """A subscriber that has not got the message of this minute has not lost it."""
    made = shown()
    made.made.topics[BANKS] = []
    made.write(tmp_path)
    assert check(tmp_path, NOW - timedelta(minutes=59)).counts["lost"] == 0


def test_what_is_sent_again_is_no_new_order(tmp_path: Path) -> None:
    """At least once: after a crash the same comes again, behind what came after it."""
    made = shown()
    first = json.loads(json.dumps(made.view(INSURERS)))
    first["offset"], first["timestamp"] = 1000, first["timestamp"] + 10_000
    made.made.topics[INSURERS].append(first)
    assert made.judged(tmp_path).clean


@pytest.mark.parametrize("part", ["subscribers.toml", "grants.jsonl", "disclosures.jsonl"])
def test_views_without_what_they_rest_on_are_no_verdict(tmp_path: Path, part: str) -> None:
    """The easiest way to a clean run must not be to collect nothing."""
    shown().write(tmp_path)
    (tmp_path / part).unlink()
    with pytest.raises(BrokenEvidence, match=part):
        check(tmp_path, LATER)


def test_no_finding_about_views_tells_a_value(tmp_path: Path) -> None:
    """A finding may be shown to anybody."""
    made = shown()
    made.change(INSURERS, buyer_name="钱样本", amount_incl=22_600_000)
    told = json.dumps(made.judged(tmp_path).as_json(), ensure_ascii=False)
    assert "钱样本" not in told
    assert "22600000" not in told
