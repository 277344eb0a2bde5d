"""Whose upload it is: by a secret, or by where it comes from."""

import hashlib
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from alarmd.core.rate_limits import AddressBuckets
from alarmd.web.ingest.messages import UploadRefusedError

SECRET_LENGTH = 20  # characters, as PrusaConnect's tokens have, since cameras check that: 119 random bits
GUESS_RATE = 0.2  # wrong secrets a second from one address
GUESS_BURST = 20.0
GUESS_RETRY = 60  # s
RENEWAL = "`alarmd camera token NAME --renew` gives a new one"

_ALPHABET = string.ascii_letters + string.digits
_SECRET = re.compile(f"[A-Za-z0-9]{{{SECRET_LENGTH}}}", re.ASCII)


def make_secret() -> str:
    """Shown once, and kept as its digest only."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_LENGTH))


def digest_of(secret: str) -> str:
    """What is kept: SHA-256 in hexadecimal. A slow hash would protect what people think up; nobody tries 119 random
    bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sender:
    """fingerprint: that PrusaConnect's way is bound to; empty: none yet. welcome: whether its uploads may come from
    this address."""

    id: int
    device: str
    fingerprint: str
    welcome: bool


class Senders(Protocol):
    def by_digest(self, digest: str, source: str) -> Sender | None: ...

    def by_address(self, source: str) -> Sender | None:
        """The one device that is known by this address."""
        ...


class Doorkeeper:
    """mono: monotonic seconds. A secret is looked up by its digest: how far that agrees with another one says nothing
    about the secret, so how long it takes may be seen."""

    def __init__(self, senders: Senders, mono: Callable[[], float]) -> None:
        self._senders = senders
        self._mono = mono
        self._guesses = AddressBuckets(GUESS_RATE, GUESS_BURST)

    def by_secret(self, secret: str, source: str, unknown: UploadRefusedError) -> Sender:
        """unknown: how a secret that nobody has is refused. Those who know theirs are let in however many others guess
        behind the same address."""
        known = _SECRET.fullmatch(secret) is not None
        sender = self._senders.by_digest(digest_of(secret), source) if known else None
        if sender is None:
            raise self._refused(unknown, source)
        return sender

    def by_address(self, source: str) -> Sender:
        sender = self._senders.by_address(source)
        if sender is None:
            unknown = UploadRefusedError(
                403,
                "unknown_address",
                "",
                "no camera is known by this address, or more than one; see `alarmd camera set --help`",
            )
            raise self._refused(unknown, source)
        return sender

    def _refused(self, error: UploadRefusedError, source: str) -> UploadRefusedError:
        if self._guesses.take(source, self._mono()):
            return error
        return UploadRefusedError(
            429, "too_many_guesses", "", "wrong again and again from this address", retry_after=GUESS_RETRY
        )
