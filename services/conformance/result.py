"""What a run proved, signed: the file that opens the way to go live.

A compact JWS (RFC 7515) signed with the installation's Ed25519 key (`conformance_key` in `secrets.json`). It says
which agency answered where, with which kit and which fixtures, how many cases passed, and when; it holds no answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.runtime.identities import US

from .words import Words

KIT: Final = "5"
"""The version of the kit; raised whenever a result of before shall open no door any more."""
GOOD_FOR: Final = timedelta(days=30)
"""So long is a result believed: systems change."""
_AHEAD: Final = timedelta(minutes=5)
"""By so much another machine's clock may be ahead of ours."""
_ALGORITHM: Final = "Ed25519"
_TYPE: Final = "tongche-conformance+jws"
_PORTS: Final = {"http": 80, "https": 443, "sftp": 22}

Count = Annotated[int, Field(ge=0)]


class Proof(BaseModel):
    """What one whole run found."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    agency: str
    organisation: str
    host: str
    """Host and port of the address that was asked, for people; its path may be nobody's business."""
    address: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The whole of it, as `address` makes it; none in results of the first kit."""
    against: Literal["url", "simulator"]
    """Whom the kit met there: a simulator of ours says that it is one, at whatever address."""
    kit: str
    fixtures: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    passed: Count
    failed: Count
    skipped: Count
    at: AwareDatetime


class Agency(NamedTuple):
    """Who wants to go live, as it is declared now (`agencies.agency` tells all of it).

    `fixtures` is their digest, `cases` how many there are of it, `untold` how many of those cannot be brought about at
    a system of its own.
    """

    name: str
    fixtures: str
    cases: int
    untold: int


class NotProved(Exception):
    """Why a result opens no door."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(zh, en)


def address(url: str) -> str:
    """The SHA-256 of where an agency answers; another path or another login is another place, a password none.

    >>> address("https://Insurer.example/api/") == address("https://insurer.example:443/api")
    True
    >>> address("https://insurer.example/test") == address("https://insurer.example/prod")
    False
    """
    at = urlsplit(url)
    user = at.username or (US if at.scheme == "sftp" else "")
    place = (at.scheme, user, at.hostname, at.port or _PORTS.get(at.scheme), at.path.rstrip("/"))
    return hashlib.sha256(repr(place).encode()).hexdigest()


def fresh_key() -> dict[str, str]:
    """A private JWK to sign with."""
    return {name: str(value) for name, value in OKPKey.generate_key("Ed25519").as_dict(private=True).items()}


def signed(proof: Proof, key: Mapping[str, str]) -> str:
    """The result file. `key` is a private JWK."""
    header = {"alg": _ALGORITHM, "typ": _TYPE}
    return jws.serialize_compact(header, proof.model_dump_json(), _imported(key), algorithms=[_ALGORITHM])


def verified(result: str, key: Mapping[str, str], agency: Agency, now: datetime, *, stand_in: bool = False) -> Proof:
    """What a result file proves of this agency now; `stand_in`, of a simulator of ours that stands in its place.

    `key` is the JWK, private or public. Raises `NotProved`.
    """
    proof = _read(result, key)
    for holds, wrong in (_of_whom(proof, stand_in=stand_in), *_demands(proof, agency, now)):
        if not holds:
            raise wrong
    return proof


def _of_whom(proof: Proof, *, stand_in: bool) -> tuple[bool, NotProved]:
    if stand_in:
        return proof.against == "simulator", NotProved(
            "结果不是模拟机构的", "the result is not that of a simulated agency"
        )
    return proof.against == "url", NotProved("结果来自模拟机构", "the result is that of a simulated agency")


def _demands(proof: Proof, agency: Agency, now: datetime) -> tuple[tuple[bool, NotProved], ...]:
    return (
        (
            proof.agency == agency.name,
            NotProved(f"结果属于 {proof.agency}", f"the result is that of {proof.agency}"),
        ),
        (
            proof.kit == KIT,
            NotProved("结果出自另一版本的检测工具", "the result was made by another version of the kit"),
        ),
        (
            proof.fixtures == agency.fixtures,
            NotProved("此后样例已变更", "the fixtures have changed since"),
        ),
        (
            proof.failed == 0 and proof.passed > 0,
            NotProved(f"有 {proof.failed} 项未通过", f"{proof.failed} cases failed"),
        ),
        (
            proof.passed + proof.failed + proof.skipped == agency.cases,
            NotProved(
                f"现有 {agency.cases} 项案例，结果不是全部", f"the result is not that of all {agency.cases} cases"
            ),
        ),
        (
            proof.skipped <= agency.untold,
            NotProved(
                f"未测 {proof.skipped} 项，至多 {agency.untold} 项",
                f"{proof.skipped} cases were not tested, and only {agency.untold} need not be",
            ),
        ),
        (
            proof.at - _AHEAD <= now,
            NotProved("结果的时间在将来", "the result is dated in the future"),
        ),
        (
            now - proof.at <= GOOD_FOR,
            NotProved(f"结果已超过 {GOOD_FOR.days} 天", f"the result is older than {GOOD_FOR.days} days"),
        ),
    )


def _read(result: str, key: Mapping[str, str]) -> Proof:
    try:
        token = jws.deserialize_compact(result.strip(), _imported(key), algorithms=[_ALGORITHM])
        if token.headers().get("typ") != _TYPE:
            raise NotProved("不是检测结果文件", "this is no result file")
        return Proof.model_validate_json(token.payload)
    except (JoseError, ValueError, ValidationError):
        raise NotProved("签名不符或文件损坏", "the signature does not fit, or the file is damaged") from None


def _imported(key: Mapping[str, str]) -> OKPKey:
    known: dict[str, Any] = dict(key)
    return OKPKey.import_key(known)
