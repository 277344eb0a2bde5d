"""The listener for uploads on all its ports, from start to stop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alarmd.web.ingest.certificates import Certificate
from alarmd.web.ingest.desk import UploadDesk
from alarmd.web.ingest.limits import UploadLimits
from alarmd.web.ingest.listener import UploadListener
from alarmd.web.ingest.reception import Reception
from alarmd.web.ingest.sources import Proxies
from alarmd.web.listening import listen_all

LOOK_EVERY = 10.0  # s between two looks at the certificate's files


@dataclass(frozen=True, slots=True)
class Ports:
    """plain: 0 lets the system choose one. http, tls: further ones, 0 for none. certificate: PEM files, the certificate
    and its key."""

    addresses: Sequence[str]
    plain: int
    http: int = 0
    tls: int = 0
    certificate: tuple[Path, Path] | None = None


class UploadService:
    """stop() is harmless at any time."""

    def __init__(self, desk: UploadDesk, limits: UploadLimits, trusted_proxies: Sequence[str]) -> None:
        self._desk = desk
        self._limits = limits
        self._proxies = Proxies(trusted_proxies)
        self._listener: UploadListener | None = None
        self._certificate: Certificate | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return self._listener.addresses if self._listener else []

    def start(self, ports: Ports) -> None:
        """Raises ListenError and CertificateError; call stop() all the same."""
        listener = self._listener = UploadListener(
            self._limits, Reception(self._desk).exchange, self._desk.metrics, self._proxies
        )
        if ports.tls and ports.certificate:
            self._certificate = Certificate(*ports.certificate)
            for sock in listen_all(ports.addresses, ports.tls):
                listener.listen(sock, self._certificate)
        for port in (ports.plain, *filter(None, [ports.http])):
            for sock in listen_all(ports.addresses, port):
                listener.listen(sock)

    async def watch(self) -> None:
        """Takes a renewed certificate into use, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._certificate is not None:
                self._certificate.reload_if_changed()

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.stop()
