"""Who may use our internal interfaces: whoever holds the operator's token."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, HTTPException

from .settings import Secrets


def operator(secrets: Secrets) -> Callable[[str], None]:
    """A FastAPI dependency that demands `Authorization: Bearer <operator_token>`, else 401."""
    expected = f"Bearer {secrets.operator_token}".encode()

    def demand(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), expected):
            raise HTTPException(401, "the operator's token is needed", {"WWW-Authenticate": "Bearer"})

    return demand
