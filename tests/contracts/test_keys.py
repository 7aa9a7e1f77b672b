"""The key of a vehicle."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.keys import vehicle_key
from tests.contracts.sales import vins

_secrets = st.binary(min_size=32, max_size=32)


@given(_secrets, vins())
def test_a_key_is_hex_text_and_tells_no_vin(secret: bytes, vin: str) -> None:
    """32 hex digits, the same every time, with nothing of the VIN to be seen."""
    key = vehicle_key(secret, vin)
    assert len(key) == 32
    assert int(key, 16) >= 0
    assert key == key.lower() == vehicle_key(secret, vin)
    assert vin.lower() not in key


@given(_secrets, _secrets, vins(), vins())
def test_another_vin_or_another_secret_is_another_key(first: bytes, second: bytes, one: str, other: str) -> None:
    """Without the secret a list of VINs does not tell the keys."""
    assume(first != second)
    assume(one != other)
    assert len({vehicle_key(secret, vin) for secret in (first, second) for vin in (one, other)}) == 4


def test_the_key_of_a_vehicle_never_changes() -> None:
    """A changed hash would break every vehicle's order at an upgrade."""
    assert vehicle_key(b"s" * 32, "LZZTEST05TA000001") == "89d331644ddf4f6e7c3e961f2224e1b4"
