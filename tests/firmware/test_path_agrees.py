"""The C client's way through a NAT beside the Python one's: the same frames from the same sockets at the same time."""

import heapq
import itertools
import math
from random import Random

import pytest

from lfcp import Report, Verb, decode
from lfcp.authenticator import key_from_text
from lfcp.client import ClientSession, Kept, VolatileMemory
from lfcp.client.ladder import Ladder
from tests.firmware.c_client import CClientLibrary, Device, memory_of
from tests.firmware.c_client import Kept as Record
from tests.firmware.c_path import CPathClient, Sent
from tests.protocol.recorded_exchanges import CAN, KEY
from tests.protocol.small_server import SmallServer, counter_of

MINUTE = 60_000  # ms
AFTER = 3  # ms that both are polled after a time, so that it has passed for seconds and for milliseconds
FIRST_PORT = 4000
BEGIN = 5_000  # ms
COUNTER = 1 << 40
BOOT_ID = 0x9F3C


class BothBehindNat:
    """life: s that the NAT's mappings outlive. step: between the ports that the servers see. loss: of datagrams."""

    def __init__(self, library: CClientLibrary, seed: int, *, life: int, step: int, sockets: int, loss: float) -> None:
        self._random = Random(seed)
        self.life, self.step, self.loss = life, step, loss
        self.port = FIRST_PORT
        self.silent = frozenset[str]()
        self.now = BEGIN
        self.sent: list[Sent] = []
        self.rebound = 0
        self._coming: list[tuple[int, int, str, str]] = []
        self._order = itertools.count()
        self._servers = {label: SmallServer("cam1", label, KEY) for label in "AB"}
        device = Device("cam1", key_from_text(KEY), "AB", 0, CAN, 0.25, failover=False)
        memory = memory_of(Record(COUNTER, (), {}))
        self.c = CPathClient(library, device, memory, BOOT_ID, sockets, self.now)
        report = Report(boot_id=f"{BOOT_ID:x}", detector=True, camera=True, settings=True, probing=True)
        self.python = ClientSession(
            "cam1", ("A", "B"), None, lambda: 0.25, report=report, commands=CAN, key=key_from_text(KEY),
            memory=VolatileMemory(Kept(COUNTER, (), {})), ladder=Ladder(at_a_time=sockets),
        )  # fmt: skip
        self.poll()

    def run_until(self, end: int) -> None:
        while self.now < end:
            self.step_on(end)

    def step_on(self, end: int) -> None:
        python = min(self.python.next_wakeup(), self.python.next_rung()) * 1000
        c = min(self.c.next_wakeup(), self.c.next_path_wakeup())
        assert abs(max(python, self.now) - max(c, self.now)) < 1, (python, c, self.now)
        coming = self._coming[0][0] if self._coming else end
        self.now = max(self.now + 1, min(c + AFTER, coming, end))
        while self.now - BEGIN in self.c.timers:  # for seconds it may not have come
            self.now += 1
        if self._coming and self._coming[0][0] <= self.now:
            _, _, label, frame = heapq.heappop(self._coming)
            self.poll()
            self.receive(label, frame)
        self.poll()

    def receive(self, label: str, frame: str) -> None:
        self.c.receive(label, frame.encode(), self.now)
        self.python.receive(label, frame.encode(), self.now / 1000)

    def probe(self, label: str) -> None:
        self.poll()
        self.receive(label, self._servers[label].says(Verb.PROB))
        self.poll()

    def change_network(self) -> None:
        self.now += 1
        self.c.network_changed(self.now)
        self.python.network_changed(self.now / 1000)
        self.port += 1000
        self.poll()

    def poll(self) -> None:
        if self.c.wants_socket(self.now):
            self.c.new_socket(self.now)
            self.rebound += 1
            self.port += 1000
            c = self._polled_c()
            python = self._polled_python()
            assert self.python.deaf
            self.python.rebound(self.now / 1000)
            python += self._polled_python()
        else:
            c, python = self._polled_c(), self._polled_python()
        assert not self.python.deaf
        assert c == python
        assert self.c.sockets == self.python.ladder_sockets
        assert (self.c.mapping, self.c.life) == (self.python.mapping, self.python.life)
        for each in c:
            self.arrive(each)

    def _polled_c(self) -> list[Sent]:
        beside = self.c.poll_path(self.now)
        return [*beside, *(Sent(0, *each) for each in self.c.poll(self.now))]

    def _polled_python(self) -> list[Sent]:
        now = self.now / 1000
        ladder = [Sent(each.socket, each.server, each.frame) for each in self.python.poll_ladder(now)]
        while self.python.next_rung() == -math.inf:  # a step is decided
            ladder += [Sent(each.socket, each.server, each.frame) for each in self.python.poll_ladder(now)]
        return [*ladder, *(Sent(0, *each) for each in self.python.poll(now))]

    def arrive(self, sent: Sent) -> None:
        self.sent.append(sent)
        message = decode(sent.frame)
        if sent.label in self.silent or self._random.random() < self.loss or message.verb == Verb.ACK:
            return
        delay = int(message.params[0]) if message.verb == Verb.KEEP else 0
        if delay > self.life * 1000 or self._random.random() < self.loss:
            return
        at = self.now + delay + self._random.randint(17, 91)
        heapq.heappush(self._coming, (at, next(self._order), sent.label, self._answer(sent, message.verb)))

    def _answer(self, sent: Sent, verb: str) -> str:
        port = self.port + (self.step if sent.label == "B" else 0)
        interval = "600" if verb == Verb.HEARTBEAT else "0"
        counter = counter_of(sent.frame.decode())
        return self._servers[sent.label].says(Verb.ACK, counter, "0", f"198.51.100.7:{port}", interval)


@pytest.mark.parametrize("sockets", [14, 4, 2])
@pytest.mark.parametrize(("life", "step", "loss"), [(120, 0, 0.0), (30, 3, 0.1), (300, 100, 0.2), (10, 0, 0.0)])
def test_both_climb_the_same_ladder_and_learn_the_same(
    c_client_library: CClientLibrary, life: int, step: int, loss: float, sockets: int
) -> None:
    world = BothBehindNat(c_client_library, life, life=life, step=step, sockets=sockets, loss=loss)
    world.run_until(40 * MINUTE)
    assert sum(each.socket != 0 for each in world.sent) >= 2 * 4
    found = max(each for each in (0, 25, 40, 55, 85, 115, 175, 295) if each <= life)
    assert world.c.life == found if loss == 0.0 else world.c.life <= found
    assert world.c.mapping == {0: "e", 3: "s", 100: "h"}[step]


def test_both_open_another_socket_at_the_same_time(c_client_library: CClientLibrary) -> None:
    world = BothBehindNat(c_client_library, 1, life=60, step=0, sockets=14, loss=0.0)
    world.run_until(10 * MINUTE)
    assert world.rebound == 0
    world.silent = frozenset("B")
    world.run_until(20 * MINUTE)
    assert world.rebound == 1
    world.silent = frozenset("AB")
    world.run_until(30 * MINUTE)
    assert world.rebound > 5
    world.silent = frozenset()
    world.run_until(60 * MINUTE)
    assert world.c.life == 55


def test_both_answer_probes_and_forget_what_they_learned_in_another_network(c_client_library: CClientLibrary) -> None:
    world = BothBehindNat(c_client_library, 2, life=60, step=0, sockets=14, loss=0.0)
    world.run_until(15 * MINUTE)
    world.probe("A")
    world.probe("B")
    assert [each.label for each in world.sent[-2:] if decode(each.frame).verb == Verb.ACK] == ["A", "B"]
    world.life, world.step = 100, 5
    world.change_network()
    assert (world.c.life, world.c.mapping) == (0, "u")
    world.run_until(30 * MINUTE)
    assert (world.c.life, world.c.mapping) == (85, "s")
