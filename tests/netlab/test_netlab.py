"""The laboratory itself: what it cuts is cut, what it worsens is worse, and nothing of it stays behind."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.netlab.namespaces import processes_in
from tests.netlab.network import Network, network
from tests.netlab.relay import BUFFER, SO_RCVBUFFORCE, Line
from tests.waiting import LIMIT, wait_until

PORT = 7
ROOT = Path(__file__).parents[2]
NOT_COMING = 0.3  # s without a datagram after which none comes: here they take less than a thousandth of that
SENT = 400
# Makes a namespace with a process in it, tells which it is, and waits to be killed.
HOUSE = """
import os, subprocess, sys
from tests.netlab.namespaces import DIES_WITH_US, OWN, Namespace
made = Namespace()
with made.entered():
    subprocess.Popen([*DIES_WITH_US, "sleep", "600"])
    print(os.readlink(OWN), flush=True)
sys.stdin.read()
"""


def ear(lan: Network, host: str) -> socket.socket:
    with lan[host].entered():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    made.bind((lan.address(host), PORT))
    made.settimeout(NOT_COMING)
    return made


def heard(receiver: socket.socket, patience: float = NOT_COMING) -> list[bytes]:
    """Until nothing more comes."""
    receiver.settimeout(patience)
    datagrams = []
    try:
        while True:
            datagrams.append(receiver.recv(2000))
    except TimeoutError:
        return datagrams


def test_what_is_cut_is_not_heard_until_it_is_healed() -> None:
    with network("a", "b", "c") as lan, ear(lan, "a") as a, ear(lan, "b") as b, ear(lan, "c") as c:
        ears = {"a": a, "b": b, "c": c}

        def who_hears(sender: socket.socket) -> str:
            for name in ears:
                sender.sendto(b"x", (lan.address(name), PORT))
            waiting = dict(ears)
            deadline = time.monotonic() + NOT_COMING
            while waiting and (left := deadline - time.monotonic()) > 0:
                ready, _, _ = select.select(list(waiting.values()), [], [], left)
                for name in [name for name, one in waiting.items() if one in ready]:
                    waiting.pop(name).recv(10)
            return "".join(name for name in ears if name not in waiting)

        assert who_hears(a) == who_hears(b) == "abc"
        lan.cut_one_way("a", "b")
        assert who_hears(a) == "ac"
        assert who_hears(b) == "abc"
        lan.cut("a", "c")
        assert who_hears(a) == "a"
        assert who_hears(c) == "bc"
        lan.heal()
        assert who_hears(a) == who_hears(c) == "abc"


def test_a_cut_holds_an_open_connection_up_and_loses_nothing_of_it() -> None:
    with network("a", "b") as lan:
        with lan["a"].entered():
            listening = socket.create_server((lan.address("a"), PORT))
        with lan["b"].entered():
            calling = socket.create_connection((lan.address("a"), PORT), LIMIT)
        with listening, calling:
            called, _ = listening.accept()
            called.settimeout(NOT_COMING)
            lan.cut_one_way("b", "a")
            calling.sendall(b"late")
            with pytest.raises(TimeoutError):
                called.recv(4)
            lan.heal()
            called.settimeout(LIMIT)
            assert called.recv(4) == b"late"
            called.close()


def test_a_bad_line_loses_doubles_delays_and_reorders() -> None:
    line = Line(loss=0.2, delay=0.05, jitter=0.05, duplicates=0.1)
    with network("a", "b", bad={"b": Line()}) as lan, ear(lan, "a") as a, ear(lan, "b") as b:
        a.sendto(b"warm", (lan.address("b"), PORT))  # the address is looked up before the line is bad
        assert heard(b) == [b"warm"]
        lan.relays["b"].line = line
        began = time.monotonic()
        for number in range(SENT):
            a.sendto(b"%d" % number, (lan.address("b"), PORT))
        b.settimeout(LIMIT)
        first = b.recv(2000)
        assert time.monotonic() - began >= line.delay
        order = [int(datagram) for datagram in (first, *heard(b, 2.0))]
    copies = Counter(order)
    assert 0.6 * SENT < len(copies) < 0.95 * SENT
    assert 0.02 * SENT < sum(number > 1 for number in copies.values()) < 0.2 * SENT
    assert order != sorted(order)
    assert lan.relays["b"].lost > 0


def test_a_good_line_through_the_relay_carries_a_connection_whole() -> None:
    sent = os.urandom(1_000_000)
    with network("a", "b", bad={"a": Line()}) as lan:
        with lan["a"].entered():
            listening = socket.create_server((lan.address("a"), PORT))
        with lan["b"].entered():
            calling = socket.create_connection((lan.address("a"), PORT), LIMIT)
        with listening, calling:
            calling.setblocking(False)
            called, _ = listening.accept()
            called.settimeout(LIMIT)
            left, got = memoryview(sent), b""
            with called:
                while len(got) < len(sent):
                    with suppress(BlockingIOError):
                        left = left[calling.send(left) :]
                    got += called.recv(65_536)
    assert got == sent


def test_nothing_stays_behind_when_the_tests_are_killed() -> None:
    with network():
        house = subprocess.Popen(
            [sys.executable, "-c", HOUSE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert house.stdout is not None
    which = house.stdout.readline().strip()
    try:
        wait_until(lambda: processes_in(which), "its process")
    finally:
        house.send_signal(signal.SIGKILL)
        house.wait(LIMIT)
    wait_until(lambda: not processes_in(which), "the end of its process")
    house.communicate()
