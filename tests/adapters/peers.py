"""TCP peers for tests, on the test's own loop, with a limit on every wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LIMIT = 30.0  # s


class TcpPeer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def line(self) -> bytes:
        """The next line, or b"" at the end of the connection."""
        return await asyncio.wait_for(self._reader.readline(), LIMIT)

    async def lines_until_empty(self) -> list[str]:
        lines = []
        while (line := (await self.line()).decode()) not in ("\n", ""):
            lines.append(line.removesuffix("\n"))
        return lines

    async def rest(self) -> bytes:
        """Everything until the server closes; a reset counts as closed."""
        try:
            return await asyncio.wait_for(self._reader.read(-1), LIMIT)
        except ConnectionError:
            return b""

    def end(self) -> None:
        """Close our side, as netcat does at the end of its input."""
        self.writer.write_eof()


@asynccontextmanager
async def connected(port: int, host: str = "127.0.0.1") -> AsyncIterator[TcpPeer]:
    peer = TcpPeer(*await asyncio.wait_for(asyncio.open_connection(host, port), LIMIT))
    try:
        yield peer
    finally:
        peer.writer.close()
