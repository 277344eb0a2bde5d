"""What senders in the field do to a good picture is undone, and is told."""

import pytest

from alarmd.frames.errors import PictureFault, PictureRefusedError
from tests.frames.pictures import inspect, jpeg

GOOD = jpeg()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (GOOD[1:] + b"\x00", "first byte restored, 1 byte after the end removed"),  # the stop-motion camera
        (GOOD[1:], "first byte restored"),
        (GOOD + b"\r\n\r\n", "4 bytes after the end removed"),  # the PrusaConnect camera's successor
        (GOOD + bytes(512), "512 bytes after the end removed"),  # an ESP32's buffer
        (GOOD + GOOD[-900:], f"{900} bytes after the end removed"),  # the tail of a longer picture before it
    ],
)
def test_a_known_damage_is_mended_and_told(sent: bytes, told: str) -> None:
    found = inspect(sent)
    assert (found.data, found.repair) == (GOOD, told)
    assert found.digest == inspect(GOOD).digest


@pytest.mark.parametrize("sent", [GOOD[2:], GOOD[3:], b"\0" + GOOD, b"\r\n" + GOOD, b"\xd8" + GOOD])
def test_other_beginnings_are_not_guessed_at(sent: bytes) -> None:
    with pytest.raises(PictureRefusedError) as caught:
        inspect(sent)
    assert caught.value.reason in (PictureFault.NOT_JPEG, PictureFault.CORRUPT)


def test_a_mended_picture_is_judged_like_any_other() -> None:
    with pytest.raises(PictureRefusedError):
        inspect(GOOD[1:-900] + b"\xff\xd9\x00")
