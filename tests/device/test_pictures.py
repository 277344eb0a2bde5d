"""A device with a camera against a real server: SNAP, its own alarms, LIVE, and connections that break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.core.records import Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import CommandRequested, KeyGiven
from alarmd.device import picture_line
from alarmd.device.device import CommandFailedError, Device
from alarmd.device.picture_line import PictureLine
from alarmd.frames.live import Viewer
from lfcp import Report
from lfcp import Trigger as Wire
from lfcp.client import ClientEvent, ClientSession, MessageAcknowledged, PictureAcknowledged, VolatileMemory
from lfcp.client import pictures as client_pictures
from lfcp.constants import UPLOAD_STORED
from tests.adapters.picture_site import Site
from tests.adapters.real_house import real_house
from tests.frames.pictures import jpeg
from tests.waiting import LIMIT, until

KEY = bytes(range(32))
PICTURE = jpeg(320, 240)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    async with real_house(tmp_path) as house:
        site = Site(house, reactor, tmp_path).listen()
        await house.adopt("cam1")
        yield site
        await site.stop()
    reactor.removeAll()


async def camera() -> bytes:
    return PICTURE


@asynccontextmanager
async def running(site: Site, key: bytes | None = None, **more: Any) -> AsyncIterator[Device]:
    servers = {"A": ("127.0.0.1", site.port)}
    options: dict[str, Any] = {"take_picture": camera, "key": key, **more}
    device = Device("cam1", servers, {}, interval=1, memory=VolatileMemory(), **options)
    async with device:
        task = asyncio.create_task(device.run())
        try:
            await until(lambda: site.house.engine.state.sessions["cam1"].knows or task.done())
            yield device
            assert not task.done()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def shown(viewer: Viewer) -> bytes:
    return await asyncio.wait_for(anext(viewer), LIMIT)


async def send(site: Site, verb: str, *params: str) -> Any:
    (command,) = await site.house.runner.submit_request(CommandRequested("op", "cam1", verb, params))
    return command


async def give_key(site: Site) -> bytes:
    await site.house.runner.submit_request(KeyGiven("op", "cam1", KEY))
    return KEY


@pytest.mark.parametrize("signed", [False, True])
async def test_a_device_that_is_told_to_uploads_a_picture(site: Site, signed: bool) -> None:
    key = await give_key(site) if signed else None
    async with running(site, key):
        command = await send(site, "SNAP")
        await until(lambda: site.stored)
    (taken,) = site.taken
    assert (taken.upload, taken.trigger, site.stored) == (command.identity, Trigger.COMMAND, [PICTURE])


async def test_a_device_uploads_a_picture_with_its_own_alarm(site: Site) -> None:
    async with running(site) as device:
        device.motion("stairs")
        await until(lambda: site.stored)
    assert site.taken[0].trigger is Trigger.ALARM
    assert site.taken[0].upload.endswith(".1")


async def test_live_pictures_come_while_somebody_watches(site: Site) -> None:
    key = await give_key(site)
    async with running(site, key):
        with site.live.watch("cam1") as viewer:
            for _ in range(5):
                assert await shown(viewer) == PICTURE
        await until(lambda: not len(site.lfcp.connections))  # the answer to the next one ended it
    assert site.stored == []


async def test_a_picture_that_is_kept_goes_before_live_ones(site: Site) -> None:
    key = await give_key(site)
    async with running(site, key) as device:
        with site.live.watch("cam1") as viewer:
            await shown(viewer)
            assert await device.upload(Wire.DEVICE)
            await until(lambda: site.stored)
            await shown(viewer)


def texts_of(events: list[ClientEvent]) -> list[str]:
    return [one.text for one in events if isinstance(one, MessageAcknowledged)]


async def no_camera() -> bytes:
    raise CommandFailedError("no camera is connected")


async def broken_camera() -> bytes:
    raise ZeroDivisionError


async def test_a_picture_that_cannot_be_taken_fails_the_command_and_is_told_with_an_alarm(site: Site) -> None:
    events: list[ClientEvent] = []
    async with running(site, take_picture=no_camera, heard=events.append) as device:
        await send(site, "SNAP")
        await until(lambda: not site.house.engine.state.open_commands)
        device.motion("stairs")
        await until(lambda: "no picture of the motion: no camera is connected" in texts_of(events))
    assert "no camera is connected" in texts_of(events)


async def test_a_camera_that_breaks_ends_live_pictures_and_not_the_device(site: Site) -> None:
    key = await give_key(site)
    async with running(site, key, take_picture=broken_camera):
        await send(site, "LIVE", "60")
        await until(lambda: not site.house.engine.state.open_commands)
        with site.live.watch("cam1"):
            await until(lambda: not site.house.engine.state.open_commands)


async def test_a_device_without_a_camera_reports_that_it_knows_neither(site: Site) -> None:
    device = Device("cam1", {"A": ("127.0.0.1", site.port)}, {}, interval=1)
    with pytest.raises(ValueError, match="take_picture"):
        await device.upload(Wire.DEVICE)
    async with device:
        task = asyncio.create_task(device.run())
        await until(lambda: site.house.engine.state.sessions["cam1"].path)
        with pytest.raises(RequestRefusedError, match="SNAP"):
            await send(site, "SNAP")
        task.cancel()


class Cutter:
    """A relay that cuts each connection after so many bytes of the device, until it lets all of them through."""

    def __init__(self, port: int, *limits: int) -> None:
        self._to = port
        self._limits = list(limits)
        self.cuts = 0

    async def start(self) -> "Cutter":
        self.server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up = await asyncio.open_connection("127.0.0.1", self._to)
        back = asyncio.create_task(self._copy(up_reader, writer, 1 << 40))
        limit = self._limits.pop(0) if self._limits else 1 << 40
        await self._copy(reader, up, limit)
        self.cuts += limit < 1 << 40
        up.close()
        await up.wait_closed()
        back.cancel()
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int) -> None:
        with suppress(OSError):
            while limit and (data := await reader.read(min(limit, 1000))):
                writer.write(data)
                await writer.drain()
                limit -= len(data)


def lonely(camera_port: int, events: list[ClientEvent]) -> tuple[ClientSession, PictureLine]:
    """A line alone, without heartbeats."""
    session = ClientSession("cam1", ("A",), 20, lambda: 0.0, report=Report(boot_id="9f3c"))
    return session, PictureLine("A", ("127.0.0.1", camera_port), session, camera, events.append)


async def test_an_upload_survives_connections_that_break(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_pictures, "AGAIN_FIRST", 0.01)
    events: list[ClientEvent] = []
    cutter = await Cutter(site.port, 40, 3000, 4000, 200).start()
    session, line = lonely(cutter.port, events)
    session.offer(PICTURE, Wire.ALARM)
    task = asyncio.create_task(line.run())
    await until(lambda: any(isinstance(one, PictureAcknowledged) and one.result == UPLOAD_STORED for one in events))
    task.cancel()
    cutter.server.close()
    assert cutter.cuts == 4
    assert site.stored == [PICTURE]


async def test_a_server_that_is_away_or_says_nothing_is_tried_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_pictures, "AGAIN_FIRST", 0.01)
    monkeypatch.setattr(picture_line, "ANSWER_WAIT", 0.05)
    silent = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(60), "127.0.0.1", 0)
    for port in (1, silent.sockets[0].getsockname()[1]):
        events: list[ClientEvent] = []
        session, line = lonely(port, events)
        session.offer(PICTURE, Wire.ALARM)
        task = asyncio.create_task(line.run())
        await until(lambda: not session.pictures_waiting("A"))  # noqa: B023  used up before the next round
        task.cancel()
        assert (events, session.given_up) == ([], 1)
    silent.close()


async def test_live_pictures_go_on_after_a_connection_broke(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_line, "LIVE_AGAIN", 0.01)
    cutter = await Cutter(site.port, 3000).start()
    _, line = lonely(cutter.port, [])
    task = asyncio.create_task(line.run())
    with site.live.watch("cam1") as viewer:
        line.go_live(60)
        assert await shown(viewer) == PICTURE
    task.cancel()
    cutter.server.close()
    assert cutter.cuts == 1
