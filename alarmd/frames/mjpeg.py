"""The first whole picture of an MJPEG stream, byte by byte as it comes.

Streams agree on little. The boundary that the header names has its dashes already (Panasonic, Sony) or is another one;
the first part has no boundary before it (Tasmota), parts state no length (ffmpeg) or a wrong one, or lack the blank
line. The pictures need none of that: a JPEG's segments state their lengths, and in a scan FF stands before a marker
only (ITU-T T.81, B.1.1). So the pictures are walked, and what lies between them is passed over.
"""

import re

from alarmd.frames.errors import PictureFault, PictureRefusedError

_START = b"\xff\xd8\xff"  # SOI, and the first byte of the next marker
_EOI, _SOS = 0xD9, 0xDA
_NO_SEGMENT = frozenset((*range(0xC0), *range(0xD0, 0xD9)))  # reserved, stuffing, restarts, SOI: out of place
_FILLS = re.compile(rb"\xff*")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # neither a stuffed FF, a restart nor a fill byte
MAX_FALSE = 10_000  # starts that lead to no picture; one that is made of them would keep the loop busy for seconds
_LENGTH = 2  # bytes of a segment's length, which counts them too


class FirstPicture:
    """Feed it until it returns the picture. It may still be broken inside: what is kept is judged in jpeg.py."""

    def __init__(self, max_bytes: int) -> None:
        """max_bytes: of the stream, until the picture's last; no more is held."""
        self._max_bytes = max_bytes
        self._passed = 0
        self._false = 0
        self._data = bytearray()
        self._at = 0
        self._code = 0
        self._scanned = False
        self._picture: bytes | None = None
        self._step = self._between

    def feed(self, chunk: bytes) -> bytes | None:
        """Raises PictureRefusedError when so many bytes, or starts of pictures, hold no whole one."""
        self._data += chunk
        while self._picture is None and self._step():
            pass
        end = self._at if self._picture else len(self._data)
        if self._passed + end > self._max_bytes:
            raise PictureRefusedError(
                PictureFault.TOO_LONG,
                f"no whole picture in {self._max_bytes} bytes of the stream: lower the camera's resolution or quality",
            )
        return self._picture

    def _between(self) -> bool:
        """Each step is whether there may be more to do with the bytes that are here."""
        found = self._data.find(_START)
        if found < 0:
            self._pass(max(0, len(self._data) - len(_START) + 1))
            return False
        self._pass(found)
        self._at = len(_START) - 1
        self._scanned = False
        self._step = self._marker
        return True

    def _marker(self) -> bool:
        fills = _FILLS.match(self._data, self._at)
        assert fills is not None
        end = fills.end()
        if end == len(self._data):
            self._at = max(self._at, end - 1)
            return False
        if end == self._at:
            return self._lost(self._at)
        self._code = self._data[end]
        if self._code in _NO_SEGMENT or (self._code == _EOI and not self._scanned):
            return self._lost(end - 1)
        self._at = end + 1
        if self._code == _EOI:
            self._picture = bytes(self._data[: self._at])
        self._step = self._segment
        return True

    def _segment(self) -> bool:
        body = self._at + _LENGTH
        if len(self._data) < body:
            return False
        length = int.from_bytes(self._data[self._at : body], "big")
        if length < _LENGTH:
            return self._lost(self._at)
        if len(self._data) < self._at + length:
            return False
        self._at += length
        self._step = self._scan if self._code == _SOS else self._marker
        return True

    def _scan(self) -> bool:
        self._scanned = True
        found = _AFTER_SCAN.search(self._data, self._at)
        if found is None:
            self._at = max(self._at, len(self._data) - 1)
            return False
        self._at = found.start()
        self._step = self._marker
        return True

    def _lost(self, at: int) -> bool:
        """It was no picture, or a cut one; the next may begin here."""
        self._false += 1
        if self._false > MAX_FALSE:
            raise PictureRefusedError(PictureFault.CORRUPT, "its stream begins pictures again and again and ends none")
        self._pass(at)
        self._step = self._between
        return True

    def _pass(self, count: int) -> None:
        del self._data[:count]
        self._passed += count
        self._at = 0
