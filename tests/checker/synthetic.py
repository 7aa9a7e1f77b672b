"""Evidence of sales that all went well, made with the contracts' own classes; a test may spoil it first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from contracts import case, certificate, delivery, export, insurance, loan, police, sale, tax, telemetry
from contracts.contract import Contract
from contracts.envelope import Envelope, encode, envelope_of, message
from contracts.keys import vehicle_key
from contracts.numbers import vin as vins
from contracts.registry import contract_of
from contracts.topics import COMMANDS, PARTITIONS

SaleKind = Literal["cash", "loan", "export"]
Line = dict[str, Any]

NOW: Final = datetime(2026, 5, 20, 12, tzinfo=UTC)
INSURER: Final = "91110000MAY1GEUH59"
OTHER_INSURER: Final = "91110000MANR1L2N7A"
LENDER: Final = "91110000MAT57WXL1C"
OTHER_LENDER: Final = "91110000MAU5K2AT1X"
SELLER: Final = "91610113MA5QN7M47X"
MAKER: Final = "91440300MAPW444F2G"
_SECRET: Final = b"synthetic secret of thirty-two b."
_DAY: Final = date(2026, 5, 20)
_IDS: Final = ("11010519491231002X", "440524188001010014", "34052419800101001X")


@dataclass(frozen=True)
class Car:
    """One sale's own values."""

    number: int
    kind: SaleKind
    returned: bool = False
    """Whether it is meant as the car that went back, which has a case of its own."""

    @property
    def vin(self) -> str:
        drawn = f"LZZTEST00TA{self.number:06d}"
        return drawn[:8] + vins.check_digit(drawn) + drawn[9:]

    @property
    def case(self) -> str:
        return f"{'return' if self.returned else 'case'}-{self.number}"

    @property
    def key(self) -> str:
        return vehicle_key(_SECRET, self.vin)

    @property
    def buyer_name(self) -> str:
        return "赵钱孙李周吴郑王冯陈"[self.number % 10] + "样本"

    @property
    def buyer_id_no(self) -> str:
        return _IDS[self.number % 3]

    @property
    def phone(self) -> str:
        return f"154{self.number:08d}"

    @property
    def plate_no(self) -> str:
        return f"渝AD{self.number:05d}"[:8]

    @property
    def loan_contract_no(self) -> str:
        return f"LC-2026-{self.number:06d}"

    @property
    def reg_cert_no(self) -> str:
        return f"50{self.number:010d}"


@dataclass
class Scene:
    """The parts of an evidence folder, as lists that may be changed."""

    cars: list[Car]
    history: list[Line] = field(default_factory=list)
    ledger: list[Line] = field(default_factory=list)
    requests: list[Line] = field(default_factory=list)
    trials: list[Line] = field(default_factory=list)
    topics: dict[str, list[Line]] = field(default_factory=dict)
    cases: list[Line] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=lambda: ['tongche_breaker_state{organisation="tax"} 0.0'])
    known_effects: int | None = None
    """How many effects stood in the ledger when the topics' ends were looked up; None: all of them."""
    _at: datetime = NOW - timedelta(hours=1)
    _ids: int = 0

    def write(self, folder: Path) -> Path:
        for name in ("publishers", "simulator", "topics", "logs", "metrics"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        _write(folder / "publishers" / "platform.history.jsonl", self.history)
        _write(folder / "simulator" / "ledger.jsonl", self.ledger)
        _write(folder / "simulator" / "requests.jsonl", self.requests)
        if self.trials:
            _write(folder / "simulator" / "trials.jsonl", self.trials)
        _write(folder / "cases.jsonl", self.cases)
        for topic, records in self.topics.items():
            _write(folder / "topics" / f"{topic}.jsonl", records)
        (folder / "logs" / "dispatch.log").write_text("\n".join(self.logs) + "\n", encoding="utf-8")
        (folder / "metrics" / "dispatch.prom").write_text("\n".join(self.metrics) + "\n", encoding="utf-8")
        effects = len(self.ledger) if self.known_effects is None else self.known_effects
        _write(folder / "reading.json", [{"at": NOW.isoformat(), "effects": effects}])
        return folder

    def effect(self, operation: str, car: int = 0) -> Line:
        """The one effect of that operation for that car."""
        (found,) = (
            line for line in self.ledger if line["operation"] == operation and line["vin"] == self.cars[car].vin
        )
        return found

    def case(self, car: int = 0) -> Line:
        (found,) = (line for line in self.cases if line["id"] == self.cars[car].case)
        return found

    def record(self, topic: str, contract: str, car: int = 0) -> Line:
        """The first record of that contract about that car."""
        return next(
            line
            for line in self.topics[topic]
            if line["key"] == self.cars[car].key and f".{contract}.v" in line["headers"]["ce_type"]
        )

    def command(self, name: str, car: int = 0) -> Envelope:
        """The envelope of the one command of that name about that car."""
        (found,) = (
            line
            for topic, lines in self.topics.items()
            for line in lines
            if topic.endswith(".commands") and line["key"] == self.cars[car].key and f".{name}.v" in _type_of(line)
        )
        return envelope_of((header, text.encode()) for header, text in found["headers"].items())

    def tick(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at

    def say(  # noqa: PLR0913 - what an envelope and a record have
        self,
        topic: str,
        car: Car,
        data: Contract,
        *,
        id_: str | None = None,
        cause: Envelope | None = None,
        sourceid: str | None = None,
        source: str = "urn:tongche:service:test",
        subject: str | None = None,
    ) -> Envelope:
        """Put a message on a topic, after all that are there."""
        self._ids += 1
        sent = message(
            data,
            id=id_ or f"id-{self._ids:06d}",
            source=source,
            subject=subject or car.case,
            time=self.tick(),
            cause=cause,
            sourceid=sourceid,
        )
        headers, value = encode(sent)
        told = {name: text.decode() for name, text in headers}
        self.put(topic, car.key, told, value.decode())
        return sent.envelope

    def put(self, topic: str, key: str, headers: Line, value: Any) -> None:
        """Put anything on a topic."""
        records = self.topics.setdefault(topic, [])
        partition = int(key[:8] or "0", 16) % PARTITIONS
        offset = sum(line["partition"] == partition for line in records)
        records.append(
            {
                "partition": partition,
                "offset": offset,
                "key": key,
                "headers": headers,
                "value": value,
                "timestamp": int(self._at.timestamp() * 1000),
            }
        )

    def ask(self, organisation: str, car: Car, data: Contract) -> Envelope:
        """Send a command that nobody has answered yet."""
        return self.say(f"{organisation}.commands", car, data)

    def do(self, organisation: str, car: Car, data: Contract, key: str, *, effect: bool = True) -> None:
        """Have an organisation receive it, and record what it did."""
        operation = contract_of(data)[0].name
        common = {"at": self.tick().isoformat(), "organisation": organisation, "operation": operation, "key": key}
        self.requests.append({**common, "traceparent": None, "status": 200})
        if effect:
            body = data.model_dump(mode="json", exclude_none=True)
            self.ledger.append({**common, "vin": car.vin, "body": body, "result": {}, "status": 200})

    def carry_out(self, organisation: str, car: Car, data: Contract) -> Envelope:
        """Ask for something once more, or for something that is undone, and have it done."""
        return self.exchange(organisation, car, data, answer_to(car, data))

    def exchange(self, organisation: str, car: Car, data: Contract, answer: Contract) -> Envelope:
        """A command, what the organisation did, its answer, and what became of the delivery."""
        name = contract_of(data)[0].name
        asked = self.ask(organisation, car, data)
        self.do(organisation, car, data, asked.id, effect=name not in _QUESTIONS)
        self.say(f"{COMMANDS[name].agency}.events", car, answer, cause=asked)
        self.tell(organisation, car, asked, revision=1, state="settled")
        return asked

    def tell(
        self, organisation: str, car: Car, asked: Envelope, *, topic: str = "delivery.events", **fate: Any
    ) -> None:
        """Say how a delivery stands."""
        name = asked.type.removeprefix("tongche.").rpartition(".v")[0]
        known = {"delivery_id": asked.id, "vin": car.vin, "organisation": organisation, "command": name}
        changed = delivery.DeliveryChangedV1.model_validate(known | {"revision": 1} | fate)
        self.say(topic, car, changed, cause=asked)


def _type_of(line: Line) -> str:
    return str(line["headers"]["ce_type"])


_QUESTIONS: Final = {"coc.query", "insurance.quote", "plate.track", "export.qualify", "export.track"}


def scene(kinds: Sequence[SaleKind] = ("cash", "loan", "export", "cash", "loan")) -> Scene:
    """A scene in which every sale has come to its end."""
    made = Scene([Car(number, kind) for number, kind in enumerate(kinds, start=1)])
    for car in made.cars:
        _sell(made, car)
        (_export if car.kind == "export" else _home)(made, car)
        _close(made, car)
        _observe(made, car)
    return made


def answer_to(car: Car, command: Contract) -> Contract:
    """What an agency says when it has done what it was asked."""
    return _ANSWERS[contract_of(command)[0].name](car)


def _sell(made: Scene, car: Car) -> None:
    confirmed = sale_of(car)
    source, sourceid = "urn:tongche:publisher:platform", f"P-{car.number}"
    made.say("sale.events", car, confirmed, id_=car.case, source=source, sourceid=sourceid)
    told = {"at": made.tick().isoformat(), "id": car.case, "source": source, "sourceid": sourceid, "vin": car.vin}
    made.history.append({**told, "status": "accepted"})
    made.history.append({**told, "status": "replayed"})


def sale_of(car: Car) -> sale.SaleConfirmedV2:
    """The sale as the door accepted it."""
    buyer = sale.Buyer(
        buyer_name=car.buyer_name,
        buyer_id_type="RESIDENT_ID",
        buyer_id_no=car.buyer_id_no,
        phone=car.phone,
        address=f"重庆市江北区样例路{car.number}号{car.number}单元",
        region="500105",
        insurer_uscc=INSURER,
    )
    leaving = sale.Export(hs_code="8703801090", destination="AE", exporter_uscc=MAKER)
    return sale.SaleConfirmedV2(
        **_vehicle(car),
        order_no=f"XS{car.number:06d}",
        coc_no="LZZ123456789012",
        maker="样例汽车",
        seats=5,
        curb_mass=1500,
        mfg_date=date(2026, 4, 1),
        nev_catalogue=True,
        sold_on=_DAY,
        seller_uscc=SELLER,
        maker_uscc=MAKER,
        amount_incl=22_600_000,
        amount_excl=20_000_000,
        vat=2_600_000,
        buyer=None if car.kind == "export" else buyer,
        loan=sale.Loan(lender_uscc=LENDER, loan_amount=10_000_000) if car.kind == "loan" else None,
        export=leaving if car.kind == "export" else None,
    )


def _vehicle(car: Car) -> dict[str, Any]:
    return {"vin": car.vin, "motor_no": "TZ213XS6034014", "model": "海豚", "fuel_kind": "BEV"}


def _certify(made: Scene, car: Car) -> None:
    confirmed = certificate.CocConfirmedV1(
        **_vehicle(car),
        coc_no="LZZ123456789012",
        coc_hash="0" * 64,
        seats=5,
        curb_mass=1500,
        mfg_date=date(2026, 4, 1),
        nev_catalogue=True,
    )
    made.exchange("miit", car, certificate.CocQueryV1(vin=car.vin, coc_no="LZZ123456789012"), confirmed)


def _home(made: Scene, car: Car) -> None:
    _certify(made, car)
    _invoice(made, car)
    if car.kind == "loan":
        _borrow(made, car)
    _pay_tax(made, car)
    _insure(made, car)
    _reserve(made, car)
    _register(made, car)
    if car.kind == "loan":
        _mortgage(made, car)
    _finish(made, car)


def _person(car: Car) -> dict[str, Any]:
    return {"buyer_name": car.buyer_name, "buyer_id_type": "RESIDENT_ID", "buyer_id_no": car.buyer_id_no}


def invoice_no(car: Car) -> str:
    """The number of a car's invoice."""
    return f"26500000{car.number:012d}"


_AMOUNTS: Final[dict[str, Any]] = {"amount_incl": 22_600_000, "amount_excl": 20_000_000, "vat": 2_600_000}


def _invoice(made: Scene, car: Car) -> None:
    made.exchange(
        "tax",
        car,
        tax.InvoiceRequestV1(
            vin=car.vin,
            coc_no="LZZ123456789012",
            motor_no="TZ213XS6034014",
            model="海豚",
            sold_on=_DAY,
            seller_uscc=SELLER,
            **_AMOUNTS,
            **_person(car),
        ),
        tax.InvoiceIssuedV1(vin=car.vin, invoice_no=invoice_no(car), invoice_date=_DAY, **_AMOUNTS),
    )


def _borrow(made: Scene, car: Car) -> None:
    made.exchange(
        f"bank-{LENDER}",
        car,
        loan.LoanApplyV1(
            vin=car.vin,
            model="海豚",
            invoice_no=invoice_no(car),
            invoice_date=_DAY,
            amount_incl=22_600_000,
            loan_amount=10_000_000,
            seller_uscc=SELLER,
            phone=car.phone,
            **_person(car),
        ),
        approval(car),
    )


def approval(car: Car) -> loan.LoanDecidedV1:
    """The bank's yes."""
    return loan.LoanDecidedV1(
        vin=car.vin, decision="APPROVED", loan_contract_no=car.loan_contract_no, loan_amount=10_000_000
    )


def tax_declaration(car: Car) -> tax.TaxDeclareV1:
    """The declaration of a car's purchase tax."""
    return tax.TaxDeclareV1(
        vin=car.vin,
        invoice_no=invoice_no(car),
        invoice_date=_DAY,
        coc_no="LZZ123456789012",
        amount_excl=20_000_000,
        relief_code="NEV",
        declared_on=_DAY,
        **_person(car),
    )


def tax_payment(car: Car) -> tax.TaxPayV1:
    """The payment of a car's purchase tax."""
    return tax.TaxPayV1(vin=car.vin, assessment_no=f"A{car.number}", amount_due=1_000_000)


def tax_assessment(car: Car) -> tax.TaxAssessedV1:
    """The tax office's answer to the declaration."""
    return tax.TaxAssessedV1(
        vin=car.vin, assessment_no=f"A{car.number}", tax_full=2_000_000, relief=1_000_000, tax_payable=1_000_000
    )


def tax_receipt(car: Car) -> tax.TaxPaidV1:
    """The tax office's answer to the payment."""
    return tax.TaxPaidV1(
        vin=car.vin,
        assessment_no=f"A{car.number}",
        tax_receipt_no=f"R{car.number}",
        amount_due=1_000_000,
        tax_paid_at=NOW,
    )


def _pay_tax(made: Scene, car: Car) -> None:
    made.carry_out("tax", car, tax_declaration(car))
    made.carry_out("tax", car, tax_payment(car))


def _insure(made: Scene, car: Car) -> None:
    quote = insurance.InsuranceQuoteV1(
        **_vehicle(car),
        seats=5,
        curb_mass=1500,
        invoice_no=invoice_no(car),
        invoice_date=_DAY,
        region="500105",
        start_date=_DAY,
    )
    quoted = insurance.InsuranceQuotedV1(vin=car.vin, quote_no=f"Q{car.number}", premium=95_000, vvt=0)
    made.exchange(f"insurer-{INSURER}", car, quote, quoted)
    made.carry_out(f"insurer-{INSURER}", car, binding(car))


def cover(car: Car) -> insurance.InsuranceBoundV1:
    """The insurer's answer to the binding."""
    return insurance.InsuranceBoundV1(
        vin=car.vin,
        policy_no=policy_no(car),
        insurer_uscc=INSURER,
        premium=95_000,
        vvt=0,
        start_date=_DAY,
        end_date=date(2027, 5, 19),
    )


def policy_no(car: Car) -> str:
    """The number of a car's policy."""
    return f"PDAA{car.number:010d}"


def binding(car: Car) -> insurance.InsuranceBindV1:
    """The command that takes a car's cover."""
    return insurance.InsuranceBindV1(
        vin=car.vin,
        quote_no=f"Q{car.number}",
        premium=95_000,
        vvt=0,
        start_date=_DAY,
        phone=car.phone,
        **_person(car),
    )


def _reserve(made: Scene, car: Car) -> None:
    reserved = police.PlateReservedV1(
        vin=car.vin,
        reservation_no=f"RS{car.number}",
        plate_no=car.plate_no,
        plate_kind="NEV_SMALL",
        reserved_until=NOW + timedelta(days=3),
    )
    wish = police.PlateReserveV1(vin=car.vin, fuel_kind="BEV", plate_kind="NEV_SMALL", region="500105", **_person(car))
    made.exchange("police", car, wish, reserved)


def registration(car: Car) -> police.RegistrationRegisterV1:
    """The command that registers a car."""
    return police.RegistrationRegisterV1(
        **_vehicle(car),
        seats=5,
        coc_no="LZZ123456789012",
        coc_hash="0" * 64,
        invoice_no=invoice_no(car),
        tax_settled=True,
        insured=True,
        reservation_no=f"RS{car.number}",
        region="500105",
        phone=car.phone,
        **_person(car),
    )


def _register(made: Scene, car: Car) -> None:
    registered = police.RegistrationRegisteredV1(
        vin=car.vin,
        reg_cert_no=car.reg_cert_no,
        reg_date=_DAY,
        plate_no=car.plate_no,
        plate_kind="NEV_SMALL",
    )
    made.exchange("police", car, registration(car), registered)


def _mortgage(made: Scene, car: Car) -> None:
    made.carry_out(f"bank-{LENDER}", car, signing(car))
    wish = police.MortgageRegisterV1(
        vin=car.vin,
        reg_cert_no=car.reg_cert_no,
        lender_uscc=LENDER,
        loan_contract_no=car.loan_contract_no,
        cosign_no=f"GT{car.number}",
        **_person(car),
    )
    made.exchange("police", car, wish, police.MortgageRegisteredV1(vin=car.vin, mortgage_no=f"M{car.number}"))


def signing(car: Car) -> loan.MortgageCosignV1:
    """The command that has the lender sign the joint application."""
    return loan.MortgageCosignV1(
        vin=car.vin, loan_contract_no=car.loan_contract_no, reg_cert_no=car.reg_cert_no, plate_no=car.plate_no
    )


def settle(made: Scene, car: Car) -> None:
    """The bank gives notice that the loan is paid back; it knows of no case."""
    made.say(
        "bank.events",
        car,
        loan.LoanSettledV1(vin=car.vin, loan_contract_no=car.loan_contract_no, settled_on=_DAY),
        sourceid=f"JQ-{car.number}",
        source=f"urn:tongche:dispatch:bank-{LENDER}",
        subject=car.key,
    )


def release(car: Car) -> police.MortgageReleaseV1:
    """The command that takes a car's mortgage off the record."""
    return police.MortgageReleaseV1(vin=car.vin, mortgage_no=f"M{car.number}", lender_uscc=LENDER, settled_on=_DAY)


def tax_reclaim(car: Car) -> tax.TaxReclaimV1:
    """The command that asks a car's tax back."""
    return tax.TaxReclaimV1(
        vin=car.vin,
        assessment_no=f"A{car.number}",
        reclaim_basis="PTL-15" if car.returned else "TCL-51",
        returned_on=_DAY if car.returned else None,
        refund_asked=1_000_000,
        reason="cancelled",
    )


def cover_end(car: Car) -> insurance.InsuranceCancelV1:
    """The command that ends a car's cover."""
    ground: Literal["DEREGISTERED", "NOT_REGISTERED"] = "DEREGISTERED" if car.returned else "NOT_REGISTERED"
    return insurance.InsuranceCancelV1(vin=car.vin, policy_no=policy_no(car), cancel_ground=ground, reason="cancelled")


def revocation(car: Car) -> police.ElicenceRevokeV1:
    """The command that takes a car's electronic licence back."""
    return police.ElicenceRevokeV1(vin=car.vin, elicence_no="E1", reason="returned")


def deregistration(car: Car) -> police.RegistrationDeregisterV1:
    """The command that strikes a car off the register."""
    return police.RegistrationDeregisterV1(
        vin=car.vin, reg_cert_no=car.reg_cert_no, plate_no=car.plate_no, dereg_ground="RETURNED", returned_on=_DAY
    )


_TAKEN_BACK: Final[dict[str, tuple[str, Callable[[Car], Contract]]]] = {
    "mortgage": ("police", release),
    "licence": ("police", revocation),
    "register": ("police", deregistration),
    "cover": (f"insurer-{INSURER}", cover_end),
    "tax": ("tax", tax_reclaim),
}


def give_back(made: Scene, sold: Car, order: Sequence[str]) -> Car:
    """A registered car goes back: what is taken back in this order, and its case, which is closed then."""
    car = replace(sold, returned=True)
    for name in order:
        organisation, command = _TAKEN_BACK[name]
        made.carry_out(organisation, car, command(car))
    _close(made, car)
    return car


def _finish(made: Scene, car: Car) -> None:
    endorse = insurance.InsuranceEndorseV1(vin=car.vin, policy_no=policy_no(car), plate_no=car.plate_no)
    endorsed = insurance.InsuranceEndorsedV1(vin=car.vin, policy_no=policy_no(car), plate_no=car.plate_no)
    made.exchange(f"insurer-{INSURER}", car, endorse, endorsed)
    licence = police.ElicenceIssueV1(vin=car.vin, plate_no=car.plate_no, reg_cert_no=car.reg_cert_no)
    made.exchange("police", car, licence, police.ElicenceIssuedV1(vin=car.vin, elicence_no="E1", issued_at=NOW))
    parcel = police.PlateDispatchV1(
        vin=car.vin, plate_no=car.plate_no, region="500105", buyer_name=car.buyer_name, phone=car.phone
    )
    made.exchange("police", car, parcel, police.PlateDispatchedV1(vin=car.vin, tracking_no="SF1"))
    delivered = police.PlateDeliveredV1(vin=car.vin, tracking_no="SF1", delivered_at=NOW)
    made.exchange("police", car, police.PlateTrackV1(vin=car.vin, tracking_no="SF1"), delivered)


def _export(made: Scene, car: Car) -> None:
    _certify(made, car)
    goods: dict[str, Any] = {"exporter_uscc": MAKER, "hs_code": "8703801090", "destination": "AE"}
    model: dict[str, Any] = {"vin": car.vin, "model": "海豚", "fuel_kind": "BEV"}
    made.exchange(
        "commerce",
        car,
        export.ExportQualifyV1(maker_uscc=MAKER, **model, **goods),
        export.ExportQualifiedV1(vin=car.vin, qualification_no="QN1"),
    )
    made.exchange(
        "commerce",
        car,
        export.LicenceApplyV1(maker_uscc=MAKER, qualification_no="QN1", applied_on=_DAY, **model, **goods),
        export.LicenceIssuedV1(
            vin=car.vin, licence_no="26-AA-100256", licence_qty=1, licence_used=0, licence_expiry=_DAY
        ),
    )
    declaration = f"22332026000{car.number:07d}"
    made.exchange(
        "customs",
        car,
        export.ExportDeclareV1(curb_mass=1500, motor_no="TZ213XS6034014", **model, **goods),
        export.ExportReleasedV1(vin=car.vin, decl_no=declaration, decl_date=_DAY),
    )
    made.exchange(
        "customs",
        car,
        export.ExportTrackV1(vin=car.vin, decl_no=declaration),
        export.ExportExitedV1(vin=car.vin, decl_no=declaration, exited_on=_DAY),
    )


_ANSWERS: Final[dict[str, Callable[[Car], Contract]]] = {
    "invoice.request": lambda car: tax.InvoiceIssuedV1(
        vin=car.vin, invoice_no=invoice_no(car), invoice_date=_DAY, **_AMOUNTS
    ),
    "invoice.reverse": lambda car: tax.InvoiceReversedV1(
        vin=car.vin, invoice_no=invoice_no(car), red_invoice_no=f"26600000{car.number:012d}"
    ),
    "tax.declare": tax_assessment,
    "tax.pay": tax_receipt,
    "tax.reclaim": lambda car: tax.TaxRefundedV1(vin=car.vin, assessment_no=f"A{car.number}", refund=1_000_000),
    "insurance.bind": cover,
    "insurance.cancel": lambda car: insurance.InsuranceCancelledV1(
        vin=car.vin, policy_no=policy_no(car), refund=95_000
    ),
    "loan.apply": approval,
    "loan.withdraw": lambda car: loan.LoanWithdrawnV1(vin=car.vin, loan_contract_no=car.loan_contract_no),
    "plate.release": lambda car: police.PlateReleasedV1(vin=car.vin, reservation_no=f"RS{car.number}"),
    "mortgage.cosign": lambda car: loan.MortgageCosignedV1(
        vin=car.vin, loan_contract_no=car.loan_contract_no, cosign_no=f"GT{car.number}"
    ),
    "elicence.revoke": lambda car: police.ElicenceRevokedV1(vin=car.vin, elicence_no="E1"),
    "registration.deregister": lambda car: police.RegistrationDeregisteredV1(
        vin=car.vin, reg_cert_no=car.reg_cert_no, dereg_no=f"ZX{car.number}", dereg_date=_DAY
    ),
    "mortgage.release": lambda car: police.MortgageReleasedV1(vin=car.vin, mortgage_no=f"M{car.number}"),
}
_FACETS: Final[dict[SaleKind, dict[str, str]]] = {
    "cash": {
        "order": "CONFIRMED",
        "coc": "AVAILABLE",
        "invoice": "ISSUED",
        "tax": "PAID",
        "ins": "ENDORSED",
        "loan": "NOT_NEEDED",
        "plate": "ASSIGNED",
        "reg": "REGISTERED",
        "mort": "NOT_NEEDED",
        "elic": "ISSUED",
        "delivery": "DONE",
    },
    "export": {
        "order": "CONFIRMED",
        "coc": "AVAILABLE",
        "qualification": "QUALIFIED",
        "licence": "LICENSED",
        "declaration": "EXITED",
    },
    "loan": {},
}
_FACETS["loan"] = {**_FACETS["cash"], "loan": "APPROVED", "mort": "REGISTERED"}
_RETURNED: Final = {
    "order": "CONFIRMED",
    "mort": "NOT_NEEDED",
    "elic": "REVOKED",
    "reg": "DEREGISTERED",
    "ins": "CANCELLED",
    "tax": "REFUNDED",
}


def _close(made: Scene, car: Car) -> None:
    kind: case.CaseKind = "export-new" if car.kind == "export" else "returned-car" if car.returned else "new-car"
    packs = ("EXP-BEV-54/2025",) if car.kind == "export" else ("NEV-26", "CTPL-2020", "PTL-2019", "VVT", "CAL-2026")
    stood = _RETURNED if car.returned else _FACETS[car.kind]
    facets = tuple(case.Facet(name=name, state=state) for name, state in stood.items())
    common: dict[str, Any] = {
        "vin": car.vin,
        "order_no": f"XS{car.number:06d}",
        "kind": kind,
        "opened_at": made.tick(),
        "facets": facets,
    }
    opened = case.CaseChangedV1(version=1, headline="OPEN", changed_at=made.tick(), **common)
    closed = case.CaseChangedV1(
        version=2, headline="CLOSED", changed_at=made.tick(), closed_at=made.tick(), policy_packs=packs, **common
    )
    made.say("case.events", car, opened)
    made.say("case.events", car, closed)
    told = closed.model_dump(mode="json", exclude={"steps", "policy_packs", "code"})
    made.cases.append({"id": car.case, **told})


def _observe(made: Scene, car: Car) -> None:
    span = telemetry.Span(
        trace_id=f"{car.number:032x}",
        span_id=f"{car.number:016x}",
        name="process tax.commands",
        kind="consumer",
        service="dispatch",
        start_ns=1_779_278_400_000_000_000,
        end_ns=1_779_278_400_100_000_000,
        case_id=car.case,
        attributes={"messaging.kafka.message.key": car.key},
    )
    made.say("telemetry.spans", car, telemetry.TelemetrySpansV1(spans=(span,)))
    made.logs.append(json.dumps({"event": "settled", "case_id": car.case, "key": car.key}))


def _write(file: Path, lines: Sequence[Line]) -> None:
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
