"""One SSH connection to an organisation, kept for as long as it lasts and opened anew when it is needed again.

The organisation proves itself by the key of its certificate, and nothing else is trusted: neither what a file of this
machine knows of it, nor what it shows at the first meeting. We prove ourselves by the key of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from observability import logs
from services.dispatch.notifiers import UnreadableNotifiersError
from services.runtime.settings import Identity

CONNECT_S: Final = 3.0
LOGIN_S: Final = 5.0
_ALIVE_S: Final = 5.0
"""So often the other end is asked whether it lives; asked three times in vain, the connection counts as lost."""


class NoLine(Exception):
    """Nobody is there, or nobody whom we trust, or they do not trust us. Its text is the kind of failure."""


@dataclass(slots=True)
class Line:
    """The way to one organisation. `certificates` gives by what its host may prove itself, as PEM."""

    organisation: str
    host: str
    port: int
    user: str
    ours: Identity
    certificates: Callable[[], Sequence[str]]
    _open: tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient] | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def client(self) -> asyncssh.SFTPClient:
        """What speaks SFTP over it. Raises `NoLine` where nobody is there, or somebody else."""
        async with self._opening:
            if self._open is None or self._open[0].is_closed():
                self._open = None
                self._open = await self._opened()
            return self._open[1]

    async def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open[0].abort()
            await self._open[0].wait_closed()
            self._open = None

    async def _opened(self) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        try:
            trusted = await asyncio.to_thread(lambda: [_public(one) for one in self.certificates()])
            return await self._connected(trusted)
        except (asyncssh.Error, OSError, ValueError, UnreadableNotifiersError) as wrong:
            reason = type(wrong).__name__
            logs.get().warning("no_line", organisation=self.organisation, reason=reason)
            raise NoLine(reason) from None

    async def _connected(
        self, trusted: list[asyncssh.SSHKey]
    ) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        connection = await asyncssh.connect(
            self.host,
            self.port,
            config=None,
            username=self.user,
            client_keys=[asyncssh.import_private_key(self.ours.key)],
            agent_path=None,
            preferred_auth="publickey",
            known_hosts=(trusted, [], []),
            compression_algs=["none"],
            connect_timeout=CONNECT_S,
            login_timeout=LOGIN_S,
            keepalive_interval=_ALIVE_S,
        )
        try:
            return connection, await connection.start_sftp_client()
        except BaseException:
            connection.abort()
            raise


def _public(certificate: str) -> asyncssh.SSHKey:
    """The key of a certificate: SSH has no use for the rest of it."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return asyncssh.import_public_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
