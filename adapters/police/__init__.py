"""The traffic police 公安交管: plates to electronic licences. Simulated: no interface is published."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.bindings.rest import REST
from adapters.spec import Adapter, Endpoint, Errors, Features, Operation, final, operations, retried, slows
from contracts.topics import COMMANDS

from . import mapping

ADAPTER: Final = Adapter(
    name="police",
    features=Features.IDEMPOTENT,
    binding=REST,
    errors=Errors(
        field="cwdm",
        codes={
            "JG400": final("V102"),
            "JG403": final("A403"),
            "JG404": retried("D404"),
            "JG409": final("P409"),
            "JG410": final("P410"),
            "JG411": final("A410"),
            "JG412": final("P412"),
            "JG422": final("D422"),
            "JG423": final("P423"),
            "JG424": final("L423"),
            "JG451": final("B451"),
            "JG503": slows("P503"),
        },
    ),
    operations=operations(
        Operation(
            command=COMMANDS["plate.reserve"],
            endpoint=Endpoint("POST", "/haopai/yuliu"),
            request=mapping.reservation_request,
            response=mapping.reservation,
            echoes=("vin", "plate_kind"),
        ),
        Operation(
            command=COMMANDS["plate.release"],
            endpoint=Endpoint("POST", "/haopai/shifang"),
            request=mapping.release_request,
            response=mapping.release,
            echoes=("vin", "reservation_no"),
        ),
        Operation(
            command=COMMANDS["registration.register"],
            endpoint=Endpoint("POST", "/dengji/zhuce", timeout=timedelta(seconds=10)),
            request=mapping.registration_request,
            response=mapping.registration,
        ),
        Operation(
            command=COMMANDS["mortgage.register"],
            endpoint=Endpoint("POST", "/diya/shelidengji"),
            request=mapping.mortgage_request,
            response=mapping.mortgage,
        ),
        Operation(
            command=COMMANDS["mortgage.release"],
            endpoint=Endpoint("POST", "/diya/jiechu"),
            request=mapping.mortgage_release_request,
            response=mapping.mortgage_release,
            echoes=("vin", "mortgage_no"),
        ),
        Operation(
            command=COMMANDS["elicence.issue"],
            endpoint=Endpoint("POST", "/xingshizheng/qianfa"),
            request=mapping.licence_request,
            response=mapping.licence,
        ),
        Operation(
            command=COMMANDS["elicence.grant"],
            endpoint=Endpoint("POST", "/xingshizheng/shouquan"),
            request=mapping.grant_request,
            response=mapping.grant,
        ),
        Operation(
            command=COMMANDS["elicence.verify"],
            endpoint=Endpoint("POST", "/xingshizheng/heyan"),
            request=mapping.verification_request,
            response=mapping.verification,
            echoes=("vin", "grant_no"),
            question=True,
        ),
        Operation(
            command=COMMANDS["elicence.revoke"],
            endpoint=Endpoint("POST", "/xingshizheng/chexiao"),
            request=mapping.revocation_request,
            response=mapping.revocation,
            echoes=("vin", "elicence_no"),
        ),
        Operation(
            command=COMMANDS["registration.deregister"],
            endpoint=Endpoint("POST", "/dengji/zhuxiao", timeout=timedelta(seconds=10)),
            request=mapping.deregistration_request,
            response=mapping.deregistration,
            echoes=("vin", "reg_cert_no"),
        ),
        Operation(
            command=COMMANDS["plate.dispatch"],
            endpoint=Endpoint("POST", "/youji/jisong"),
            request=mapping.parcel_request,
            response=mapping.parcel,
        ),
        Operation(
            command=COMMANDS["plate.track"],
            endpoint=Endpoint("POST", "/youji/chaxun"),
            request=mapping.parcel_query,
            response=mapping.parcel_arrival,
            echoes=("vin", "tracking_no"),
            question=True,
        ),
    ),
)
