"""Cameras of every kind, as senders to a real server."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from alarmd.device.device import Device
from lfcp.client import VolatileMemory
from tests.serving import LOOPBACK, Served
from tests.waiting import LIMIT, wait_until

GENEROUS = {"DEVICES_MESSAGE_RATE": "1000", "DEVICES_MESSAGE_BURST": "100000"}  # for cameras that never pause


def adopted(server: Served, name: str) -> str:
    """The upload secret of a new camera of ours. By control.sock itself: a command line takes a second to begin."""
    with operator(server) as asking:
        asking.post(f"/devices/{name}/adopt", json={}).raise_for_status()
        secret: str = asking.post(f"/cameras/{name}/secret", json={}).raise_for_status().json()["secret"]
    return secret


def operator(server: Served) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(server.state / "control.sock"))
    return httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=LIMIT)


def shown(server: Served, secret: str, data: bytes) -> httpx.Response:
    """Uploaded as PrusaConnect's cameras do."""
    headers = {"Token": secret, "Fingerprint": f"camera-{secret}"[:20], "Content-Type": "image/jpg"}
    return httpx.put(f"http://{LOOPBACK}:{server.ingest_port}/c/snapshot", content=data, headers=headers, timeout=LIMIT)


def posted_by_arduino(server: Served, picture: bytes) -> bytes:
    """As its sketch does: the first byte is lost, a stray one follows the last, and it never closes its side."""
    mangled = picture[1:] + b"\x00"
    lines = ("POST /S3StoreImage HTTP/1.1", "Host: x", "Content-Type: image/jpeg", f"Content-Length: {len(mangled)}")
    with socket.create_connection((LOOPBACK, server.ingest_port), LIMIT) as arduino:
        arduino.sendall("\r\n".join([*lines, "", ""]).encode())
        for at in range(0, len(mangled), 512):
            arduino.sendall(mangled[at : at + 512])
        answer = b""
        while piece := arduino.recv(65_536):
            answer += piece
    return answer


class Gate:
    """Use `lfcp_camera`."""

    def __init__(self, device: Device, loop: asyncio.AbstractEventLoop) -> None:
        self._device = device
        self._loop = loop

    def motion(self, what: str) -> None:
        self._loop.call_soon_threadsafe(self._device.motion, what)


@contextmanager
def lfcp_camera(server: Served, name: str, take_picture: Callable[[], bytes]) -> Iterator[Gate]:
    """A device in Python with a camera, adopted, in a thread of its own; the server knows what it can."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name)

    async def taken() -> bytes:
        return take_picture()

    device = Device(
        name, {"A": (LOOPBACK, server.lfcp_port)}, {}, interval=1, memory=VolatileMemory(), take_picture=taken
    )

    async def life() -> None:
        async with device:
            await device.run()

    thread.start()
    running = asyncio.run_coroutine_threadsafe(life(), loop)
    try:
        with operator(server) as asking:
            asking.post(f"/devices/{name}/adopt", json={}).raise_for_status()
            wait_until(lambda: asking.get(f"/cameras/{name}").json()["askable"], "the report of what it can")
        yield Gate(device, loop)
    finally:
        running.cancel()
        wait_until(lambda: not asyncio.all_tasks(loop), "the end of the device")
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
