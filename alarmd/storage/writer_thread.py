"""The one thread that writes. Whoever wants something stored hands it a function and gets a future."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from alarmd.storage.interface import StorageUnavailableError

MAX_WAITING = 1000  # calls; each may be a group commit, so this is far beyond what a healthy database leaves waiting

P = ParamSpec("P")
T = TypeVar("T")


class WriterBusyError(StorageUnavailableError):
    """Too many calls wait already."""


class WriterStoppedError(StorageUnavailableError):
    """The writer has been told to stop."""


class WriterThread:
    """Runs calls one after the other, in the order they were made.

    The thread is a daemon: a database that never answers must not keep the process from ending.
    """

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """From any thread. A future that is cancelled in time is never run. Raises WriterBusyError when `limit`
        calls wait, WriterStoppedError after stop()."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self._enqueue(run)
        return future

    @property
    def waiting(self) -> int:
        """Calls not begun, for the metrics."""
        return self._calls.qsize()

    def stop(self, seconds: float) -> bool:
        """Take no more calls, finish those that wait. False: they are not finished after so many seconds."""
        with self._lock:
            if not self._stopping:
                self._stopping = True
                self._calls.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _enqueue(self, run: Callable[[], None]) -> None:
        with self._lock:
            if self._stopping:
                raise WriterStoppedError("the storage writer is stopped")
            if self._calls.qsize() >= self._limit:
                raise WriterBusyError(f"{self._limit} calls wait for the storage writer")
            self._calls.put(run)

    def _run(self) -> None:
        while (run := self._calls.get()) is not None:
            run()
