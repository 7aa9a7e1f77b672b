"""The tax office 税务: sales invoices and the purchase tax. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="tax",
    features=Features.IDEMPOTENT,
    binding=REST,
    errors=Errors(
        field="cuoWuMa",
        codes={
            "SW4000": final("V102"),
            "SW4040": retried("D404"),
            "SW4080": final("T408"),
            "SW4100": final("C410"),
            "SW4120": final("P412"),
            "SW4220": final("D422"),
            "SW4221": final("T422"),
            "SW5030": slows("T503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["invoice.request"],
            endpoint=Endpoint("POST", "/fapiao/kaiju"),
            request=mapping.invoice_application,
            response=mapping.invoice,
        ),
        Operation(
            command=COMMANDS["invoice.reverse"],
            endpoint=Endpoint("POST", "/fapiao/hongchong"),
            request=mapping.red_letter_application,
            response=mapping.red_letter,
            echoes=("vin", "invoice_no"),
        ),
        Operation(
            command=COMMANDS["tax.declare"],
            endpoint=Endpoint("POST", "/gouzhishui/shenbao"),
            request=mapping.declaration,
            response=mapping.assessment,
        ),
        Operation(
            command=COMMANDS["tax.pay"],
            endpoint=Endpoint("POST", "/gouzhishui/jiaokuan"),
            request=mapping.payment,
            response=mapping.receipt,
            echoes=("vin", "assessment_no"),
        ),
        Operation(
            command=COMMANDS["tax.reclaim"],
            endpoint=Endpoint("POST", "/gouzhishui/tuishui"),
            request=mapping.refund_application,
            response=mapping.refund,
            echoes=("vin", "assessment_no"),
        ),
    ),
)
