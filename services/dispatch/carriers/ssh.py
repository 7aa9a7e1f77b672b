"""One SSH connection to an organisation, kept for as long as it lasts and opened anew when it is needed again.

The organisation proves itself by the key of its certificate, or by one that it has for its host, and nothing else is
trusted: neither what a file of this machine knows of it, nor what it shows at the first meeting. We prove ourselves by
the key of ours, as it is when a line is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from observability import logs
from services.dispatch.notifiers import UnreadableNotifiersError
from services.runtime.settings import Identity

_CERTIFICATE: Final = "-----BEGIN CERTIFICATE"
CONNECT_S: Final = 3.0
LOGIN_S: Final = 5.0
_ALIVE_S: Final = 5.0
"""So often the other end is asked whether it lives."""
_IN_VAIN: Final = 3
LOST_S: Final = _ALIVE_S * (_IN_VAIN + 1)
"""A connection on which nobody has answered for so long counts as lost."""


class NoLine(Exception):
    """Nobody is there, or nobody whom we trust, or they do not trust us. Its text is the kind of failure."""


@dataclass(slots=True)
class Line:
    """The way to one organisation.

    `proofs` gives by what its host may prove itself: certificates as PEM, and keys as OpenSSH writes them.
    """

    organisation: str
    host: str
    port: int
    user: str
    ours: Callable[[], Identity]
    proofs: Callable[[], Sequence[str]]
    _open: tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient] | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def client(self) -> asyncssh.SFTPClient:
        """What speaks SFTP over it. Raises `NoLine` where nobody is there, or somebody else."""
        async with self._opening:
            if self._open is None or self._open[0].is_closed():
                self._open = None
                self._open = await self._opened()
            return self._open[1]

    @contextmanager
    def using(self, client: asyncssh.SFTPClient) -> Iterator[None]:
        """Meanwhile it is used. Where nobody answers on it any more we hang up, so that the next one opens another.

        SSH alone does not tell: its other end may live while what speaks SFTP there has ended, or hangs for good.
        Who is stopped hangs up as well: what was open there, or was just being opened, goes with the line.
        """
        try:
            yield
        except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, TimeoutError, asyncio.CancelledError):
            if self._open is not None and self._open[1] is client:
                self._open[0].abort()
                self._open = None
            raise

    async def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open[0].abort()
            await self._open[0].wait_closed()
            self._open = None

    async def _opened(self) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        try:
            trusted = await asyncio.to_thread(lambda: [_key(one) for one in self.proofs()])
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
            client_keys=[asyncssh.import_private_key(self.ours().key)],
            agent_path=None,
            preferred_auth="publickey",
            known_hosts=(trusted, [], []),
            compression_algs=["none"],
            connect_timeout=CONNECT_S,
            login_timeout=LOGIN_S,
            keepalive_interval=_ALIVE_S,
            keepalive_count_max=_IN_VAIN,
        )
        try:
            return connection, await connection.start_sftp_client()
        except BaseException:
            connection.abort()
            raise


def _key(proof: str) -> asyncssh.SSHKey:
    """What a host must have; of a certificate SSH has no use for the rest."""
    if not proof.startswith(_CERTIFICATE):
        return asyncssh.import_public_key(proof)
    key = x509.load_pem_x509_certificate(proof.encode()).public_key()
    return asyncssh.import_public_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
