"""Live pictures: the newest to each viewer, nobody delayed by another, and no more viewers than there is room for."""

import asyncio

import pytest

from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.live import MAX_SILENCE, MAX_VIEWERS, MAX_VIEWERS_OF_ONE, LiveHub


class Hub(LiveHub):
    """told: whose first viewer came (+) and whose last one went (-)."""

    def __init__(self, max_silence: float = MAX_SILENCE) -> None:
        self.told: list[str] = []
        super().__init__(
            lambda device: self.told.append(f"+{device}"), lambda device: self.told.append(f"-{device}"), max_silence
        )


async def test_a_slow_viewer_gets_the_newest_picture_and_a_fast_one_gets_all() -> None:
    hub = Hub()
    with hub.watch("cam1") as fast, hub.watch("cam1") as slow:
        for number in range(3):
            hub.publish("cam1", b"%d" % number)
            assert await anext(fast) == b"%d" % number
        assert await anext(slow) == b"2"
        waiting = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        assert not waiting.done()
        hub.publish("cam1", b"3")
        assert await waiting == b"3"


async def test_viewers_see_their_own_camera_only() -> None:
    hub = Hub()
    with hub.watch("cam1") as one, hub.watch("cam2") as other:
        hub.publish("cam2", b"two")
        hub.publish("cam1", b"one")
        hub.publish("cam3", b"nobody's")
        assert (await anext(one), await anext(other)) == (b"one", b"two")


async def test_the_first_viewer_begins_and_the_last_one_ends() -> None:
    hub = Hub()
    with hub.watch("cam1"):
        with hub.watch("cam1"), hub.watch("cam2"):
            assert hub.told == ["+cam1", "+cam2"]
        assert hub.told == ["+cam1", "+cam2", "-cam2"]
        assert len(hub) == 1
    assert hub.told[-1] == "-cam1"
    assert len(hub) == 0


async def test_there_is_room_for_so_many_viewers_of_one_camera_and_of_all() -> None:
    hub = Hub()
    seats = [hub.watch(f"cam{number // MAX_VIEWERS_OF_ONE}") for number in range(MAX_VIEWERS)]
    for seat in seats[:MAX_VIEWERS_OF_ONE]:
        seat.__enter__()
    with pytest.raises(RequestRefusedError, match="watch cam0 already"), hub.watch("cam0"):
        pass
    for seat in seats[MAX_VIEWERS_OF_ONE:]:
        seat.__enter__()
    with pytest.raises(RequestRefusedError, match=f"{MAX_VIEWERS} watch already"), hub.watch("cam99"):
        pass
    assert "+cam99" not in hub.told
    seats[0].__exit__(None, None, None)
    with hub.watch("cam99"):
        assert len(hub) == MAX_VIEWERS


async def test_a_viewer_whose_camera_could_not_be_asked_leaves_no_trace() -> None:
    def broken(_device: str) -> None:
        raise ValueError("a defect")

    hub = LiveHub(broken, lambda _device: None)
    with pytest.raises(ValueError, match="a defect"), hub.watch("cam1"):
        pass
    assert len(hub) == 0


async def test_a_viewer_whose_camera_sends_nothing_is_sent_away() -> None:
    hub = Hub(max_silence=0.001)
    with hub.watch("cam1") as viewer:
        hub.publish("cam1", b"the only one")
        assert [picture async for picture in viewer] == [b"the only one"]
    assert (len(hub), hub.told) == (0, ["+cam1", "-cam1"])


async def test_closing_ends_every_stream_and_lets_nobody_in() -> None:
    hub = Hub()
    with hub.watch("cam1") as viewer:
        hub.publish("cam1", b"late")
        hub.close()
        assert [picture async for picture in viewer] == []
        assert [picture async for picture in viewer] == []
        with pytest.raises(RequestRefusedError), hub.watch("cam1"):
            pass
