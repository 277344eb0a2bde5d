"""A camera's web server that a test writes the answers of, byte by byte."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.frames.pictures import jpeg

PICTURE = jpeg(64, 48)


def answer(body: bytes, kind: str = "image/jpeg", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


STILL = answer(PICTURE)


@dataclass
class Camera:
    """script: from a request's head to the bytes that answer it; None leaves it open. under_way: requests that nobody
    has answered yet."""

    script: Callable[[str], bytes | Awaitable[bytes] | None]
    port: int = 0
    heads: list[str] = field(default_factory=list)
    under_way: int = 0

    def url(self, path: str = "/capture", user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        self.under_way += 1
        try:
            said = self.script(head)
            if said is not None:
                writer.write(said if isinstance(said, bytes) else await said)
                await writer.drain()
            else:
                await reader.read()  # until the other side closes
        except ConnectionError:  # also a script's own: it breaks the connection off
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        finally:
            self.under_way -= 1
            writer.close()


@asynccontextmanager
async def camera(
    script: Callable[[str], bytes | Awaitable[bytes] | None], context: ssl.SSLContext | None = None
) -> AsyncIterator[Camera]:
    one = Camera(script)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
