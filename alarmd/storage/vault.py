"""Seals what must not be read from a copy of the database, with a key that does not lie in the database.

ChaCha20-Poly1305 (RFC 8439) with random nonces. Those must not meet under one key: with 12 bytes that is safe for 2^32
of them (NIST SP 800-38D §8.3 counts alike), and a server seals a few for each device.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SERVER_KEY = 32  # bytes
NONCE = 12  # bytes


class CannotOpenError(Exception):
    """Sealed with another server key, bound to something else, or changed since."""


class Vault:
    """server_key: 32 random bytes; raises ValueError for another length."""

    __slots__ = ("_cipher",)

    def __init__(self, server_key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(server_key)

    def seal(self, secret: bytes, bound_to: bytes) -> bytes:
        """The nonce, the ciphertext and its tag. bound_to: what it is the secret of; opens with the same only."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, secret, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Raises CannotOpenError."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound_to)
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            raise CannotOpenError from None
