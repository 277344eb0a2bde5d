"""An operator's machine and a device, both in this process, and servers between them, on real sockets."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from alarmd.core import rendezvous
from alarmd.core.device_session import DeviceSession
from alarmd.core.meetings import proven_path
from alarmd.core.paths import Path as PeerPath
from alarmd.core.requests import KeyGiven, OperatorAdded, OperatorRemoved
from alarmd.core.settings import Settings
from alarmd.device import connecting, meetings
from alarmd.device.connecting import Connecting, Ended, How, Operator, Wanted
from alarmd.device.device import Device
from alarmd.device.direct_lfcp import DirectLfcp
from alarmd.device.lfcp_line import LfcpLine
from alarmd.device.loopback import LOOPBACK, Loopback
from alarmd.device.simulator import Server
from lfcp.candidates import Address, Mapping
from lfcp.client import Invited, VolatileMemory
from lfcp.client.punching_steps import PathChanged
from lfcp.constants import RendezvousReason
from tests.running_house import RunningHouse, running_house
from tests.waiting import LIMIT, until

KEYS = {"cam1": bytes(range(32)), "anna": bytes(range(1, 33)), "ben": bytes(range(2, 34))}
CAM1 = Wanted("cam1")
PORT = 5004  # that the camera allows
BEAT = b"cam1,HEARTBEAT,0,0,0,0,0,0"
ACK = b"cam1,ACK,0,0,0,0,0,0"


class Connection:
    """Use `connecting_with`. paths: as they were taken. wanted: what for."""

    def __init__(self, houses: tuple[RunningHouse, ...], wanted: Wanted, local: Loopback, name: str) -> None:
        operator = Operator(name, KEYS[name], tuple(Server(LOOPBACK, house.udp_port, label(house)) for house in houses))
        self.paths: list[PathChanged] = []
        self.stop = asyncio.Event()
        self.machine = Connecting(wanted, operator, VolatileMemory(), local, lambda path, _: self.paths.append(path))
        self.running = asyncio.create_task(self.machine.run(self.stop))
        self._local = local
        self._program = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._program.setblocking(False)

    async def ended(self) -> Ended:
        await until(self.running.done, "the end")
        return self.running.result()

    async def relayed(self) -> None:
        await until(lambda: self.paths or self.running.done(), "the relay")
        assert not self.running.done()

    async def direct(self) -> None:
        await until(lambda: self.paths and self.paths[-1].address is not None, "a direct path")

    def say(self, question: bytes) -> None:
        self._program.sendto(question, (LOOPBACK, self._local.port))

    async def answer(self, question: bytes) -> bytes:
        """Of the device, to a local program."""
        self.say(question)
        async with asyncio.timeout(LIMIT):
            return await asyncio.get_running_loop().sock_recv(self._program, 2000)

    def close(self) -> None:
        self._local.close()
        self._program.close()


def label(house: RunningHouse) -> str:
    return house.engine.state.settings.label


@asynccontextmanager
async def connecting_with(
    *houses: RunningHouse, wanted: Wanted = CAM1, name: str = "anna"
) -> AsyncIterator[Connection]:
    local = await Loopback.listen(0)
    connection = Connection(houses, wanted, local, name)
    try:
        yield connection
    finally:
        connection.stop.set()
        with suppress(Exception):
            await connection.running
        connection.close()


@asynccontextmanager
async def camera(house: RunningHouse) -> AsyncIterator[Device]:
    """Its path is proven."""
    submit(house, KeyGiven("test", "cam1", KEYS["cam1"]))
    servers = {label(house): (LOOPBACK, house.udp_port)}
    device = Device("cam1", servers, {}, 1, key=KEYS["cam1"], memory=VolatileMemory(), allow=(PORT,))
    async with device:
        running = asyncio.create_task(device.run())
        await until(lambda: is_proven(house))
        yield device
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])


def is_proven(house: RunningHouse) -> bool:
    session = house.engine.state.sessions.get("cam1")
    return session is not None and session.signed is not None and session.signed.proven


def submit(house: RunningHouse, request: KeyGiven | OperatorAdded | OperatorRemoved) -> None:
    async def submitted() -> None:
        await house.house.submit(request)

    house.run(submitted())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RunningHouse]:
    with running_house(tmp_path) as house:
        submit(house, OperatorAdded("test", "anna", KEYS["anna"]))
        yield house


@contextmanager
def second_house(directory: Path) -> Iterator[RunningHouse]:
    directory.mkdir()
    with running_house(directory, Settings(label="B")) as house:
        submit(house, OperatorAdded("test", "anna", KEYS["anna"]))
        yield house


async def test_a_direct_path_outlives_the_server(house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf: set[LfcpLine] = set()  # who tries to hear a server again

    async def look_up(line: LfcpLine) -> None:
        deaf.add(line)

    monkeypatch.setattr(connecting, "INTERVAL", 1)
    monkeypatch.setattr(LfcpLine, "look_up", look_up)
    async with camera(house), connecting_with(house) as connection:
        await connection.direct()
        house.hears = lambda _: False
        await until(lambda: len(deaf) == 2, "both to see that no server answers")
        assert await connection.answer(BEAT) == ACK
        assert connection.paths[-1].address is not None


async def test_who_asks_again_at_once_is_connected_at_once(house: RunningHouse) -> None:
    async with camera(house):
        for _ in range(3):
            async with connecting_with(house) as connection:
                await connection.relayed()
                assert await connection.answer(BEAT) == ACK


async def test_who_is_refused_by_one_server_is_taken_by_another(house: RunningHouse, tmp_path: Path) -> None:
    with second_house(tmp_path / "b") as other:
        async with camera(other):
            other.hears = lambda _: False
            async with connecting_with(house, other) as connection:
                await until(lambda: connection.machine._refusal)
                other.hears = lambda _: True
                await connection.relayed()
                assert connection.machine._refusal == Ended(How.REFUSED, RendezvousReason.UNKNOWN_DEVICE, "A")


async def test_who_is_refused_by_all_hears_the_last_reason(house: RunningHouse, tmp_path: Path) -> None:
    with second_house(tmp_path / "b") as other:
        async with connecting_with(house, other) as connection:
            ended = await connection.ended()
            assert (ended.how, ended.reason) == (How.REFUSED, RendezvousReason.UNKNOWN_DEVICE)


async def test_a_device_that_is_in_too_many_sessions_refuses_one_more(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meetings, "MAX_MEETINGS", 1)
    submit(house, OperatorAdded("test", "ben", KEYS["ben"]))
    async with camera(house), connecting_with(house) as first:
        await first.relayed()
        async with connecting_with(house, name="ben") as second:
            assert await second.ended() == Ended(How.REFUSED, RendezvousReason.TOO_MANY, "A")
        assert await first.answer(BEAT) == ACK


@pytest.mark.parametrize("method", ["give", "run"])
async def test_a_session_that_fails_ends_and_nothing_else_does(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def broken(*_what: object) -> None:
        raise ZeroDivisionError

    async with camera(house):
        with monkeypatch.context() as patched, capture_logs() as logged:
            patched.setattr(DirectLfcp, method, broken)
            async with connecting_with(house) as connection:
                if method == "give":
                    await connection.relayed()
                    connection.say(BEAT)
                assert await connection.ended() == Ended(How.OVER, RendezvousReason.ENDED)
        assert [line["event"] for line in logged if line["log_level"] == "error"] == ["a session failed"]
        async with connecting_with(house) as connection:
            assert await connection.answer(BEAT) == ACK


async def test_a_device_without_a_socket_for_it_refuses(house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_left(_port: int) -> Loopback:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Loopback, "towards", none_left)
    async with camera(house), connecting_with(house, wanted=Wanted("cam1", PORT)) as connection:
        assert await connection.ended() == Ended(How.REFUSED, RendezvousReason.REFUSED, "A")


async def test_who_cannot_be_told_the_path_any_more_is_not_connected_any_longer(house: RunningHouse) -> None:
    """A reader of its output that is gone, for example."""

    def broken(_path: PathChanged, _after: float) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    async with camera(house), connecting_with(house) as connection:
        connection.machine._taken = broken
        await until(connection.running.done, "the end")
        assert isinstance(connection.running.exception(), BrokenPipeError)


async def test_an_operator_who_is_removed_is_cut_off(house: RunningHouse) -> None:
    async with camera(house), connecting_with(house) as connection:
        await connection.direct()
        submit(house, OperatorRemoved("test", "anna"))
        assert (await connection.ended())[:2] == (How.OVER, RendezvousReason.ENDED)  # says who is faster


def no_requests(datagram: bytes) -> bool:
    return b",CONN," not in datagram


@pytest.mark.parametrize(
    ("hears", "how"), [(lambda _: False, How.SILENT), (no_requests, How.UNANSWERED)], ids=["nothing", "no requests"]
)
async def test_who_is_not_answered_is_told_by_whom(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch, hears: Callable[[bytes], bool], how: How
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.5)
    house.hears = hears
    async with connecting_with(house) as connection:
        assert await connection.ended() == Ended(how)


async def test_who_is_not_believed_twice_asks_again(house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def believed(session: DeviceSession) -> PeerPath | None:
        asked.append(session)
        return proven_path(session) if len(asked) > 2 else None

    monkeypatch.setattr(rendezvous, "proven_path", believed)
    async with camera(house):
        asked.clear()
        async with connecting_with(house) as connection:
            await connection.relayed()
            assert connection.machine._refusal == Ended(How.REFUSED, RendezvousReason.UNPROVEN, "A")


async def test_it_stops_in_every_phase(house: RunningHouse) -> None:
    phases: dict[str, Callable[[Connection], Awaitable[None]]] = {
        "nobody answered": lambda _: asyncio.sleep(0),
        "asked": lambda connection: until(lambda: connection.machine._asking),
        "relayed": lambda connection: connection.relayed(),
        "direct": lambda connection: connection.direct(),
    }
    async with camera(house):
        for phase, reached in phases.items():
            async with connecting_with(house) as connection:
                await reached(connection)
                connection.stop.set()
                assert await connection.ended() == Ended(How.STOPPED), phase
                if phase in ("relayed", "direct"):  # who goes before that is given up by the server in the end
                    await until(lambda: not house.engine.state.meetings.by_id, "the end of the session")


async def test_an_invitation_that_nobody_asked_for_is_refused(house: RunningHouse) -> None:
    async with camera(house), connecting_with(house) as connection:
        await connection.relayed()
        strange = Invited("A", 7, bytes(32), 0, Address("192.0.2.1", 9), Mapping.HARD, 0, "-", 0.0, "cam1")
        for invited in (strange, strange._replace(role=1), strange._replace(name="cam2")):
            assert await connection.machine.admit(invited) is RendezvousReason.REFUSED
