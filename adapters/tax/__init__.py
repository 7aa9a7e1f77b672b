"""The tax office 税务: sales invoices and the purchase tax. Simulated: no interface is published.

How it is spoken to is modelled on public descriptions of others, see `adapters.bindings.signed_rest`: every request is
sealed, taken in with 202, and asked for by our own serial number until it is carried out or refused.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.signed_rest import RESULT, SIGNED_REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Later, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

_LATER: Final = Later(Endpoint("POST", "/liushui/chaxun"), mapping.query, every=timedelta(milliseconds=200))

ADAPTER: Final = Adapter(
    name="tax",
    features=Features.IDEMPOTENT,
    binding=SIGNED_REST,
    seal="jws",
    errors=Errors(
        field=RESULT,
        done=frozenset({"SW0000"}),
        codes={
            "SW4000": final("V102"),
            "SW4040": retried("D404"),
            "SW4041": retried("D404"),
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
            later=_LATER,
        ),
        Operation(
            command=COMMANDS["invoice.reverse"],
            endpoint=Endpoint("POST", "/fapiao/hongchong"),
            request=mapping.red_letter_application,
            response=mapping.red_letter,
            later=_LATER,
            echoes=("vin", "invoice_no"),
        ),
        Operation(
            command=COMMANDS["tax.declare"],
            endpoint=Endpoint("POST", "/gouzhishui/shenbao"),
            request=mapping.declaration,
            response=mapping.assessment,
            later=_LATER,
        ),
        Operation(
            command=COMMANDS["tax.pay"],
            endpoint=Endpoint("POST", "/gouzhishui/jiaokuan"),
            request=mapping.payment,
            response=mapping.receipt,
            later=_LATER,
            echoes=("vin", "assessment_no"),
        ),
        Operation(
            command=COMMANDS["tax.reclaim"],
            endpoint=Endpoint("POST", "/gouzhishui/tuishui"),
            request=mapping.refund_application,
            response=mapping.refund,
            later=_LATER,
            echoes=("vin", "assessment_no"),
        ),
    ),
)
