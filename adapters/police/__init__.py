"""The traffic police 公安交管: plates to electronic licences. Simulated: no interface is published.

The way is modelled on public descriptions, see `adapters.bindings.soap`; ids of functions, field names of what they do
not describe, and codes below -1000, are ours.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.soap import Soap
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

_PLATFORM: Final = "/trffweb/services/TmriOutAccess"
_SERIAL: Final = "7A1D0000000000000000000000000000000000000000000000000000TONGCHE1"
"""Plainly synthetic, and known to simulators. A real one stands under `granted` in `secrets.json`."""
_REGISTERS: Final = timedelta(seconds=10)


def _at(action: str, timeout: timedelta = timedelta(seconds=5)) -> Endpoint:
    """One function of the platform by its id."""
    return Endpoint("POST", _PLATFORM, timeout, action)


ADAPTER: Final = Adapter(
    name="police",
    features=Features.IDEMPOTENT,
    binding=Soap(_SERIAL),
    errors=Errors(
        field="head.code",
        codes={
            "-1400": final("V102"),
            "-1403": final("A403"),
            "-1404": retried("D404"),
            "-1409": final("P409"),
            "-1410": final("P410"),
            "-1411": final("A410"),
            "-1412": final("P412"),
            "-1422": final("D422"),
            "-1423": final("P423"),
            "-1424": final("L423"),
            "-1451": final("B451"),
            "-1503": slows("P503"),
            # The platform's check of the caller, before it looks at anything: nothing was done. The first two are
            # about all that we ask, until somebody puts it right; the others about one function.
            "-403": slows("P503"),
            "-411": slows("P503"),
            "-408": retried("P503"),
            "-415": retried("P503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["plate.reserve"],
            endpoint=_at("01W01"),
            request=mapping.reservation_request,
            response=mapping.reservation,
            echoes=("vin", "plate_kind"),
        ),
        Operation(
            command=COMMANDS["plate.release"],
            endpoint=_at("01W02"),
            request=mapping.release_request,
            response=mapping.release,
            echoes=("vin", "reservation_no"),
        ),
        Operation(
            command=COMMANDS["registration.register"],
            endpoint=_at("01W03", _REGISTERS),
            request=mapping.registration_request,
            response=mapping.registration,
        ),
        Operation(
            command=COMMANDS["mortgage.register"],
            endpoint=_at("01W05"),
            request=mapping.mortgage_request,
            response=mapping.mortgage,
        ),
        Operation(
            command=COMMANDS["mortgage.release"],
            endpoint=_at("01W06"),
            request=mapping.mortgage_release_request,
            response=mapping.mortgage_release,
            echoes=("vin", "mortgage_no"),
        ),
        Operation(
            command=COMMANDS["elicence.issue"],
            endpoint=_at("01W07"),
            request=mapping.licence_request,
            response=mapping.licence,
        ),
        Operation(
            command=COMMANDS["elicence.grant"],
            endpoint=_at("01W08"),
            request=mapping.grant_request,
            response=mapping.grant,
        ),
        Operation(
            command=COMMANDS["elicence.verify"],
            endpoint=_at("01Q01"),
            request=mapping.verification_request,
            response=mapping.verification,
            echoes=("vin", "grant_no"),
            question=True,
        ),
        Operation(
            command=COMMANDS["elicence.revoke"],
            endpoint=_at("01W09"),
            request=mapping.revocation_request,
            response=mapping.revocation,
            echoes=("vin", "elicence_no"),
        ),
        Operation(
            command=COMMANDS["registration.deregister"],
            endpoint=_at("01W04", _REGISTERS),
            request=mapping.deregistration_request,
            response=mapping.deregistration,
            echoes=("vin", "reg_cert_no"),
        ),
        Operation(
            command=COMMANDS["plate.dispatch"],
            endpoint=_at("01W10"),
            request=mapping.parcel_request,
            response=mapping.parcel,
        ),
        Operation(
            command=COMMANDS["plate.track"],
            endpoint=_at("01Q02"),
            request=mapping.parcel_query,
            response=mapping.parcel_arrival,
            echoes=("vin", "tracking_no"),
            question=True,
        ),
    ),
)
