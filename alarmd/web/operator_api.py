"""The operator's API on its listeners: control.sock for the command line, and HTTP on loopback."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

from alarmd.web.app import build_app
from alarmd.web.dependencies import Access, Dependencies
from alarmd.web.listening import listen_tcp, listen_unix, remove_unix
from alarmd.web.server import WebServer


class OperatorApi:
    """start() raises ListenError; stop() is harmless at any time. Call `stored` after every commit."""

    def __init__(self, house: Dependencies) -> None:
        self._house = house
        self._servers: list[WebServer] = []
        self._control_socket: Path | None = None
        self.stored = house.wakeups.poke

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of the TCP listeners."""
        return [address for server in self._servers for address in server.addresses]

    async def start_control(self, path: Path) -> None:
        """HTTP on a Unix socket, mode 0600."""
        listening = listen_unix(path)
        self._control_socket = path
        await self._serve(Access(over_tcp=False), [listening])

    async def start_tcp(self, host: str, port: int, allowed_hosts: Sequence[str] = ()) -> None:
        """allowed_hosts: names in the Host header besides those of loopback, without port."""
        access = Access(over_tcp=True, allowed_hosts=frozenset(allowed_hosts))
        await self._serve(access, listen_tcp(host, port))

    async def stop(self) -> None:
        self._house.wakeups.close()
        self._house.live.close()
        if self._control_socket is not None:
            remove_unix(self._control_socket)
            self._control_socket = None
        await asyncio.gather(*(server.stop() for server in self._servers))
        self._house.threads.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, access: Access, sockets: Sequence[socket.socket]) -> None:
        server = WebServer(build_app(self._house, access), sockets)
        self._servers.append(server)
        await server.start()
