"""The certificate of the TLS port: read again when its files change, and kept when the new one cannot be used."""

import ssl
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

Version = tuple[tuple[int, int, int], ...]


class CertificateError(Exception):
    """One line for people."""


class Certificate:
    """certificate: PEM, with the chain that clients need. key: PEM, without a passphrase. Raises CertificateError.

    `context` is given to every connection and never changes; the certificate in force is chosen in each handshake, so
    that a connection sees one certificate with its own key and never half of a change.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._version = self._look()
        self._current = self._load()
        self.context = self._load()
        self.context.sni_callback = self._choose

    def reload_if_changed(self) -> None:
        version = self._look()
        if version == self._version:
            return
        self._version = version
        try:
            self._current = self._load()
        except CertificateError as error:
            _log.error("the new certificate cannot be used; the old one stays", reason=str(error))
        else:
            _log.info("the new certificate is in force", certificate=str(self._files[0]))

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in every handshake, whether the client names a host or not."""
        handshake.context = self._current

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(certificate, key, password=_no_passphrase)
        except ssl.SSLError as error:
            raise CertificateError(
                f"{certificate} with {key}: {error.reason or 'is no certificate with key'}"
            ) from None
        except OSError as error:
            raise CertificateError(f"{certificate} with {key}: {error.strerror}") from None
        return context

    def _look(self) -> Version:
        """Renewed certificates are new files, or behind a link that was changed."""
        try:
            stats = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def _no_passphrase() -> str:
    """Else OpenSSL would ask on the terminal."""
    raise CertificateError("the key has a passphrase; write it without one, readable for the server alone")
