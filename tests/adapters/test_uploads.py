"""Pictures over LFCP, by real connections, real rules, a real archive and a real database."""

import asyncio
import random
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path as FilePath

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.adapters.uploads import LIMITS, UploadLimits
from alarmd.core.records import Trigger
from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.core.requests import KeyGiven
from alarmd.frames.errors import ArchiveError, ArchiveFullError
from lfcp import Part, decode, encode, part_parameters, picture_digest
from lfcp import Trigger as Wire
from tests.adapters.peers import TcpPeer, connected
from tests.adapters.picture_site import TCP, Site
from tests.adapters.real_house import real_house
from tests.frames.pictures import jpeg
from tests.signed_camera import SignedCamera
from tests.waiting import until

PICTURE = jpeg(320, 240)
HALF = len(PICTURE) // 2


@pytest.fixture
async def site(reactor: AsyncioSelectorReactor, tmp_path: FilePath) -> AsyncIterator[Site]:
    async with real_house(tmp_path) as house:
        site = Site(house, reactor, tmp_path)
        await house.adopt("cam1")
        yield site
        await site.stop()


@pytest.fixture
async def listening(site: Site) -> Site:
    return site.listen()


def part(offset: int = 0, picture: bytes = PICTURE, upload: str = "9f3c.1", trigger: Wire = Wire.ALARM) -> Part:
    return Part(upload, offset, len(picture), picture_digest(picture), trigger)


def line(part: Part, name: str = "cam1") -> bytes:
    return encode(name, "FRAM", *part_parameters(part)) + b"\n"


def whole(picture: bytes = PICTURE, upload: str = "9f3c.1", trigger: Wire = Wire.ALARM, name: str = "cam1") -> bytes:
    return line(part(0, picture, upload, trigger), name) + picture


async def answer(peer: TcpPeer) -> tuple[str, ...]:
    """Result, detail and upload id."""
    return decode((await peer.line()).rstrip(b"\n")).params[1:4]


async def asked(site: Site, question: bytes) -> tuple[str, ...]:
    async with connected(site.port) as peer:
        peer.send(question)
        return await answer(peer)


QUESTION = line(part(len(PICTURE)))


async def test_a_picture_is_acknowledged_once_it_is_in_the_archive(listening: Site) -> None:
    listening.gate.clear()
    async with connected(listening.port) as peer:
        peer.send(whole())
        await until(lambda: listening.taken)
        assert listening.stored == []
        listening.gate.set()
        assert await answer(peer) == ("0", "0", "9f3c.1")
    assert listening.stored == [PICTURE]
    (taken,) = listening.taken
    assert (taken.device, taken.trigger, taken.upload) == ("cam1", Trigger.ALARM, "9f3c.1")


async def test_a_stored_picture_that_comes_again_is_acknowledged_again_and_nothing_happens_twice(
    listening: Site,
) -> None:
    for data in (whole(), whole(), QUESTION):
        assert await asked(listening, data) == ("0", "0", "9f3c.1")
    assert len(listening.taken) == len(listening.stored) == 1


async def test_a_broken_upload_is_gone_on_with_where_it_broke(listening: Site) -> None:
    assert await asked(listening, QUESTION) == ("1", "0", "9f3c.1")
    async with connected(listening.port) as peer:
        peer.send(line(part()) + PICTURE[:HALF])
        await peer.writer.drain()
    await until(lambda: not len(listening.lfcp.connections))
    assert await asked(listening, QUESTION) == ("1", str(HALF), "9f3c.1")
    assert await asked(listening, line(part(HALF)) + PICTURE[HALF:]) == ("0", "0", "9f3c.1")
    assert listening.stored == [PICTURE]


async def test_going_on_earlier_than_where_it_broke_overwrites(listening: Site) -> None:
    async with connected(listening.port) as peer:
        peer.send(line(part()) + b"x" * HALF)
    await until(lambda: not len(listening.lfcp.connections))
    assert await asked(listening, whole()) == ("0", "0", "9f3c.1")
    assert listening.stored == [PICTURE]


async def test_a_part_behind_what_has_come_is_skipped_and_the_connection_goes_on(listening: Site) -> None:
    async with connected(listening.port) as peer:
        peer.send(line(part(HALF)) + PICTURE[HALF:])
        assert await answer(peer) == ("1", "0", "9f3c.1")
        peer.send(whole())
        assert await answer(peer) == ("0", "0", "9f3c.1")


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_how_the_bytes_arrive_makes_no_difference(listening: Site, size: int) -> None:
    small = jpeg(16, 16)
    stream = whole(small) + b"cam1,HEARTBEAT,0,0,0,0,0,0\n"
    async with connected(listening.port) as peer:
        for begin in range(0, len(stream), size):
            peer.send(stream[begin : begin + size])
            await peer.writer.drain()
        answers = {await peer.line(), await peer.line()}
    assert answers == {b"cam1,ACK,0,0,0,9f3c.1,0,0\n", b"cam1,ACK,0,0,0,26,0,0\n"}
    assert listening.stored == [small]


async def test_bytes_that_are_not_what_was_announced_are_dropped(listening: Site) -> None:
    forged = PICTURE[:-9] + b"123456789"
    assert await asked(listening, line(part()) + forged) == ("2", "bad_digest", "9f3c.1")
    assert (listening.taken, listening.lfcp.uploads.bytes) == ([], 0)
    assert await asked(listening, QUESTION) == ("1", "0", "9f3c.1")


async def test_what_is_no_picture_is_refused_for_good(listening: Site) -> None:
    assert await asked(listening, whole(b"no picture")) == ("3", "not_a_picture", "9f3c.1")
    assert listening.stored == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ArchiveFullError("full"), "no_room"),
        (ArchiveError("broken"), "failed"),
        (RequestRefusedError(UNAVAILABLE, "", ""), "no_room"),
        (RequestRefusedError("unknown_device", "", ""), "failed"),
        (ValueError("a defect"), "failed"),
    ],
)
async def test_a_picture_that_cannot_be_stored_now_is_to_come_again(
    listening: Site, failure: Exception, reason: str
) -> None:
    listening.failure = failure
    assert await asked(listening, whole()) == ("2", reason, "9f3c.1")
    assert listening.lfcp.uploads.bytes == 0
    listening.failure = None
    assert await asked(listening, whole()) == ("0", "0", "9f3c.1")


async def test_a_signed_picture_is_stored_and_a_replay_of_its_line_ends_the_connection(listening: Site) -> None:
    camera = SignedCamera("cam2")
    await listening.house.runner.submit_request(KeyGiven("op", "cam2", camera.key))
    data = camera.frame("FRAM", *part_parameters(part())).payload + b"\n" + PICTURE
    async with connected(listening.port) as peer:
        peer.send(data)
        reply = camera.read((await peer.line()).rstrip(b"\n"))
        assert reply.params[:4] == (f"{camera.counter:x}", "0", "0", "9f3c.1")
    async with connected(listening.port) as peer:
        peer.send(data)
        assert await peer.rest() == b""
    assert listening.stored == [PICTURE]


async def test_another_picture_behind_a_signed_line_is_not_taken(listening: Site) -> None:
    camera = SignedCamera("cam2")
    await listening.house.runner.submit_request(KeyGiven("op", "cam2", camera.key))
    async with connected(listening.port) as peer:
        peer.send(camera.frame("FRAM", *part_parameters(part())).payload + b"\n" + bytes(len(PICTURE)))
        reply = camera.read((await peer.line()).rstrip(b"\n"))
    assert reply.params[1:3] == ("2", "bad_digest")
    assert listening.stored == []


async def test_a_strangers_picture_ends_the_connection_and_is_not_read_as_lines(listening: Site) -> None:
    hidden = b"\nintruder,MOAL,x,0,0,0,0,0\n"
    async with connected(listening.port) as peer:
        peer.send(whole(hidden, name="stranger"))
        assert await peer.rest() == b""
    assert set(listening.house.engine.state.sessions) == {"cam1"}


async def test_the_picture_of_a_device_nobody_adopted_is_skipped_and_the_connection_goes_on(listening: Site) -> None:
    hidden = b"\nintruder,MOAL,x,0,0,0,0,0\n"
    async with connected(listening.port) as peer:
        peer.send(b"cam9,HEARTBEAT,0,0,0,0,0,0\n")
        await peer.line()
        peer.send(whole(hidden, name="cam9"))
        assert await answer(peer) == ("3", "not_adopted", "9f3c.1")
        peer.send(b"cam9,HEARTBEAT,0,0,0,0,0,0\n")
        assert await peer.line() == b"cam9,ACK,0,0,0,26,0,0\n"
    assert set(listening.house.engine.state.sessions) == {"cam1", "cam9"}


async def test_heartbeats_by_udp_go_on_meanwhile(listening: Site) -> None:
    async with connected(listening.port) as peer:
        peer.send(line(part()) + PICTURE[:HALF])
        await until(lambda: listening.lfcp.uploads.bytes)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.setblocking(False)
            device.connect(("127.0.0.1", listening.port))
            device.send(b"cam1,HEARTBEAT,0,0,0,0,0,0")
            reply = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(device, 200), 30)
        assert reply == b"cam1,ACK,0,0,0,26,0,0"
        peer.send(PICTURE[HALF:])
        assert await answer(peer) == ("0", "0", "9f3c.1")


async def test_a_peer_that_ends_its_side_gets_its_answer_first(listening: Site) -> None:
    async with connected(listening.port) as peer:
        peer.send(whole())
        peer.end()
        assert await peer.rest() == b"cam1,ACK,0,0,0,9f3c.1,0,0\n"


async def test_a_peer_that_ends_its_side_in_the_middle_of_a_picture_is_let_go(listening: Site) -> None:
    async with connected(listening.port) as peer:
        peer.send(line(part()) + PICTURE[:HALF])
        peer.end()
        assert await peer.rest() == b""
    assert await asked(listening, QUESTION) == ("1", str(HALF), "9f3c.1")


async def test_a_second_picture_before_the_answer_to_the_first_ends_the_connection(listening: Site) -> None:
    listening.gate.clear()
    async with connected(listening.port) as peer:
        peer.send(whole() + line(part(len(PICTURE), upload="9f3c.2")))
        assert await peer.rest() == b""
    listening.gate.set()


async def test_a_picture_that_is_being_stored_is_not_taken_twice(listening: Site) -> None:
    listening.gate.clear()
    async with connected(listening.port) as peer:
        peer.send(whole())
        await until(lambda: listening.taken)
        assert await asked(listening, QUESTION) == ("2", "busy", "9f3c.1")
        listening.gate.set()
        assert await answer(peer) == ("0", "0", "9f3c.1")
    assert len(listening.taken) == 1


async def test_the_device_on_a_new_connection_ends_the_old_one(listening: Site) -> None:
    async with connected(listening.port) as old:
        old.send(line(part()) + PICTURE[:HALF])
        await until(lambda: listening.lfcp.uploads.bytes)
        assert await asked(listening, QUESTION) == ("1", str(HALF), "9f3c.1")
        assert await old.rest() == b""
    assert await asked(listening, line(part(HALF)) + PICTURE[HALF:]) == ("0", "0", "9f3c.1")


async def test_another_picture_waits_for_one_under_way_and_takes_the_place_of_a_broken_one(listening: Site) -> None:
    second = line(part(len(PICTURE), upload="9f3c.2"))
    async with connected(listening.port) as peer:
        peer.send(line(part()) + PICTURE[:HALF])
        await until(lambda: listening.lfcp.uploads.bytes)
        assert await asked(listening, second) == ("2", "busy", "9f3c.2")
    await until(lambda: not len(listening.lfcp.connections))
    assert await asked(listening, second) == ("1", "0", "9f3c.2")
    assert listening.lfcp.uploads.bytes == 0


async def test_a_part_is_not_kept_for_ever(site: Site) -> None:
    site.listen(upload_limits=LIMITS._replace(kept=0.01))
    async with connected(site.port) as peer:
        peer.send(line(part()) + PICTURE[:HALF])
        await until(lambda: site.lfcp.uploads.bytes)
    await until(lambda: not site.lfcp.uploads.bytes)


async def test_a_body_of_which_no_byte_comes_ends_the_connection_and_its_part_is_kept(site: Site) -> None:
    site.listen(TCP._replace(body_idle=0.05))
    async with connected(site.port) as peer:
        peer.send(line(part()) + PICTURE[:HALF])
        assert await peer.rest() == b""
    assert site.house.counted.dropped("tcp", "body_idle") == 1
    assert await asked(site, QUESTION) == ("1", str(HALF), "9f3c.1")


async def test_a_body_that_comes_byte_by_byte_ends_the_connection_after_its_time(site: Site) -> None:
    site.listen(TCP._replace(body_time=0.2))
    async with connected(site.port) as peer:
        peer.send(line(part()))
        ended = asyncio.create_task(peer.rest())
        while not ended.done():
            peer.send(b"x")
            await asyncio.sleep(0.001)
        assert await ended == b""
    assert site.house.counted.dropped("tcp", "body_timeout") == 1


async def test_parts_that_wait_make_room_and_pictures_under_way_do_not(site: Site) -> None:
    size = len(PICTURE)
    site.listen(upload_limits=UploadLimits(bytes=2 * size, places=2))
    await site.house.adopt("cam2", "cam3")
    first = line(part()) + PICTURE[:HALF]
    second = line(part(), "cam2") + PICTURE[:HALF]
    async with connected(site.port) as peer:
        peer.send(first)
        await until(lambda: site.lfcp.uploads.bytes == size)
    await until(lambda: not len(site.lfcp.connections))
    async with connected(site.port) as one, connected(site.port) as other:
        one.send(second)
        await until(lambda: site.lfcp.uploads.bytes == 2 * size)
        other.send(line(part(), "cam3") + PICTURE[:HALF])
        await until(lambda: len(site.lfcp.connections) == 2)
        assert await asked(site, QUESTION) == ("1", "0", "9f3c.1")  # it made room
        assert await asked(site, whole()) == ("2", "busy", "9f3c.1")
        other.send(PICTURE[HALF:])
        assert await answer(other) == ("0", "0", "9f3c.1")
        assert await asked(site, whole()) == ("0", "0", "9f3c.1")


async def test_a_thousand_half_uploads_stay_within_the_limits_and_others_are_served(site: Site) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    try:
        await _thousand(site)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _thousand(site: Site) -> None:
    total = 100_000
    announced = Part("9f3c.1", 0, total, picture_digest(PICTURE), Wire.ALARM)
    site.listen(upload_limits=LIMITS._replace(bytes=300 * total))
    names = [f"half{number}" for number in range(1000)]
    await site.house.adopt(*names)
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(site.port)) for _ in names]
        for peer, name in zip(peers, names, strict=True):
            peer.send(line(announced, name) + bytes(1000))
        for peer in peers[300:]:
            assert await answer(peer) == ("2", "busy", "9f3c.1")
        assert site.lfcp.uploads.bytes == 300 * total
        peers[0].writer.close()
        await until(lambda: len(site.lfcp.connections) == 999)
        assert await asked(site, whole()) == ("0", "0", "9f3c.1")
    await until(lambda: not len(site.lfcp.connections))
    assert site.lfcp.uploads.bytes == 299 * total


async def test_a_live_picture_goes_to_who_watches_and_is_not_stored(listening: Site) -> None:
    with listening.live.watch("cam1") as viewer:
        assert await asked(listening, whole(trigger=Wire.LIVE)) == ("0", "0", "9f3c.1")
        assert await anext(viewer) == PICTURE
    assert listening.taken == []
    assert await asked(listening, whole(trigger=Wire.LIVE)) == ("3", "nobody_watches", "9f3c.1")


async def test_a_live_picture_that_breaks_off_is_not_kept(listening: Site) -> None:
    with listening.live.watch("cam1"):
        async with connected(listening.port) as peer:
            peer.send(line(part(trigger=Wire.LIVE)) + PICTURE[:HALF])
            await until(lambda: listening.lfcp.uploads.bytes)
        await until(lambda: not listening.lfcp.uploads.bytes)


async def test_live_pictures_do_not_wait_for_a_picture_under_way(listening: Site) -> None:
    with listening.live.watch("cam1") as viewer:
        async with connected(listening.port) as peer:
            peer.send(line(part()) + PICTURE[:HALF])
            await until(lambda: listening.lfcp.uploads.bytes)
            assert await asked(listening, whole(upload="9f3c.2", trigger=Wire.LIVE)) == ("0", "0", "9f3c.2")
            assert await anext(viewer) == PICTURE


async def test_a_stop_leaves_nothing_behind(listening: Site) -> None:
    listening.gate.clear()
    await listening.house.adopt("cam2", "cam3")
    async with connected(listening.port) as storing, connected(listening.port) as half:
        storing.send(whole())
        half.send(line(part(), "cam2") + PICTURE[:HALF])
        await until(lambda: listening.taken and listening.lfcp.uploads.bytes == 2 * len(PICTURE))
        listening.lfcp.close()
        assert (await storing.rest(), await half.rest()) == (b"", b"")
    assert listening.lfcp.uploads.bytes == 0
    assert listening.stored == []


async def test_noise_for_a_body_never_harms_the_lines_that_follow(listening: Site) -> None:
    dice = random.Random(7)
    async with connected(listening.port) as peer:
        for number in range(1, 20):
            noise = dice.randbytes(dice.randrange(1, 3000)) + b"\ncam1,MOAL,x,0,0,0,0,0\n"
            peer.send(whole(noise, f"9f3c.{number:x}"))
            assert await answer(peer) == ("3", "not_a_picture", f"9f3c.{number:x}")
        peer.send(b"cam1,HEARTBEAT,0,0,0,0,0,0\n")
        assert await peer.line() == b"cam1,ACK,0,0,0,26,0,0\n"
    assert not listening.house.engine.state.alarms
