"""Attempts of a rendezvous where something is missing: an address that may be tried, a socket, room."""

import pytest

from lfcp.candidates import Address, Kind, Mapping
from lfcp.client.attempts import ASKS, OPENER_TTL, OPENERS
from lfcp.client.birthday import BIRTHDAY, BIRTHDAY_SOCKETS, LEAST_PORT, MAX_SPRAYED
from lfcp.client.hello import Turn
from lfcp.client.probing import MAX_SOURCES, Pair, Prober
from lfcp.client.punching import Punching
from lfcp.client.punching_steps import (
    LFCP_SOCKET,
    AskAddress,
    CloseSockets,
    Invitation,
    OpenSockets,
    Own,
    PathChanged,
    Relay,
    Step,
)
from lfcp.client.rounds import LONGEST_PAUSE, Rounds
from lfcp.tunnel import Kind as Datagram
from lfcp.tunnel import Outbound, Tunnel
from tests.protocol.meeting_model import KEY, SESSION
from tests.protocol.test_punching_attackers import PUBLIC, made_direct, run, sent

SEEN = Address("203.0.113.20", 50001)
LOCAL = (Address("192.168.2.20", 50001),)

NOBODY = Own()


class Session:
    """A device that was invited, and the other side's words."""

    def __init__(self, own: Own = NOBODY, options: str = "-", other: Address = PUBLIC, delay: float = 0.0) -> None:
        invitation = Invitation(SESSION, KEY, 1, other, Mapping.INDEPENDENT, options, delay)
        self.punching = Punching(invitation, own, lambda: 0.5, 0.0)
        self.other = Tunnel(SESSION, KEY, 0)
        self.first = self.punching.poll(0.0)

    def told(self, turn: Turn, *candidates: str, now: float, mapping: Mapping = Mapping.INDEPENDENT) -> list[Step]:
        words = " ".join((*map(str, turn), mapping.value, "b", *candidates))
        return self.punching.relayed(self.other.outbound.seal(Datagram.HELLO, words.encode()), now)

    def hello_in(self, steps: list[Step]) -> list[bytes]:
        opened = [self.other.inbound.verify(step.datagram) for step in steps if isinstance(step, Relay)]
        return [each.body for each in opened if each is not None and each.kind is Datagram.HELLO]


def kinds(steps: list[Step]) -> list[type]:
    return [type(step) for step in steps]


def test_a_side_says_hello_and_probes_at_once() -> None:
    session = Session(Own(Mapping.INDEPENDENT, LOCAL))
    assert session.hello_in(session.first) == [b"1 1 e - h192.168.2.20:50001"]
    assert [step.address for step in sent(session.first, Datagram.PROBE)] == [PUBLIC]


def test_a_side_that_is_nearer_waits_with_its_probes_and_not_with_its_hello() -> None:
    session = Session(delay=0.3)
    assert len(session.hello_in(session.first)) == 1
    assert sent(session.first, Datagram.PROBE) == []
    assert sent(run(session.punching, 0.29), Datagram.PROBE) == []
    assert sent(run(session.punching, 0.31), Datagram.PROBE)


def test_where_the_server_names_an_address_that_must_not_be_tried_candidates_are_tried_all_the_same() -> None:
    session = Session(other=Address("127.0.0.1", 40000))
    assert sent(session.first, Datagram.PROBE) == []
    steps = session.told(Turn(1, 1), "p127.0.0.1:40000", "h127.0.0.1:40000", "h192.168.1.20:40000", now=0.1)
    assert [step.address.host for step in sent(steps, Datagram.PROBE)] == ["192.168.1.20"]


def test_a_learned_address_that_is_named_later_is_of_its_kind() -> None:
    session = Session()
    host = Address("192.168.1.20", 40000)
    (probe,) = sent(
        session.punching.receive(LFCP_SOCKET, host, session.other.outbound.seal(Datagram.PROBE), 0.01), Datagram.PROBE
    )
    session.told(Turn(1, 1), f"h{host}", now=0.02)
    answer = session.other.outbound.seal(Datagram.ANSWER, probe.datagram[9:17])
    session.punching.receive(LFCP_SOCKET, host, answer, 0.03)
    session.punching.receive(LFCP_SOCKET, host, session.other.outbound.seal(Datagram.NOMINATE), 0.03)
    assert session.punching.path.kind is Kind.HOST


def test_a_second_attempt_goes_through_its_stages() -> None:
    session = Session(Own(Mapping.SEQUENTIAL, LOCAL, SEEN))
    punching = session.punching
    run(punching, 3.0)
    steps = session.told(Turn(1, 2), "p203.0.113.10:50001", "h192.168.1.20:50001", now=3.0)
    assert [step for step in steps if isinstance(step, OpenSockets)] == [OpenSockets((1,))]
    assert punching.opened(7, (), 3.01) == []
    assert AskAddress(1) in punching.opened(1, LOCAL, 3.01)
    assert punching.opened(1, LOCAL, 3.02) == []
    assert punching.server_saw(7, SEEN, 3.1) == []
    steps = punching.server_saw(1, SEEN, 3.1)
    assert session.hello_in(steps)[0].startswith(b"1 2 s - p203.0.113.20:50001 g203.0.113.20:50002 ")
    assert session.hello_in(steps)[0].endswith(b"g203.0.113.20:50009 h192.168.2.20:50001")
    assert punching.server_saw(1, SEEN, 3.1) == []
    steps += run(punching, 3.9)
    openers = sent(steps, Datagram.PROBE)
    assert {step.ttl for step in openers} == {OPENER_TTL}
    assert {step.socket for step in openers} == {1}
    assert len(openers) == 2 * OPENERS
    hello = next(step for step in steps if isinstance(step, Relay))
    answer = session.other.outbound.seal(Datagram.ANSWER, hello.datagram[9:17])
    probes = sent(punching.relayed(answer, 3.9), Datagram.PROBE)
    assert [(step.socket, step.address.host, step.ttl) for step in probes] == [
        (1, "203.0.113.10", None),
        (1, "192.168.1.20", None),
    ]
    assert CloseSockets((1,)) in run(punching, 30.0)


def test_a_second_attempt_asks_the_server_a_few_times_and_is_given_up() -> None:
    session = Session()
    steps = session.told(Turn(1, 2), "p203.0.113.10:50001", now=3.0) + session.punching.opened(1, LOCAL, 3.0)
    steps += run(session.punching, 30.0)
    assert kinds(steps).count(AskAddress) == ASKS
    assert kinds(steps).count(CloseSockets) == 1
    assert session.punching.wants(0)
    assert not session.punching.wants(1)
    assert session.punching.receive(1, PUBLIC, session.other.outbound.seal(Datagram.PROBE), 30.0) == []
    assert session.punching.server_saw(1, SEEN, 30.0) == []
    assert session.punching.opened(1, LOCAL, 30.0) == []


def test_a_hello_of_an_earlier_attempt_is_answered_and_begins_nothing() -> None:
    session = Session()
    session.told(Turn(2, 1), now=60.0)
    run(session.punching, 64.0)
    steps = session.told(Turn(1, 2), "p203.0.113.10:50001", now=64.1)
    assert kinds(steps) == [Relay]


def test_the_device_leaves_its_path_when_the_other_side_searches_again() -> None:
    punching, outbound = made_direct(1)
    assert punching.needs_lfcp_socket
    again = outbound.seal(Datagram.HELLO, b"2 1 e -")
    steps = punching.relayed(again, 20.0)
    assert PathChanged(None, None, None) in steps
    assert sent(steps, Datagram.PROBE)
    assert punching.path.address is None
    assert not punching.needs_lfcp_socket


def test_a_birthday_attempt_that_nobody_allowed_is_not_begun() -> None:
    session = Session(Own(Mapping.HARD, many_sockets=True))
    run(session.punching, 5.0)
    assert kinds(session.told(Turn(1, 3), now=5.0)) == [Relay]


def test_the_hard_side_sows_openers_from_many_sockets_in_a_measured_step() -> None:
    session = Session(Own(Mapping.HARD, many_sockets=True), options="b")
    steps = session.told(Turn(1, 3), now=3.0)
    (opened,) = (step for step in steps if isinstance(step, OpenSockets))
    assert len(opened.sockets) == BIRTHDAY_SOCKETS
    steps = session.punching.opened(999, LOCAL, 3.0)
    for socket in opened.sockets:
        steps += session.punching.opened(socket, LOCAL, 3.0)
    assert len(sent(steps, Datagram.PROBE)) == 1
    steps += run(session.punching, 30.0)
    openers = sent(steps, Datagram.PROBE)
    assert {step.socket for step in openers} == set(opened.sockets)
    assert {(step.address, step.ttl) for step in openers} == {(PUBLIC, OPENER_TTL)}
    assert len(openers) == BIRTHDAY_SOCKETS


def test_the_other_side_sprays_so_many_probes_and_no_more() -> None:
    session = Session(Own(Mapping.INDEPENDENT), options="b")
    run(session.punching, 2.9)
    steps = session.told(Turn(1, 3), now=3.0, mapping=Mapping.HARD)
    steps += session.told(Turn(1, 3), now=3.1, mapping=Mapping.HARD)
    steps += run(session.punching, 60.0)
    probes = sent(steps, Datagram.PROBE)
    assert BIRTHDAY * 95 < len(probes) <= MAX_SPRAYED
    assert {step.address.host for step in probes} == {PUBLIC.host}
    assert min(step.address.port for step in probes) >= LEAST_PORT


def test_a_side_that_may_try_no_address_sows_nothing() -> None:
    session = Session(Own(Mapping.HARD, many_sockets=True), options="b", other=Address("224.0.0.1", 1))
    assert kinds(session.told(Turn(1, 3), now=5.0)) == [Relay, Relay]


def test_ports_that_were_predicted_wrongly_are_sprayed_for_too() -> None:
    session = Session(options="b")
    run(session.punching, 5.0)
    session.told(Turn(1, 3), now=5.0, mapping=Mapping.SEQUENTIAL)
    assert sent(run(session.punching, 10.0), Datagram.PROBE)


@pytest.mark.parametrize("ours", [Mapping.SEQUENTIAL, Mapping.HARD])
def test_two_hard_sides_try_no_birthday(ours: Mapping) -> None:
    session = Session(Own(ours, many_sockets=True), options="b")
    run(session.punching, 5.0)
    assert kinds(session.told(Turn(1, 3), now=5.0, mapping=Mapping.HARD)) == [Relay]


def test_an_answer_for_which_there_is_no_room_makes_nothing_good() -> None:
    steps: list[Step] = []
    prober = Prober(Outbound(SESSION, KEY, 0), None, steps)
    for port in range(1, MAX_SOURCES + 2):
        prober.heard_answer(Pair(LFCP_SOCKET, Address("203.0.113.99", port)), 0.1 - port / 1000, 1.0)
    best = prober.best()
    assert best is not None
    assert best.address.port == MAX_SOURCES


def test_rounds_have_a_last_pause_and_a_last_number() -> None:
    rounds, turn, now = Rounds(0.0), Turn(1, 2), 0.0
    for _ in range(8):
        begins = rounds.next_wakeup(turn)
        assert rounds.following(turn, (1, 2), begins - 1) is None
        begun = rounds.following(turn, (1, 2), begins)
        assert begun == Turn(turn.round + 1, 1)
        turn, pause, now = Turn(begun.round, 2), begins - now, begins
    assert pause == LONGEST_PAUSE
    assert rounds.following(Turn(9999, 2), (1, 2), now + 10 * LONGEST_PAUSE) is None
