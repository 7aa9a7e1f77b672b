"""How a subscriber reads its topic: the version it pinned, of that only what it may see, and some of it sealed.

    view = read_view(record.headers, record.value, key=my_private_jwk)
    view.data.vin, view.data.buyer and view.data.buyer.buyer_name, view.lost

A view is no contract: each field may be absent, or stand there masked or hashed (a text) or as yes or no. What a reader
does not know it passes over, so that more may be granted without asking it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model
from pydantic_core import from_json, to_json

from ..contract import Contract
from ..envelope import Envelope, Undecodable, envelope_of
from ..registry import UnknownType, resolve

SEALED: Final = "sealed"
"""Where a view has its fields of grades G3 and G4: one JWE in compact form, inside it the same nesting."""
LOST: Final = "ce_lost"
"""The header that names, with commas between, what the pinned version could not say of this very message."""
ALGORITHMS: Final = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "A256GCM")


_Year = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
"""What a mask leaves of a moment; read as one, it would be seconds since 1970."""


class CannotOpen(ValueError):
    """What is sealed was not sealed for this key: the reader's own trouble, and no reason to pass the message over."""


class View(NamedTuple):
    """One message as its subscriber may see it; `sealed` says that a part of it was not opened."""

    envelope: Envelope
    data: Any
    """The pinned version's fields by name, nested as there; what is absent or denied is None."""
    lost: tuple[str, ...]
    sealed: bool


def read_view(
    headers: Iterable[tuple[str, bytes | None]], value: bytes | None, key: Mapping[str, Any] | None = None
) -> View:
    """Read one message of a subscriber's topic, opening with `key`, a private JWK, what was sealed for it.

    Opening needs joserfc: the wheel's extra `unseal`. Raises `Undecodable` for what trying again would not mend, and
    `CannotOpen` where the key does not fit.
    """
    found = tuple(headers)
    envelope = envelope_of(found)
    told = _object(value)
    sealed = told.pop(SEALED, None)
    if sealed is not None and key is not None:
        told, sealed = _merged(told, _object(unseal(sealed, key))), None
    lost = dict(found).get(LOST) or b""
    return View(
        envelope, _typed(envelope.type, told), tuple(filter(None, lost.decode().split(","))), sealed is not None
    )


def unseal(token: str, key: Mapping[str, Any]) -> bytes:
    """Open a JWE with a private JWK. Raises `CannotOpen`."""
    from joserfc import jwe, jwk
    from joserfc.errors import JoseError

    try:
        return jwe.decrypt_compact(token, jwk.import_key(dict(key)), algorithms=list(ALGORITHMS)).plaintext or b""
    except (JoseError, ValueError) as wrong:
        raise CannotOpen(type(wrong).__name__) from None


@cache
def view_of(model: type[Contract]) -> type[BaseModel]:
    """A class that reads what a subscriber may get of one version: nothing is required, no rule between fields."""
    fields: dict[str, Any] = {
        name: (_loose(info.annotation, info.metadata) | None, None) for name, info in model.model_fields.items()
    }
    return create_model(f"{model.__name__}View", __base__=_Reading, __doc__=model.__doc__, **fields)


class _Reading(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False, protected_namespaces=())


def _typed(type_: str, told: dict[str, Any]) -> BaseModel:
    try:
        versions, number = resolve(type_)
        return view_of(versions.model(number)).model_validate_json(to_json(told))
    except UnknownType:
        raise Undecodable("unknown-type") from None
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False, include_context=False)[0]
        # Fields that we do not know are passed over, so every step of the place is a word of ours.
        raise Undecodable(f"view:{'.'.join(map(str, first['loc']))}:{first['type']}"[:200]) from None


def _loose(kind: Any, metadata: Iterable[Any] = ()) -> Any:
    """The same type, or what stands in its place for who may not see it in full; parts stay parts."""
    if isinstance(kind, type) and issubclass(kind, Contract):
        return view_of(kind)
    if get_origin(kind) is tuple:
        return tuple[*(each if each is ... else _loose(each) for each in get_args(kind))]  # type: ignore[misc]
    if type(None) in get_args(kind):
        return _loose(Union[*(each for each in get_args(kind) if each is not type(None))], metadata) | None
    exact = Annotated[kind, *metadata] if metadata else kind
    return Annotated[Union[_Year, exact, bool, str], Field(union_mode="left_to_right")]  # noqa: UP007 - made at run time


def _object(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise Undecodable("no-value")
    try:
        told = from_json(value, allow_inf_nan=False)
    except ValueError:
        raise Undecodable("view::json_invalid") from None
    if not isinstance(told, dict):
        raise Undecodable("view::not_an_object")
    return told


def _merged(told: Any, opened: Any) -> Any:
    """Both, group by group and one by one: what was sealed goes back to its place."""
    match told, opened:
        case dict(), dict():
            return told | {
                name: _merged(told[name], value) if name in told else value for name, value in opened.items()
            }
        case list(), list() if len(told) == len(opened):
            return [_merged(*pair) for pair in zip(told, opened, strict=True)]
        case _:
            return opened
