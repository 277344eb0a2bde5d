"""ChaCha20-Poly1305 (RFC 8439): parameters that only the device may read, docs/protocol.md, "Sealed parameters", and
the bodies of tunnel datagrams. The one module of lfcp that needs more than the standard library."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from lfcp.constants import SIGNED_MAX_FIELD, Reason
from lfcp.errors import ProtocolError
from lfcp.text import sendable

SEAL_TAG = 16  # bytes that Poly1305 adds
_SEALED = re.compile(r"[A-Za-z0-9_-]+")


class Cipher:
    """One key, prepared for many bodies."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes. Raises ValueError for another number."""
        self._aead = ChaCha20Poly1305(key)

    def seal(self, counter: int, body: bytes, bound_to: bytes) -> bytes:
        """The body and SEAL_TAG bytes more. A counter seals once: never two bodies under one nonce."""
        return self._aead.encrypt(_nonce(counter, 0), body, bound_to)

    def open(self, counter: int, sealed: bytes, bound_to: bytes) -> bytes | None:
        """None: nobody with the key sealed this."""
        try:
            return self._aead.decrypt(_nonce(counter, 0), sealed, bound_to)
        except InvalidTag:  # also for fewer bytes than the tag has
            return None


def seal(seal_key: bytes, counter: int, name: str, verb: str, at: int, text: str) -> str:
    """The parameter p`at` as it travels. A counter seals each position once: never two texts under one nonce."""
    sealed = ChaCha20Poly1305(seal_key).encrypt(_nonce(counter, at), text.encode("ascii"), _bound_to(name, verb, at))
    return urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def unseal(seal_key: bytes, counter: int, name: str, verb: str, at: int, field: str) -> str:
    """Raises ProtocolError."""
    try:
        if len(field) > SIGNED_MAX_FIELD or _SEALED.fullmatch(field) is None:
            raise ValueError
        sealed = urlsafe_b64decode(field + "=" * (-len(field) % 4))
        if urlsafe_b64encode(sealed).decode("ascii").rstrip("=") != field:
            raise ValueError  # one text for one sealed value: unused bits must be zero
        opened = ChaCha20Poly1305(seal_key).decrypt(_nonce(counter, at), sealed, _bound_to(name, verb, at))
        text = opened.decode("ascii")
        if text and not sendable(text):
            raise ValueError  # no parameter of a frame, and a device's program takes it for one
        return text
    except (ValueError, InvalidTag):
        raise ProtocolError(Reason.BAD_SEAL, f"p{at} cannot be opened") from None


def _nonce(counter: int, at: int) -> bytes:
    return at.to_bytes(4, "big") + counter.to_bytes(8, "big")


def _bound_to(name: str, verb: str, at: int) -> bytes:
    return f"{name},{verb},p{at}".encode("ascii")
