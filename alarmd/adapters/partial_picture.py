"""As much of a picture as has come, and whether it is what was announced."""

import asyncio
import hashlib

from alarmd.adapters.tcp_connection import LineConnection
from lfcp import Part
from lfcp.constants import PICTURE_DIGEST

STEP = 256 << 10  # bytes between two states of the hash that are kept; where it goes on, fewer are hashed once more


class PartialPicture:
    """connection: where its bytes come from; None: it broke, or all are there. expiry: when it is forgotten without
    one. storing: it was handed on."""

    def __init__(self, part: Part) -> None:
        self._upload, self._digest = part.upload, part.digest
        self._data = bytearray()
        self._hashes = [hashlib.sha256()]  # of the first 0, STEP, 2 STEP … bytes
        self.total = part.total
        self.connection: LineConnection | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.storing = False

    def __len__(self) -> int:
        return len(self._data)

    def is_of(self, part: Part) -> bool:
        """Whether the part belongs to this picture."""
        return (self._upload, self.total, self._digest) == (part.upload, part.total, part.digest)

    def go_on(self, offset: int, connection: LineConnection) -> None:
        """What is behind the offset comes once more."""
        if self.expiry is not None:
            self.expiry.cancel()
            self.expiry = None
        self.connection = connection
        del self._data[offset:]
        del self._hashes[1 + offset // STEP :]

    def add(self, data: bytes) -> bool:
        """Whether it is complete now."""
        self._data += data
        while len(self._data) >= len(self._hashes) * STEP:
            self._hashes.append(self._hash_on())
        return len(self._data) == self.total

    def hand_on(self) -> bytes | None:
        """All of it; None if it is not what was announced."""
        self.connection = None
        if self._hash_on().hexdigest()[:PICTURE_DIGEST] != self._digest:
            return None
        self.storing = True
        picture = bytes(self._data)
        self._data.clear()
        return picture

    def _hash_on(self) -> "hashlib._Hash":
        """The last state, and what has come since, up to a step of it."""
        further, start = self._hashes[-1].copy(), (len(self._hashes) - 1) * STEP
        further.update(self._data[start : start + STEP])
        return further
