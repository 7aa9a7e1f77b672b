"""Insurers 保险公司: compulsory cover with the vessel tax withheld. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="insurer",
    features=Features.IDEMPOTENT,
    binding=REST,
    errors=Errors(
        field="errCode",
        codes={
            "E1001": final("V101"),
            "E1002": final("V102"),
            "E2004": retried("D404"),
            "E2012": final("P412"),
            "E2022": final("D422"),
            "E9003": slows("I503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["insurance.quote"],
            endpoint=Endpoint("POST", "/compulsory/quotations"),
            request=mapping.quotation_request,
            response=mapping.quotation,
        ),
        Operation(
            command=COMMANDS["insurance.bind"],
            endpoint=Endpoint("POST", "/compulsory/policies"),
            request=mapping.proposal,
            response=mapping.policy,
            echoes=("vin", "start_date"),
        ),
        Operation(
            command=COMMANDS["insurance.endorse"],
            endpoint=Endpoint("POST", "/compulsory/endorsements"),
            request=mapping.endorsement,
            response=mapping.endorsed,
            echoes=("vin", "policy_no", "plate_no"),
        ),
        Operation(
            command=COMMANDS["insurance.cancel"],
            endpoint=Endpoint("POST", "/compulsory/cancellations"),
            request=mapping.cancellation,
            response=mapping.cancelled,
            echoes=("vin", "policy_no"),
        ),
    ),
)
