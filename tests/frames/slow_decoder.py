"""The real decoder, which waits with large pictures until it may go on."""

import threading
from typing import Any

import pytest
import simplejpeg  # type: ignore[import-untyped]

from alarmd.frames import decoding
from tests.frames.pictures import jpeg

PATIENCE = 60.0  # s
LARGE_PICTURE = jpeg(200, 160)


class SlowDecoder:
    """most: large pictures that were being decoded at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = 0
        self.may_go_on = threading.Event()
        self._now = 0
        self._counting = threading.Lock()
        self._decode = simplejpeg.decode_jpeg
        monkeypatch.setattr(decoding, "LARGE", 200 * 160 - 1)
        monkeypatch.setattr(decoding.simplejpeg, "decode_jpeg", self._decoded)

    def _decoded(self, data: bytes, **how: Any) -> Any:
        if not decoding.is_large(*decoding.size_of(data)):
            return self._decode(data, **how)
        self._count(1)
        try:
            assert self.may_go_on.wait(PATIENCE)
            return self._decode(data, **how)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self._now += more
            self.most = max(self.most, self._now)
