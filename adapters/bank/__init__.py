"""Banks 银行: the loan decision. Simulated: no interface is published."""

from __future__ import annotations

from typing import Final

from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, operations
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="bank",
    features=Features.IDEMPOTENT,
    errors=Errors(
        field="respCode",
        codes={"B0400": "V102", "B0404": "D404", "B0412": "P412", "B0422": "D422", "B0451": "B451", "B0503": "B503"},
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
