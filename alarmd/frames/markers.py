"""The frame of a JPEG, walked without decoding: its size, its kind and where it ends (ITU-T T.81, annex B).

Decoders are generous: they fill in what is missing and skip what is too much. This is not. It also runs before any
memory is taken for pixels, so what would be dear to decode is refused here.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from alarmd.frames.errors import PictureFault, PictureRefusedError

MAX_PIXELS = 25_000_000  # five times the largest of cheap cameras; a progressive one takes 6 bytes a pixel to decode
MAX_SCANS = 32  # encoders write about 10; each costs a pass over all pixels, however short it is
MAX_SEGMENTS = 512  # before and between scans; encoders write about 20

SOI = b"\xff\xd8"
_EOI, _SOS, _SECOND_SOI = 0xD9, 0xDA, 0xD8
_SHOWN = frozenset((0xC0, 0xC1, 0xC2))  # baseline, extended sequential, progressive; all of Huffman's
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG and DAC
_WITHOUT_LENGTH = frozenset((0x00, 0x01, *range(0xD0, 0xD8)))  # stuffing, TEM, RST0 to RST7
_FILL = re.compile(rb"\xff+")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # neither a stuffed FF nor a restart: the scan is over


@dataclass(frozen=True, slots=True)
class Outline:
    width: int  # pixels
    height: int
    end: int  # offset after the end marker


def outline(data: bytes) -> Outline:
    """Of the picture that starts at the first byte. Raises PictureRefusedError."""
    if not data.startswith(SOI):
        raise PictureRefusedError(PictureFault.NOT_JPEG, "this is no JPEG: it does not begin with FF D8")
    return _Walk(data).run()


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = len(SOI)
        self._scans = 0
        self._size: tuple[int, int] | None = None

    def run(self) -> Outline:
        for _ in range(MAX_SEGMENTS):
            marker = self._marker()
            if marker == _EOI:
                return self._ended()
            self._take(marker, self._segment(marker))
        raise PictureRefusedError(
            PictureFault.TOO_COMPLEX, f"more than {MAX_SEGMENTS} segments: save the picture without its metadata"
        )

    def _marker(self) -> int:
        fill = _FILL.match(self._data, self._at)
        end = fill.end() if fill else self._at
        if end >= len(self._data):
            self._truncated()
        if fill is None:
            self._corrupt("something that is no marker")
        self._at = end + 1
        return self._data[end]

    def _segment(self, marker: int) -> bytes:
        """The body behind a marker."""
        if marker in _WITHOUT_LENGTH or marker == _SECOND_SOI:
            self._corrupt(f"marker FF {marker:02X} out of its place")
        length = int.from_bytes(self._data[self._at : self._at + 2], "big")
        start, self._at = self._at + 2, self._at + length
        if start > len(self._data) or self._at > len(self._data):
            self._truncated()
        if length < 2:
            self._corrupt("a segment without length")
        return self._data[start : self._at]

    def _take(self, marker: int, body: bytes) -> None:
        if marker in _FRAMES:
            self._frame(marker, body)
        elif marker == _SOS:
            self._scan()

    def _frame(self, marker: int, body: bytes) -> None:
        if self._size is not None or len(body) < 6 or len(body) != 6 + 3 * body[5]:
            self._corrupt("a broken frame header")
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        _check_kind(marker, bits=body[0], components=body[5])
        _check_size(width, height)
        self._size = width, height

    def _scan(self) -> None:
        self._scans += 1
        if self._scans > MAX_SCANS:
            raise PictureRefusedError(
                PictureFault.TOO_COMPLEX, f"more than {MAX_SCANS} scans: save the picture as a plain JPEG"
            )
        if self._size is None:
            self._corrupt("a scan before the frame header")
        after = _AFTER_SCAN.search(self._data, self._at)
        if after is None:
            self._truncated()
        self._at = after.start()

    def _ended(self) -> Outline:
        if self._size is None or not self._scans:
            self._corrupt("the end marker before any picture")
        return Outline(*self._size, end=self._at)

    def _truncated(self) -> NoReturn:
        raise PictureRefusedError(
            PictureFault.TRUNCATED, f"the picture is cut off: no end marker (FF D9) in its {len(self._data)} bytes"
        )

    def _corrupt(self, what: str) -> NoReturn:
        raise PictureRefusedError(PictureFault.CORRUPT, f"the JPEG is corrupt: {what} before byte {self._at}")


def _check_kind(marker: int, *, bits: int, components: int) -> None:
    if marker in _SHOWN and bits == 8 and components in (1, 3):
        return
    raise PictureRefusedError(
        PictureFault.UNSUPPORTED,
        f"a JPEG of kind {marker - 0xC0} with {components} components of {bits} bits is not supported: "
        "send baseline or progressive, grey or YCbCr, 8 bits",
    )


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise PictureRefusedError(PictureFault.UNSUPPORTED, f"the JPEG states a size of {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise PictureRefusedError(
            PictureFault.TOO_MANY_PIXELS,
            f"{width} x {height} pixels are more than {MAX_PIXELS}: lower the camera's resolution",
        )
