"""What somebody without the key can do to a rendezvous, on the path or off it: see docs/protocol.md, "Attempts"."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfcp.candidates import Address, Candidate, Kind, Mapping
from lfcp.client.hello import Hello, Turn
from lfcp.client.probing import MAX_OUTSTANDING, MAX_SOURCES, OFFSETS
from lfcp.client.punching import Punching
from lfcp.client.punching_steps import LFCP_SOCKET, Invitation, Own, PathChanged, Payload, Relay, Send, Step
from lfcp.client.rounds import LEAST_PAUSE
from lfcp.constants import MAX_CANDIDATES, TUNNEL_HEAD, TUNNEL_SEAL
from lfcp.tunnel import Kind as Datagram
from lfcp.tunnel import Outbound, Tunnel, read_head
from tests.protocol.meeting_model import KEY, SESSION, World
from tests.protocol.nat_model import Host

PUBLIC = Address("203.0.113.10", 40000)
EMPTY = TUNNEL_HEAD + TUNNEL_SEAL  # bytes of a PROBE
ROLES = st.sampled_from([0, 1])
SOURCES = st.builds(Address, st.ip_addresses(v=4).map(str), st.integers(1, 65535))


def side(role: int, other: Address = PUBLIC) -> tuple[Punching, Outbound]:
    """A side that was just invited, and what the other one says with."""
    punching = Punching(Invitation(SESSION, KEY, role, other, Mapping.INDEPENDENT), Own(), lambda: 0.5, 0.0)
    return punching, Outbound(SESSION, KEY, 1 - role)


def run(punching: Punching, until: float) -> list[Step]:
    steps: list[Step] = []
    while punching.next_wakeup() <= until:
        steps += punching.poll(max(punching.next_wakeup(), 0.0))
    return steps


def bytes_to(steps: list[Step]) -> Counter[Address]:
    sent: Counter[Address] = Counter()
    for step in steps:
        if isinstance(step, Send):
            sent[step.address] += len(step.datagram)
    return sent


def answer_to(datagram: bytes, outbound: Outbound) -> bytes:
    head = read_head(datagram)
    assert head is not None
    return outbound.seal(Datagram.ANSWER, head.counter.to_bytes(8, "big"))


def sent(steps: list[Step], kind: Datagram) -> list[Send]:
    return [step for step in steps if isinstance(step, Send) and step.datagram[0] == kind]


def made_direct(role: int) -> tuple[Punching, Outbound]:
    """And its path is PUBLIC."""
    punching, outbound = side(role)
    (probe,) = sent(punching.poll(0.0), Datagram.PROBE)
    steps = punching.receive(LFCP_SOCKET, PUBLIC, answer_to(probe.datagram, outbound), 0.1)
    if role == 0:
        (nomination,) = sent(steps, Datagram.NOMINATE)
        punching.receive(LFCP_SOCKET, PUBLIC, answer_to(nomination.datagram, outbound), 0.2)
    else:
        punching.receive(LFCP_SOCKET, PUBLIC, outbound.seal(Datagram.NOMINATE), 0.2)
    assert punching.path.address == PUBLIC
    return punching, outbound


@given(ROLES, st.lists(st.tuples(st.integers(0, 3), SOURCES, st.binary(max_size=80)), max_size=20))
def test_any_bytes_from_anywhere_change_nothing(role: int, heard: list[tuple[int, Address, bytes]]) -> None:
    punching, _ = made_direct(role)
    punching.poll(0.3)
    due, path = punching.next_wakeup(), punching.path
    for socket, source, data in heard:
        assert punching.receive(socket, source, data, 0.3) == []
        assert punching.relayed(data, 0.3) == []
    assert (punching.next_wakeup(), punching.path) == (due, path)


@given(ROLES, st.sampled_from(Datagram), st.integers(0, EMPTY - 1), st.integers(1, 255), SOURCES)
def test_a_datagram_with_any_byte_changed_changes_nothing(
    role: int, kind: Datagram, at: int, flip: int, source: Address
) -> None:
    punching, outbound = made_direct(role)
    punching.poll(0.3)
    datagram = bytearray(outbound.seal(kind))
    datagram[at] ^= flip
    for address in (source, PUBLIC):
        assert punching.receive(LFCP_SOCKET, address, bytes(datagram), 0.3) == []
    assert punching.relayed(bytes(datagram), 0.3) == []
    assert punching.path.address == PUBLIC


def test_the_records_of_a_whole_session_open_no_path_and_move_none() -> None:
    world = World(("fc", "fc"))
    records: list[tuple[Address, bytes]] = []

    def record(source: Address, target: Address, payload: object) -> bool:
        if isinstance(payload, bytes):
            records.append((source, payload))
        return True

    world.internet.tap = record
    world.meet()
    world.run(60.0)
    assert len(records) > 20
    world.run(20.0)
    world.internet.tap = lambda source, target, payload: False
    world.run(0.5)
    for end in world.ends:
        punching = end.punching
        assert punching is not None
        punching.poll(world.clock.now)
        path = punching.path
        for source, datagram in records:
            assert punching.receive(LFCP_SOCKET, Address("203.0.113.66", 6666), datagram, world.clock.now) == []
            assert punching.relayed(datagram, world.clock.now) == []
            steps = punching.receive(LFCP_SOCKET, source, datagram, world.clock.now)
            assert len(sent(steps, Datagram.ANSWER)) == len(steps) <= 1
        assert punching.path == path


def test_the_records_of_a_session_are_worth_nothing_in_another_one() -> None:
    world = World(("fc", "fc"))
    records: list[object] = []

    def record(source: Address, target: Address, payload: object) -> bool:
        records.append(payload)
        return True

    world.internet.tap = record
    world.meet()
    other = Punching(Invitation(SESSION + 1, KEY, 0, PUBLIC, Mapping.INDEPENDENT), Own(), lambda: 0.5, world.clock.now)
    other.poll(world.clock.now)
    for datagram in records:
        if isinstance(datagram, bytes):
            assert other.receive(LFCP_SOCKET, PUBLIC, datagram, world.clock.now) == []
            assert other.relayed(datagram, world.clock.now) == []


@settings(max_examples=25)
@given(ROLES, st.lists(SOURCES, min_size=1, max_size=60))
def test_an_address_that_never_answers_gets_three_times_its_bytes_at_most(role: int, sources: list[Address]) -> None:
    """Whoever is on the path gives genuine PROBEs another source."""
    punching, outbound = side(role)
    steps = punching.poll(0.0)
    heard: Counter[Address] = Counter()
    for number, source in enumerate(sources):
        probe = outbound.seal(Datagram.PROBE)
        heard[source] += len(probe)
        steps += punching.receive(LFCP_SOCKET, source, probe, number * 0.01)
    steps += run(punching, 50.0)
    for address, size in bytes_to(steps).items():
        if address.host != PUBLIC.host:
            assert size <= 3 * heard[address]


def test_a_candidate_that_never_answers_gets_so_many_probes_in_an_attempt_and_no_more() -> None:
    named = [Candidate(Kind.IPV6, Address(f"2001:db8::{number:x}", 4000)) for number in range(1, MAX_CANDIDATES + 1)]
    punching, outbound = side(0)
    hello = Hello(Turn(1, 1), Mapping.INDEPENDENT, False, tuple(named))
    steps = punching.poll(0.0) + punching.relayed(outbound.seal(Datagram.HELLO, bytes(hello)), 0.1)
    steps += punching.relayed(outbound.seal(Datagram.HELLO, bytes(hello)), 0.2)
    steps += run(punching, 59.0)
    got = bytes_to(steps)
    assert len(got) == MAX_CANDIDATES
    assert max(got.values()) == len(OFFSETS) * EMPTY


def test_an_operator_who_begins_rounds_without_pause_makes_a_device_send_no_more() -> None:
    punching, outbound = side(1)
    punching.poll(0.0)
    victim = Address("2001:db8::1", 4000)
    named = (Candidate(Kind.IPV6, victim),)
    sent_to: Counter[int] = Counter()
    for second in range(1, 121):
        for turn in (Turn(second, 1), Turn(second, 2)):
            hello = Hello(turn, Mapping.INDEPENDENT, many_sockets=False, candidates=named)
            steps = punching.relayed(outbound.seal(Datagram.HELLO, bytes(hello)), float(second))
            assert any(isinstance(step, Relay) and step.datagram[0] == Datagram.ANSWER for step in steps)
            steps += run(punching, second + 0.9)
            sent_to[second // 60] += bytes_to(steps)[victim]
    attempts_a_minute = 60 / LEAST_PAUSE + 1
    assert 0 < max(sent_to.values()) <= attempts_a_minute * len(OFFSETS) * EMPTY


def test_ports_of_the_other_sides_nat_are_probed_like_candidates_but_not_all_of_them() -> None:
    punching, outbound = side(0)
    steps = punching.poll(0.0)
    for number in range(3 * MAX_SOURCES):
        source = PUBLIC._replace(port=50000 + number)
        steps += punching.receive(LFCP_SOCKET, source, outbound.seal(Datagram.PROBE), 0.01)
    steps += run(punching, 50.0)
    probed = Counter(step.address for step in sent(steps, Datagram.PROBE) if step.address != PUBLIC)
    assert len(probed) == MAX_SOURCES
    assert max(probed.values()) == len(OFFSETS) + 1


def test_an_answer_from_elsewhere_counts_for_nothing_and_does_not_spoil_the_genuine_one() -> None:
    punching, outbound = side(0)
    (probe,) = sent(punching.poll(0.0), Datagram.PROBE)
    answer = answer_to(probe.datagram, outbound)
    assert punching.receive(LFCP_SOCKET, Address("203.0.113.66", 1), answer, 0.01) == []
    assert punching.relayed(answer, 0.01) == []
    assert sent(punching.receive(LFCP_SOCKET, PUBLIC, answer, 0.01), Datagram.NOMINATE)


def test_an_answer_that_was_held_back_counts_for_nothing() -> None:
    punching, outbound = side(0)
    (probe,) = sent(punching.poll(0.0), Datagram.PROBE)
    run(punching, 6.0)
    steps = punching.receive(LFCP_SOCKET, PUBLIC, answer_to(probe.datagram, outbound), 6.0)
    assert sent(steps, Datagram.NOMINATE) == []


@pytest.mark.parametrize("body", [b"", bytes(7), bytes(9), bytes(8), (99).to_bytes(8, "big")])
def test_an_answer_to_nothing_is_nothing(body: bytes) -> None:
    punching, outbound = side(0)
    punching.poll(0.0)
    assert punching.receive(LFCP_SOCKET, PUBLIC, outbound.seal(Datagram.ANSWER, body), 0.01) == []
    assert punching.relayed(outbound.seal(Datagram.ANSWER, body), 0.01) == []


def test_a_hello_that_comes_directly_is_not_heard_and_does_not_spoil_the_relayed_one() -> None:
    punching, outbound = side(1)
    punching.poll(0.0)
    hello = outbound.seal(Datagram.HELLO, bytes(Hello(Turn(1, 1), Mapping.HARD, False, ())))
    assert punching.receive(LFCP_SOCKET, PUBLIC, hello, 0.01) == []
    assert [step for step in punching.relayed(hello, 0.01) if isinstance(step, Relay)]


@pytest.mark.parametrize("kind", [Datagram.PROBE, Datagram.NOMINATE])
def test_a_probe_that_comes_from_the_relay_is_not_heard_and_does_not_spoil_the_direct_one(kind: Datagram) -> None:
    punching, outbound = made_direct(1)
    punching.poll(0.3)
    probe = outbound.seal(kind)
    assert punching.relayed(probe, 0.3) == []
    assert sent(punching.receive(LFCP_SOCKET, PUBLIC, probe, 0.3), Datagram.ANSWER)


def test_role_0_is_nominated_nothing() -> None:
    punching, outbound = made_direct(0)
    punching.poll(0.3)
    assert punching.receive(LFCP_SOCKET, Address("203.0.113.66", 1), outbound.seal(Datagram.NOMINATE), 0.3) == []


def test_a_nomination_from_an_address_that_did_not_answer_moves_nothing() -> None:
    punching, outbound = made_direct(1)
    stranger = Address("203.0.113.66", 1)
    steps = punching.receive(LFCP_SOCKET, stranger, outbound.seal(Datagram.NOMINATE), 0.3)
    assert bytes_to(steps)[stranger] == EMPTY
    assert punching.path.address == PUBLIC


def test_an_older_nomination_is_answered_and_moves_nothing() -> None:
    punching, outbound = made_direct(1)
    older, host = outbound.seal(Datagram.NOMINATE), Address("192.168.1.20", 40000)
    hello = Hello(Turn(1, 1), Mapping.INDEPENDENT, False, (Candidate(Kind.HOST, host),))
    (probe,) = sent(punching.relayed(outbound.seal(Datagram.HELLO, bytes(hello)), 0.3), Datagram.PROBE)
    assert probe.address == host
    punching.receive(LFCP_SOCKET, host, answer_to(probe.datagram, outbound), 0.4)
    (changed,) = (
        step
        for step in punching.receive(LFCP_SOCKET, host, outbound.seal(Datagram.NOMINATE), 0.4)
        if isinstance(step, PathChanged)
    )
    assert (changed.address, changed.kind) == (host, Kind.HOST)
    assert sent(punching.receive(LFCP_SOCKET, PUBLIC, older, 0.4), Datagram.ANSWER)
    assert punching.path.address == host


def test_a_worse_address_is_taken_only_while_the_better_one_does_not_answer() -> None:
    punching, outbound = made_direct(1)
    other = Address("203.0.113.99", 7)
    (probe,) = sent(punching.receive(LFCP_SOCKET, other, outbound.seal(Datagram.PROBE), 0.3), Datagram.PROBE)
    punching.receive(LFCP_SOCKET, other, answer_to(probe.datagram, outbound), 0.4)
    punching.receive(LFCP_SOCKET, other, outbound.seal(Datagram.NOMINATE), 0.4)
    assert punching.path.address == PUBLIC
    run(punching, 20.0)
    punching.receive(LFCP_SOCKET, other, outbound.seal(Datagram.NOMINATE), 20.0)
    assert punching.path.address == other


def test_a_nominee_that_falls_silent_is_dropped_for_the_next_best() -> None:
    punching, outbound = side(0)
    (probe,) = sent(punching.poll(0.0), Datagram.PROBE)
    other = Address("203.0.113.99", 7)
    (second,) = sent(punching.receive(LFCP_SOCKET, other, outbound.seal(Datagram.PROBE), 0.1), Datagram.PROBE)[:1]
    for asked in (probe, second):
        punching.receive(LFCP_SOCKET, asked.address, answer_to(asked.datagram, outbound), 0.1)
    nominated = [step.address for step in sent(run(punching, 6.0), Datagram.NOMINATE)]
    assert nominated[0] == PUBLIC
    assert nominated[-1] == other
    assert len(nominated) <= 60


def test_what_the_other_side_says_that_is_no_hello_is_not_answered() -> None:
    punching, outbound = side(1)
    punching.poll(0.0)
    assert punching.relayed(outbound.seal(Datagram.HELLO, b"1 1 e"), 0.01) == []
    assert punching.rejected == 1


class Forwarder:
    """On the path between both NATs: takes what passes between them away and sends it on from an address of its own, as
    long as it wants to."""

    def __init__(self, world: World, *, keeps_originals: bool) -> None:
        self.machine = Host(world.internet, "203.0.113.66")
        self.forwards = True
        self._world = world
        self._keeps_originals = keeps_originals
        self._partners = dict(zip((7000, 7001), reversed([nat.host for nat in world.nats]), strict=True))
        self._ends: dict[str, Address] = {}
        for port in self._partners:
            self.machine.bind(port, self._forward)
        world.internet.tap = self._tap

    def _tap(self, source: Address, target: Address, payload: object) -> bool:
        hosts = [nat.host for nat in self._world.nats]
        if source.host not in hosts or target.host not in hosts or not isinstance(payload, bytes):
            return True
        self._ends[source.host] = source
        self._ends.setdefault(target.host, target)
        if self.forwards:
            self._send(source.host, payload)
        return self._keeps_originals

    def _forward(self, port: int, source: Address, payload: object) -> None:
        assert isinstance(payload, bytes)
        self._ends[source.host] = source
        if self.forwards:
            self._send(source.host, payload)

    def _send(self, of: str, payload: bytes) -> None:
        port, other = next((port, other) for port, other in self._partners.items() if other != of)
        self.machine.send(port, self._ends[other], payload)


def test_who_passes_probes_on_instead_of_the_path_becomes_the_path_and_reads_nothing() -> None:
    world = World(("fc", "fc"))
    forwarder = Forwarder(world, keeps_originals=False)
    world.meet()
    assert world.direct
    paths = [end.paths[-1][1] for end in world.ends]
    assert [path.address.host for path in paths if path.address] == [forwarder.machine.host] * 2
    assert {path.kind for path in paths} == {Kind.PREDICTED}
    world.ends[0].send(b"picture")
    world.run(1.0)
    assert world.ends[1].payloads[-1][1] == b"picture"
    forwarder.forwards = False
    world.run(35.0)
    assert not any(end.direct for end in world.ends)
    world.ends[0].send(b"by the relay")
    world.run(1.0)
    assert world.ends[1].payloads[-1][1] == b"by the relay"


def test_who_copies_probes_from_an_address_of_his_own_does_not_become_the_path() -> None:
    world = World(("fc", "fc"))
    forwarder = Forwarder(world, keeps_originals=True)
    world.meet()
    world.run(600.0)
    assert world.direct
    for end in world.ends:
        address = end.paths[-1][1].address
        assert address is not None
        assert address.host != forwarder.machine.host


def test_what_waits_for_an_answer_is_bounded() -> None:
    punching, outbound = side(0)
    (first,) = sent(punching.poll(0.0), Datagram.PROBE)
    for _ in range(MAX_OUTSTANDING):
        punching.receive(LFCP_SOCKET, PUBLIC, outbound.seal(Datagram.PROBE), 0.01)
    steps = punching.receive(LFCP_SOCKET, PUBLIC, answer_to(first.datagram, outbound), 0.02)
    assert sent(steps, Datagram.NOMINATE) == []


def test_no_key_shows_in_an_invitation() -> None:
    shown = repr(Invitation(SESSION, KEY, 0, PUBLIC, Mapping.HARD))
    assert repr(KEY)[2:-1] not in shown
    assert "203.0.113.10:40000" in shown


def test_data_counts_by_whichever_way_it_comes_and_once() -> None:
    punching, outbound = made_direct(1)
    punching.poll(0.3)
    datagram = outbound.seal(Datagram.DATA, b"picture")
    assert punching.relayed(datagram, 0.3) == [Payload(b"picture")]
    assert punching.receive(LFCP_SOCKET, PUBLIC, datagram, 0.3) == []


def test_a_session_needs_a_key_and_a_role() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tunnel(SESSION, b"", 0)
    with pytest.raises(ValueError, match="roles"):
        Punching(Invitation(SESSION, KEY, 2, PUBLIC, Mapping.HARD), Own(), lambda: 0.5, 0.0)
