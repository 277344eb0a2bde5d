import asyncio
import socket
from collections.abc import AsyncIterator, Iterable

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.adapters import tcp_connection, tcp_listener
from alarmd.adapters.addresses import bind
from alarmd.adapters.line_server import LineServer
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.sockets import Sockets
from alarmd.adapters.tcp_connection import TcpLimits
from alarmd.adapters.tcp_listener import LfcpLines
from alarmd.adapters.uploads import Uploads
from alarmd.core.effects import CacheHeartbeat
from alarmd.core.inputs import ConnectionClosed, FrameReceived, Input
from alarmd.core.instant import Instant
from alarmd.core.paths import Path
from alarmd.frames.intake import Upload
from alarmd.frames.live import LiveHub
from lfcp import body_length
from tests.adapters.parts import Counted
from tests.adapters.peers import TcpPeer, connected
from tests.waiting import until

LIMITS = TcpLimits(connections=3, connections_per_address=2, line_timeout=30.0, idle_timeout=30.0, buffer=128)
SOON = 0.02  # s


class Listening:
    """An LFCP listener whose inputs are kept; a line that says `bad` is answered by closing, as the rules would."""

    def __init__(self, reactor: AsyncioSelectorReactor, counted: Counted, limits: TcpLimits = LIMITS) -> None:
        self.inputs: list[Input] = []
        self.sockets = Sockets()
        loop = asyncio.get_running_loop()
        uploads = Uploads(
            take_in=self._take_in,
            live=LiveHub(lambda _device: None, lambda _device: None),
            submit=lambda happened, _moment: self.inputs.append(happened),
            close_when_answered=self._close,
            loop=loop,
            now=now,
        )
        self.lines = LfcpLines(self.sockets, self._submit, self._close, uploads, now)
        self.server = LineServer(tcp_listener.LISTENER, limits, self.lines, loop, counted.metrics, body_length)
        sock = bind("127.0.0.1", 0, socket.SOCK_STREAM)
        self.port = sock.getsockname()[1]
        self.server.listen(reactor, sock)

    def _submit(self, inputs: Iterable[Input], _moment: Instant) -> None:
        for happened in inputs:
            self.inputs.append(happened)
            if isinstance(happened, FrameReceived) and happened.payload == b"bad":
                self._close(happened.path)

    async def _take_in(self, _upload: Upload) -> None:
        raise AssertionError("no rules here take a picture")

    def _close(self, path: Path) -> None:
        endpoint = self.sockets.get(path.socket)
        if endpoint is not None:
            endpoint.close(path)

    @property
    def frames(self) -> list[bytes]:
        return [one.payload for one in self.inputs if isinstance(one, FrameReceived)]

    def path(self) -> Path:
        frame = next(one for one in self.inputs if isinstance(one, FrameReceived))
        return frame.path

    def reply(self, payload: bytes) -> None:
        endpoint = self.sockets.get(self.path().socket)
        assert endpoint is not None
        endpoint.send(self.path(), payload)


@pytest.fixture
async def listening(reactor: AsyncioSelectorReactor, counted: Counted) -> AsyncIterator[Listening]:
    listening = Listening(reactor, counted)
    yield listening
    await stop(listening)


async def stop(listening: Listening) -> None:
    listening.server.stop_listening()
    listening.server.close_connections()
    await until(lambda: not len(listening.server))


async def test_each_line_is_a_frame_however_its_bytes_arrive(listening: Listening) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"cam1,HEART")
        await peer.writer.drain()
        peer.send(b"BEAT\r\ncam1,LOG,a\ncam1,")
        await until(lambda: len(listening.frames) == 2)
        assert listening.frames == [b"cam1,HEARTBEAT", b"cam1,LOG,a"]
        host, port = peer.writer.get_extra_info("sockname")
        assert listening.path()[:3] == ("tcp", host, port)


async def test_an_answer_is_a_line(listening: Listening) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"cam1,HEARTBEAT\n")
        await until(lambda: listening.frames)
        listening.reply(b"cam1,ACK,0,0,0,26,0,0")
        assert await peer.line() == b"cam1,ACK,0,0,0,26,0,0\n"


async def test_nothing_behind_the_line_at_which_the_rules_closed_is_read(listening: Listening) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"good\nbad\ncam1,DSAL\n")
        assert await peer.rest() == b""
        peer.send(b"cam1,DSAL\n")
    await until(lambda: not len(listening.server))
    assert listening.frames == [b"good", b"bad"]


async def test_a_connection_that_may_say_nothing_more_is_not_read(listening: Listening) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"first\n")
        await until(lambda: listening.frames)
        endpoint = listening.sockets.get(listening.path().socket)
        assert endpoint is not None
        endpoint.stop_reading(listening.path())
        peer.send(b"second\n")
        peer.end()
        listening.reply(b"owed")
        listening._close(listening.path())
        assert await peer.rest() == b"owed\n"
    assert listening.frames == [b"first"]


async def test_the_rules_hear_of_the_end_of_a_connection_and_its_number_is_not_used_again(
    listening: Listening,
) -> None:
    for _ in range(2):
        async with connected(listening.port) as peer:
            before = len(listening.inputs)
            peer.send(b"beat\n")
            await until(lambda: len(listening.inputs) > before)  # noqa: B023  used up before the next round
        await until(lambda: not len(listening.server))
    first, first_end, second, second_end = listening.inputs
    assert isinstance(first, FrameReceived)
    assert isinstance(second, FrameReceived)
    assert [first_end, second_end] == [ConnectionClosed(first.path), ConnectionClosed(second.path)]
    assert first.path.socket != second.path.socket
    assert listening.sockets.get(first.path.socket) is None


async def test_a_peer_that_ends_its_side_gets_its_last_line_answered_first(listening: Listening) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"cam1,LOG,hello")  # no line end, as from printf
        peer.end()
        await until(lambda: listening.frames)
        assert listening.frames == [b"cam1,LOG,hello"]
        assert await peer.rest() == b""


@pytest.mark.parametrize("data", [b"x" * 500, b"x" * 500 + b"\n", b"\xff" * 100_000])
async def test_a_line_that_is_too_long_ends_the_connection(listening: Listening, counted: Counted, data: bytes) -> None:
    async with connected(listening.port) as peer:
        peer.send(data)
        assert await peer.rest() == b""
    assert counted.dropped("tcp", "line_too_long") == 1
    assert listening.frames == []


async def test_lines_before_one_that_is_too_long_are_read(listening: Listening, counted: Counted) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"good\n" + b"x" * 500)
        assert await peer.rest() == b""
    assert listening.frames == [b"good"]
    assert counted.dropped("tcp", "line_too_long") == 1


async def test_connections_are_bounded_in_all_and_by_address(listening: Listening, counted: Counted) -> None:
    async with connected(listening.port) as one, connected(listening.port):
        async with connected(listening.port) as third:
            assert await third.rest() == b""
        assert counted.dropped("tcp", "too_many_connections_of_address") == 1
        one.send(b"still served\n")
        await until(lambda: listening.frames)
        assert counted.value("alarmd_connections", listener="tcp") == 2
    await until(lambda: not len(listening.server))
    assert counted.value("alarmd_connections", listener="tcp") == 0
    assert counted.value("alarmd_connections_opened_total", listener="tcp") == 2


async def test_a_full_server_refuses_whoever_comes(reactor: AsyncioSelectorReactor, counted: Counted) -> None:
    listening = Listening(reactor, counted, LIMITS._replace(connections=1))
    async with connected(listening.port), connected(listening.port) as second:
        assert await second.rest() == b""
    assert counted.dropped("tcp", "too_many_connections") == 1
    await stop(listening)


async def dribble(peer: TcpPeer) -> None:
    """A byte now and then, never a line."""
    while True:
        peer.send(b"x")
        await asyncio.sleep(SOON / 4)


async def test_a_line_that_takes_too_long_ends_the_connection(
    reactor: AsyncioSelectorReactor, counted: Counted
) -> None:
    listening = Listening(reactor, counted, LIMITS._replace(line_timeout=SOON, buffer=1_000_000))
    async with connected(listening.port) as silent:
        assert await silent.rest() == b""
    async with connected(listening.port) as slow:
        slow.send(b"first\n")
        dribbling = asyncio.create_task(dribble(slow))
        assert await slow.rest() == b""
        dribbling.cancel()
    assert counted.dropped("tcp", "line_timeout") == 2
    await stop(listening)


async def test_a_connection_without_lines_is_closed_after_a_while(
    reactor: AsyncioSelectorReactor, counted: Counted
) -> None:
    listening = Listening(reactor, counted, LIMITS._replace(idle_timeout=SOON))
    async with connected(listening.port) as peer:
        peer.send(b"first\n")
        assert await peer.rest() == b""
    assert counted.dropped("tcp", "idle") == 1
    await stop(listening)


async def test_a_peer_that_keeps_talking_is_not_idle(reactor: AsyncioSelectorReactor, counted: Counted) -> None:
    listening = Listening(reactor, counted, LIMITS._replace(line_timeout=5 * SOON, idle_timeout=5 * SOON))
    async with connected(listening.port) as peer:
        for number in range(1, 11):
            peer.send(b"beat\n")
            await until(lambda wanted=number: len(listening.frames) == wanted)
            await asyncio.sleep(SOON)
    await stop(listening)
    assert counted.dropped("tcp", "idle") == counted.dropped("tcp", "line_timeout") == 0


async def test_a_peer_that_reads_nothing_is_cut_off(listening: Listening, counted: Counted) -> None:
    async with connected(listening.port) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports have it
        peer.send(b"beat\n")
        await until(lambda: listening.frames)
        while not counted.dropped("tcp", "slow_peer"):
            listening.reply(b"x" * 10_000)
            await asyncio.sleep(0)
        await until(lambda: not len(listening.server))


async def test_a_peer_that_does_not_take_its_last_answer_is_cut_off_in_the_end(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_connection, "CLOSE_PATIENCE", SOON)
    monkeypatch.setattr(tcp_connection, "MAX_UNREAD", 100_000_000)
    async with connected(listening.port) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # as above
        peer.send(b"beat\n")
        await until(lambda: listening.frames)
        listening.reply(b"x" * 20_000_000)
        listening._close(listening.path())
        await until(lambda: not len(listening.server))


async def test_a_peer_that_resets_is_forgotten(listening: Listening) -> None:
    with socket.create_connection(("127.0.0.1", listening.port)) as rude:
        rude.sendall(b"beat\n")
        await until(lambda: listening.frames)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await until(lambda: not len(listening.server))
    assert listening.sockets.get(listening.path().socket) is None


async def test_a_heartbeat_over_tcp_is_not_cached(listening: Listening) -> None:
    async with connected(listening.port) as peer:
        peer.send(b"beat\n")
        await until(lambda: listening.frames)
        endpoint = listening.sockets.get(listening.path().socket)
        assert endpoint is not None
        endpoint.cache(CacheHeartbeat(None, listening.path(), b"beat", b"ack"))  # type: ignore[arg-type]
        peer.send(b"beat\n")
        await until(lambda: len(listening.frames) == 2)
