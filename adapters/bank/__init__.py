"""Banks 银行: the loan decision. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="bank",
    features=Features.IDEMPOTENT,
    binding=REST,
    errors=Errors(
        field="respCode",
        codes={
            "B0400": final("V102"),
            "B0404": retried("D404"),
            "B0412": final("P412"),
            "B0422": final("D422"),
            "B0451": final("B451"),
            "B0503": slows("B503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["loan.apply"],
            endpoint=Endpoint("POST", "/auto-loans/applications"),
            request=mapping.application,
            response=mapping.decision,
        ),
        Operation(
            command=COMMANDS["loan.withdraw"],
            endpoint=Endpoint("POST", "/auto-loans/withdrawals"),
            request=mapping.withdrawal,
            response=mapping.withdrawn,
            echoes=("vin", "loan_contract_no"),
        ),
        Operation(
            command=COMMANDS["mortgage.cosign"],
            endpoint=Endpoint("POST", "/auto-loans/mortgage-consents"),
            request=mapping.consent_request,
            response=mapping.consent,
            echoes=("vin", "loan_contract_no"),
        ),
    ),
)
