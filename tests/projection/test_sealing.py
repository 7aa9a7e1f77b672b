"""What is sealed opens for its recipient with any JOSE library, and for nobody else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey

from contracts.views.reading import CannotOpen, unseal
from contracts.views.subscriber import PublicKey
from services.projection.sealing import SECONDS, Seal

KEYS: Final[dict[str, ECKey | OKPKey]] = {
    "P-256": ECKey.generate_key("P-256"),
    "X25519": OKPKey.generate_key("X25519"),
}


def _seal(key: ECKey | OKPKey, **other: Any) -> Seal:
    public = {name: value for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x", "y"}}
    return Seal(PublicKey.model_validate(public), **other)


def _header(token: str) -> dict[str, Any]:
    head = token.split(".", maxsplit=1)[0]
    told: dict[str, Any] = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return told


@pytest.mark.parametrize("curve", sorted(KEYS))
@given(contents=st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_joserfc_opens_what_we_sealed(curve: str, contents: list[bytes]) -> None:
    """Compact JWE, ECDH-ES with A256GCM, on both curves; also those that share an agreement."""
    key = KEYS[curve]
    seal = _seal(key)
    registry = jwe.JWERegistry(algorithms=["ECDH-ES", "A256GCM"])
    for content in contents:
        opened = jwe.decrypt_compact(seal.seal(content), key, registry=registry)
        assert opened.plaintext == content
        assert opened.protected.keys() == {"alg", "enc", "epk"}


def test_nobody_else_opens_it() -> None:
    """Another key does not, and a token that was changed opens for none."""
    key, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    token = _seal(key).seal(b"{}")
    with pytest.raises(CannotOpen):
        unseal(token, other.as_dict(private=True))
    head, *rest = token.split(".")
    with pytest.raises(CannotOpen):
        unseal(".".join((head, *rest[:-1], "A" * 22)), key.as_dict(private=True))


def test_an_agreement_serves_so_many_messages_and_so_long() -> None:
    """Then there is a new ephemeral key; the nonce is another one every time."""
    now = [0.0]
    seal = _seal(KEYS["P-256"], clock=lambda: now[0], messages=3)
    tokens = [seal.seal(b"the same") for _ in range(4)]
    epks = [_header(token)["epk"]["x"] for token in tokens]
    assert epks[0] == epks[1] == epks[2] != epks[3]
    assert len({token.split(".")[2] for token in tokens}) == 4
    now[0] = SECONDS
    assert _header(seal.seal(b"the same"))["epk"]["x"] not in epks


def test_the_recipient_is_told_which_of_its_keys_it_needs() -> None:
    """Where its key has a name, the token bears it."""
    public = {name: KEYS["X25519"].as_dict(private=False)[name] for name in ("kty", "crv", "x")}
    seal = Seal(PublicKey.model_validate({**public, "kid": "2026-a"}))
    assert _header(seal.seal(b"{}"))["kid"] == "2026-a"
