"""Long bodies without long stops of the loop: they are copied in blocks, and put together in a thread."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

BLOCK = 256 * 1024  # bytes; what is shorter is worked on at once, in a millisecond at worst

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Gathered:
    """Bytes that come in parts. A list of the parts would be many times as long if each were a byte."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._tail = bytearray()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, part: bytes) -> None:
        self._size += len(part)
        self._tail += part
        if len(self._tail) >= BLOCK:
            self._blocks.append(bytes(self._tail))
            self._tail = bytearray()

    def whole(self) -> bytes:
        """join() lets other threads run while it copies, as no other way of copying does."""
        return b"".join((*self._blocks, bytes(self._tail)))


async def beside_the_loop(size: int, work: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs) -> Made:
    """size: bytes that are worked on."""
    if size <= BLOCK:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
