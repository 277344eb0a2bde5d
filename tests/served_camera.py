"""A camera's web server in a thread of its own, for tests that block."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.frames.camera import STILL, Camera, camera

__all__ = ["STILL", "served_camera"]


@contextmanager
def served_camera(script: Callable[[str], bytes | None] = lambda _head: STILL) -> Iterator[Camera]:
    """script: from a request's head to the bytes that answer it; None leaves it open."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="camera")
    thread.start()
    serving = camera(script)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(_close(serving), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(serving: object) -> None:
    await serving.__aexit__(None, None, None)  # type: ignore[attr-defined]
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
