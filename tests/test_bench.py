"""A sample of the benchmarks: the programs build and count honestly, the whole chain runs, a missed bound is told."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bench import heartbeats, raw_sqlite, results, run, supervision
from bench.programs import BUILD, Load, Server, bare_twisted, build, c_peer, run_load
from bench.results import Result
from tests.needs import need_program

FEW = Load(devices=50, window=8, seconds=1.0, passes=1)


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    need_program("cc", "gcc")
    build()


@contextmanager
def server_that_answers(wrongly: int, never: int) -> Iterator[Server]:
    """Answers every device but two: one gets another device's answer, one gets none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    datagram, address = sock.recvfrom(512)
                except TimeoutError:
                    continue
                number = int(datagram[3:8])
                if number != never:
                    name = b"stranger" if number == wrongly else datagram.split(b",")[0]
                    sock.sendto(name + b",ACK,0,0,0,0,0,0", address)

        thread = threading.Thread(target=serve)
        thread.start()
        idle = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
        try:
            yield Server("half", sock.getsockname()[1], idle)
        finally:
            stopped.set()
            thread.join()
            idle.communicate("\n")


@pytest.mark.parametrize("server", [c_peer, bare_twisted], ids=["C", "Twisted"])
def test_a_peer_answers_every_device_at_its_own_address(server: Callable[[], AbstractContextManager[Server]]) -> None:
    with server() as peer:
        report = run_load(peer, FEW)
    assert report.answered == report.sent > FEW.devices
    assert report.lost == report.unexpected == 0
    assert 0 < report.p50_ms <= report.p99_ms <= report.max_ms


def test_the_load_keeps_to_its_rate_and_to_its_count() -> None:
    with c_peer() as peer:
        report = run_load(peer, Load(devices=50, rate=200.0, count=20, seconds=60.0, passes=0))
    assert report.sent == report.answered == 20


def test_a_lost_answer_and_a_wrong_one_are_not_counted_as_answers() -> None:
    with server_that_answers(wrongly=3, never=7) as server:
        report = run_load(server, Load(devices=10, window=10, count=10, seconds=60.0, passes=0))
    assert (report.sent, report.answered, report.lost, report.unexpected) == (10, 8, 2, 1)


def test_the_load_refuses_what_it_cannot_do() -> None:
    for wrong in ("--devices=0", "--kind=picture", "--seconds=0", "--window=0", "--devices=2000000"):
        done = subprocess.run([BUILD / "load", wrong], capture_output=True, text=True)
        assert done.returncode == 2, wrong


def test_heartbeats_are_measured_through_the_whole_server() -> None:
    measured = {result.what: result for result in heartbeats.measure(rounds=1, seconds=1.0, devices=200)}
    assert measured["alarmd, heartbeats not answered"].value == 0
    assert measured["alarmd"].value > 0
    assert measured["alarmd to bare Twisted"].value > 0


def test_the_rules_tell_every_silent_device_within_a_second_of_its_limit() -> None:
    errors = supervision.loss_errors(20)
    assert len(errors) == 20
    assert max(map(abs, errors)) <= supervision.LOSS_WITHIN


def test_sqlite_alone_stores_every_row(tmp_path: Path) -> None:
    schema = ["CREATE TABLE events (row INTEGER PRIMARY KEY, kind TEXT)"]
    assert raw_sqlite.rate(tmp_path, schema, [(n, "motion") for n in range(1, 101)], batch=7) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_bound_that_is_missed_is_told_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(rounds: int, seconds: float) -> list[Result]:
        return [Result("part", "fast", 2.0, "/s", at_least=1.0), Result("part", "slow", seconds, "s", at_most=0.5)]

    monkeypatch.setattr(run, "PARTS", {"part": measure})
    monkeypatch.setattr(sys, "argv", ["run.py", "--json", "--seconds", "0.6"])
    assert run.main() == 1
    told = capsys.readouterr()
    assert [one["missed"] for one in json.loads(told.out)["results"]] == [False, True]
    assert "slow" in told.err
    monkeypatch.setattr(sys, "argv", ["run.py", "--seconds", "0.5"])
    assert run.main() == 0


def test_the_table_goes_between_the_marks_of_the_document(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n")
    for _ in range(2):
        results.write_into(document, [Result("part", "what", 1234.5, "/s")])
    text = document.read_text()
    assert text.startswith(f"before\n{results.BEGIN}\n")
    assert text.endswith(f"{results.END}\nafter\n")
    assert text.count("1,234 /s") == 1
    assert "old" not in text


def test_the_document_has_the_marks() -> None:
    text = run.DOCUMENT.read_text()
    assert text.index(results.BEGIN) < text.index(results.END)
