"""One thread runs what it is handed, in order, within its bounds."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from alarmd.storage.interface import StorageUnavailableError
from alarmd.storage.writer_thread import MAX_WAITING, WriterBusyError, WriterStoppedError, WriterThread
from tests.waiting import LIMIT


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def blocked_writer(gate: threading.Event, limit: int = MAX_WAITING) -> WriterThread:
    """A writer that is inside its first call until the gate opens."""
    writer, inside = WriterThread(limit), threading.Event()

    def first() -> None:
        inside.set()
        gate.wait(LIMIT)

    writer.call(first)
    assert inside.wait(LIMIT)
    return writer


def test_calls_run_on_one_thread_in_order() -> None:
    writer, ran = WriterThread(), []

    def note(number: int, *, thread: bool) -> int:
        ran.append((number, threading.current_thread() if thread else None))
        return number * 2

    futures = [writer.call(note, number, thread=True) for number in range(100)]
    assert [future.result(LIMIT) for future in futures] == [number * 2 for number in range(100)]
    assert [number for number, _ in ran] == list(range(100))
    assert len({thread for _, thread in ran}) == 1
    assert ran[0][1] is not threading.current_thread()
    assert writer.stop(LIMIT)


def test_a_failing_call_fails_its_own_future_only() -> None:
    def fail() -> None:
        raise StorageUnavailableError("locked")

    writer = WriterThread()
    failing, fine = writer.call(fail), writer.call(lambda: "fine")
    assert isinstance(failing.exception(LIMIT), StorageUnavailableError)
    assert fine.result(LIMIT) == "fine"
    writer.stop(LIMIT)


def test_a_full_writer_refuses_and_takes_calls_again_later(gate: threading.Event) -> None:
    writer = blocked_writer(gate, limit=2)
    waiting = [writer.call(lambda: "done") for _ in range(2)]
    assert writer.waiting == 2
    with pytest.raises(WriterBusyError, match="2 calls wait"):
        writer.call(lambda: "too much")
    gate.set()
    assert [future.result(LIMIT) for future in waiting] == ["done", "done"]
    assert writer.call(lambda: "again").result(LIMIT) == "again"
    assert writer.stop(LIMIT)


def test_a_stopping_writer_finishes_what_waits_and_takes_no_more(gate: threading.Event) -> None:
    writer = blocked_writer(gate)
    waiting = [writer.call(lambda: "done") for _ in range(5)]
    assert not writer.stop(0)
    with pytest.raises(WriterStoppedError, match="stopped"):
        writer.call(lambda: "too late")
    gate.set()
    assert writer.stop(LIMIT)
    assert [future.result(0) for future in waiting] == ["done"] * 5


def test_a_call_that_is_cancelled_in_time_never_runs(gate: threading.Event) -> None:
    writer = blocked_writer(gate)
    ran: list[str] = []
    cancelled, kept = writer.call(ran.append, "cancelled"), writer.call(ran.append, "kept")
    assert cancelled.cancel()
    gate.set()
    assert kept.result(LIMIT) is None
    with pytest.raises(CancelledError):
        cancelled.result(0)
    assert ran == ["kept"]
    writer.stop(LIMIT)


def test_a_busy_writer_is_an_unavailable_storage() -> None:
    assert issubclass(WriterBusyError, StorageUnavailableError)
    assert issubclass(WriterStoppedError, StorageUnavailableError)
