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

from bench import (
    film,
    firmware,
    fleet,
    heartbeats,
    raw_sqlite,
    replication,
    results,
    run,
    scale,
    signed,
    signed_rules,
    supervision,
    takeover,
)
from bench.programs import BUILD, Load, MissingError, Server, bare_twisted, build, c_peer, has_mbedtls, run_load
from bench.results import Result
from lfcp import Report, decode, encode_signed, read_report
from lfcp.authenticator import Purpose, Way, derive, verified
from tests.needs import need, need_program

FEW = Load(devices=50, window=8, seconds=1.0, passes=1)


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    need_program("cc", "gcc")
    build()


@pytest.fixture
def _mbedtls() -> None:
    need(has_mbedtls(), "mbedTLS (Debian: apt install libmbedtls-dev)")


@contextmanager
def server_with(answer: Callable[[int, bytes], bytes | None]) -> Iterator[Server]:
    """answer: device's number and datagram → reply, if there is one."""
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
                reply = answer(int(datagram[3:8]), datagram)
                if reply is not None:
                    sock.sendto(reply, address)

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
    def answer(number: int, datagram: bytes) -> bytes | None:
        name = b"stranger" if number == 3 else datagram.split(b",")[0]
        return None if number == 7 else name + b",ACK,0,0,0,0,0,0"

    with server_with(answer) as server:
        report = run_load(server, Load(devices=10, window=10, count=10, seconds=60.0, passes=0))
    assert (report.sent, report.answered, report.lost, report.unexpected) == (10, 8, 2, 1)


def test_the_load_refuses_what_it_cannot_do() -> None:
    for wrong in ("--devices=0", "--kind=picture", "--seconds=0", "--window=0", "--devices=2000000"):
        done = subprocess.run([BUILD / "load", wrong], capture_output=True, text=True)
        assert done.returncode == 2, wrong


class SignedServer:
    """Verifies every heartbeat of the load with the fleet's keys, and answers with what a test wants."""

    def __init__(self, result: str = "0") -> None:
        self.result = result
        self.reports: dict[int, list[Report]] = {}
        self.counters: dict[int, list[int]] = {}
        self.down = 0

    def answer(self, number: int, datagram: bytes) -> bytes:
        message, key = decode(datagram), fleet.secret_of(number)
        assert message.signature is not None
        report = read_report(message)
        assert verified(derive(key, Purpose.TAG, Way.UP, fleet.LABEL), datagram)
        assert report is not None
        self.reports.setdefault(number, []).append(report)
        self.counters.setdefault(number, []).append(message.signature.counter)
        self.down += 1
        tag_key = derive(key, Purpose.TAG, Way.DOWN, fleet.LABEL)
        answers = f"{message.signature.counter:x}"
        return encode_signed(tag_key, self.down, message.name, "ACK", answers, self.result, "127.0.0.1:9", "26")


SIGNED = Load(kind="signed", devices=3, window=1, passes=0, count=9, seconds=60.0)


@pytest.mark.usefixtures("_mbedtls")
def test_a_signed_load_counts_up_and_echoes_the_newest_answer() -> None:
    server = SignedServer()
    with server_with(server.answer) as listening:
        report = run_load(listening, SIGNED)
    assert (report.answered, report.challenged, report.lost, report.unexpected) == (9, 0, 0, 0)
    assert {n: [report.echo for report in of] for n, of in server.reports.items()} == {
        0: [0, 1, 4],
        1: [0, 2, 5],
        2: [0, 3, 6],
    }
    for counters in server.counters.values():
        assert counters == list(range(counters[0], counters[0] + 3))


@pytest.mark.usefixtures("_mbedtls")
def test_a_signed_answer_that_asks_to_beat_again_is_counted_apart() -> None:
    with server_with(SignedServer(result="1").answer) as listening:
        report = run_load(listening, SIGNED)
    assert (report.answered, report.challenged) == (9, 9)


@pytest.mark.usefixtures("_mbedtls")
def test_a_signed_answer_with_a_changed_tag_or_heard_before_is_none() -> None:
    server, first = SignedServer(), dict[int, bytes]()

    def answer(number: int, datagram: bytes) -> bytes:
        genuine = server.answer(number, datagram)
        changed = genuine[:-1] + (b"A" if genuine[-1:] != b"A" else b"B")
        return (genuine, changed, first.setdefault(number, genuine))[number]

    with server_with(answer) as listening:
        report = run_load(listening, SIGNED)
    assert (report.answered, report.lost, report.unexpected) == (4, 5, 5)


@pytest.mark.usefixtures("_mbedtls")
def test_the_load_and_the_rules_bench_send_the_same_signed_heartbeat() -> None:
    seen: list[bytes] = []
    with server_with(lambda _number, datagram: seen.append(datagram)) as listening:
        run_load(listening, Load(kind="signed", devices=1, passes=0, count=1, seconds=60.0))
    signature = decode(seen[0]).signature
    assert signature is not None
    assert seen == [fleet.signed_heartbeat_of(0, signature.counter, echo=0)]


@pytest.mark.prove
@pytest.mark.usefixtures("_mbedtls")
def test_signed_heartbeats_are_measured_through_the_whole_server() -> None:
    measured = {result.what: result for result in signed.measure(rounds=1, seconds=1.0, devices=200)}
    assert measured["heartbeats not answered"].value == 0
    assert measured["heartbeats that proved nothing"].value == 0
    assert measured["alarmd, signed"].value > 0
    assert measured["alarmd to bare Twisted"].value > 0


@pytest.mark.prove
@pytest.mark.usefixtures("_mbedtls")
def test_memory_and_start_are_measured_with_keys_and_without() -> None:
    for lines in (scale.measure(1, devices=50), scale.measure_keyed(devices=50)):
        measured = {result.what.partition(": ")[2]: result for result in lines}
        assert measured["heartbeats not answered"].value == 0
        assert measured["start to first answer, 50"].value > 0
        assert "memory, after its heartbeats" in measured


def test_every_signed_heartbeat_of_the_rules_bench_is_a_proof() -> None:
    assert signed_rules.cost(devices=20, passes=3) > 0


@pytest.mark.usefixtures("_mbedtls")
def test_instructions_of_the_firmware_are_counted_for_each_of_its_tasks() -> None:
    need_program("valgrind", "valgrind")
    counts = {result.what: result.value for result in firmware.measure()}
    assert 0 < counts["poll, nothing to do"] < counts["poll, a signed heartbeat is due"]
    assert counts["decode a signed ACK"] + counts["verify its tag"] < counts["receive, its signed ACK"]


def test_a_part_that_needs_what_is_missing_is_left_out_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_rounds: int, _seconds: float) -> list[Result]:
        raise MissingError("the program abacus (Debian: apt install abacus)")

    monkeypatch.setattr(run, "PARTS", {"part": measure})
    monkeypatch.setattr(sys, "argv", ["run.py", "--json"])
    assert run.main() == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["results"] == []
    assert "part is left out: it needs the program abacus (Debian: apt install abacus)" in told.err


def test_heartbeats_are_measured_through_the_whole_server() -> None:
    measured = {result.what: result for result in heartbeats.measure(rounds=1, seconds=1.0, devices=200)}
    assert measured["alarmd, heartbeats not answered"].value == 0
    assert measured["alarmd"].value > 0
    assert measured["alarmd to bare Twisted"].value > 0


@pytest.mark.prove
def test_a_film_is_measured_beside_ffmpeg_alone() -> None:
    need_program("ffmpeg", "ffmpeg")
    measured = {result.what: result for result in film.measure(rounds=1, count=4)}
    assert measured["alarmd to ffmpeg alone"].value > 0
    assert measured["alarmd, the pictures as they are"].value > 0


@pytest.mark.prove
def test_copies_and_catching_up_are_measured_between_two_servers() -> None:
    lines = {line.what: line for line in replication.measure(rounds=1, seconds=1.0, backlog=2000)}
    assert lines["an event at the other server, 1,000/s, p50"].value > 0
    assert lines["p99 of an alarm's ACK, stored at both"].value > 0
    assert lines["catching up, 2,000 events"].value > 0
    assert lines["p99 of heartbeats beside it"].value > 0


@pytest.mark.prove
def test_a_takeover_is_measured_from_the_ack_of_each_alarm() -> None:
    lines = {line.what: line.value for line in takeover.measure(rounds=1, alarms=6)}
    assert lines["worst, from its ACK"] > 0
    assert lines["the loss of the server told, worst"] > 0


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
