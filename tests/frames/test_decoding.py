"""Memory for pixels: of one large picture at a time, whoever has it decoded."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alarmd.frames.decoding import decode
from tests.frames.pictures import jpeg
from tests.frames.slow_decoder import LARGE_PICTURE, PATIENCE, SlowDecoder


def test_large_pictures_are_decoded_one_at_a_time_and_small_ones_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = SlowDecoder(monkeypatch)
    begun = threading.Barrier(5)

    def at_once() -> tuple[int, int]:
        begun.wait(PATIENCE)
        return decode(LARGE_PICTURE).size

    with ThreadPoolExecutor(4) as threads:
        large = [threads.submit(at_once) for _ in range(4)]
        begun.wait(PATIENCE)
        assert decode(jpeg(64, 48)).size == (64, 48)
        assert not any(one.done() for one in large)
        decoder.may_go_on.set()
        assert [one.result(PATIENCE) for one in large] == [(200, 160)] * 4
    assert decoder.most == 1
