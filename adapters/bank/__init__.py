"""Banks 银行: the loan decision, which they call back. Simulated: no interface is published.

The style is that of ISO 20022 (see `adapters.bindings.iso20022`), the definitions of the messages are ours: `tcal` is
nobody's business area.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.iso20022 import ISO20022, REJECTION
from adapters.spec import Adapter, Endpoint, Errors, Features, Later, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

_CALLED_BACK: Final = Later(every=timedelta(milliseconds=200), called_back=True)


def _message(definition: str, answer: str) -> Endpoint:
    """All messages go to one address: what each wants stands in it, and in another what came of it."""
    return Endpoint("POST", "/messages", action=definition, answer=answer)


ADAPTER: Final = Adapter(
    name="bank",
    features=Features.IDEMPOTENT,
    binding=ISO20022,
    seal="xmldsig",
    errors=Errors(
        field=f"{REJECTION}.Rsn.RjctgPtyRsn",
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
            endpoint=_message("tcal.001.001.01", "tcal.002.001.01"),
            request=mapping.application,
            response=mapping.decision,
            later=_CALLED_BACK,
        ),
        Operation(
            command=COMMANDS["loan.withdraw"],
            endpoint=_message("tcal.003.001.01", "tcal.004.001.01"),
            request=mapping.withdrawal,
            response=mapping.withdrawn,
            echoes=("vin", "loan_contract_no"),
            later=_CALLED_BACK,
        ),
        Operation(
            command=COMMANDS["mortgage.cosign"],
            endpoint=_message("tcal.005.001.01", "tcal.006.001.01"),
            request=mapping.consent_request,
            response=mapping.consent,
            echoes=("vin", "loan_contract_no"),
            later=_CALLED_BACK,
        ),
    ),
)
