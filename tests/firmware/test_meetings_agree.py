"""The C library's side of a rendezvous against lfcp's over simulated NATs: what two Python sides find, they find."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lfcp.candidates import Address, Candidate, Kind, Mapping
from lfcp.client.hello import Hello, Turn
from lfcp.client.probing import OFFSETS
from lfcp.client.punching import Punching
from lfcp.client.punching_steps import CloseSockets, Invitation, OpenSockets, Over, Own, Relay, Send
from lfcp.client.rounds import LEAST_PAUSE
from lfcp.constants import CONSENT_LOST_MS, RELAY_IDLE_MS, TUNNEL_BODY
from lfcp.tunnel import Kind as Datagram
from lfcp.tunnel import Outbound
from tests.conftest import PROVE
from tests.firmware.c_client import CClientLibrary
from tests.firmware.c_meeting import CMeeting
from tests.protocol import meeting_model
from tests.protocol.meeting_model import KEY, SERVER, SESSION, World
from tests.protocol.nat_model import TYPES, Weather

HARD = {"adm", "sym", "symb"}
SEQUENTIAL = {"syms"}
NARROW = {"pr", "prx", "prh"}  # filter by address and port
ROUGH = Weather(delay=0.05, jitter=0.03, loss=0.1, copies=0.05)


@pytest.fixture(autouse=True)
def device_is_c(c_client_library: CClientLibrary) -> Iterator[None]:
    def side(invitation: Invitation, own: Own, chance: random.Random, now: float) -> object:
        made = Punching if invitation.role == 0 else lambda *args: CMeeting(c_client_library, *args)
        return made(invitation, own, chance, now)  # type: ignore[arg-type]

    with patch.object(meeting_model, "Punching", side):
        yield


def can_be_direct(operator: str, device: str, *, birthday: bool = False) -> bool:
    """The device has not the sockets of a birthday attempt's hard side."""
    if {operator, device} & (HARD | SEQUENTIAL) == set():
        return True
    if {operator, device} <= HARD | SEQUENTIAL:
        return False
    hard, other = (operator, device) if operator in HARD | SEQUENTIAL else (device, operator)
    return other not in NARROW or hard in SEQUENTIAL or (birthday and hard == operator)


@pytest.mark.parametrize("device", ["", *TYPES])
def test_every_pair_of_nats_that_can_is_direct_soon(device: str) -> None:
    for operator in ("", *TYPES):
        world = World((operator, device))
        world.meet(12.0)
        assert world.direct == can_be_direct(operator, device), f"{operator} and {device}"


@pytest.mark.parametrize("operator", sorted(HARD))
def test_a_hard_operator_meets_a_narrow_device_by_chance(operator: str) -> None:
    found = 0
    for seed, device in enumerate(sorted(NARROW)):
        world = World((operator, device), seed, options="b")
        world.meet(20.0)
        found += world.direct
    assert found >= 2


@pytest.mark.parametrize("types", [("pr", "pr"), ("prx", "pr"), ("fc", "sym"), ("syms", "pr"), ("prh", "prh")])
def test_a_bad_line_delays_and_does_not_prevent(types: tuple[str, str]) -> None:
    for seed in range(5 if PROVE else 2):
        world = World(types, seed, ROUGH)
        world.meet(60.0)
        assert world.direct, f"seed {seed}"


@contextmanager
def met(types: tuple[str, str] = ("pr", "pr"), seed: int = 1) -> Iterator[World]:
    world = World(types, seed)
    world.meet()
    assert world.direct
    yield world


def test_what_is_said_passes_at_once_over_the_relay_and_then_directly() -> None:
    world = World(("pr", "pr"))
    world.ends[1].on_invited = lambda end: end.send(b"early")
    world.meet()
    world.run(1.0)
    assert [body for _, body in world.ends[0].payloads] == [b"early"]
    relayed = world.server.relayed
    for end in world.ends:
        end.send(bytes(TUNNEL_BODY))
    world.run(1.0)
    assert world.server.relayed == relayed
    assert [body for _, body in world.ends[0].payloads] == [b"early", bytes(TUNNEL_BODY)]
    assert [body for _, body in world.ends[1].payloads] == [bytes(TUNNEL_BODY)]


def test_neighbours_meet_in_their_own_network() -> None:
    world = World(("", ""), shared="pr")
    world.meet()
    assert [end.punching.path.kind for end in world.ends if end.punching] == [Kind.HOST, Kind.HOST]


def test_an_idle_path_is_kept_for_an_hour() -> None:
    with met() as world:
        world.run(3600.0)
        assert world.direct
        assert len(world.ends[1].paths) == 1


def test_a_path_that_does_not_answer_is_left_for_the_relay_and_found_again() -> None:
    with met() as world:
        hosts = [nat.host for nat in world.nats]
        world.internet.cut = {(hosts[0], hosts[1]), (hosts[1], hosts[0])}
        world.run(2 * CONSENT_LOST_MS / 1000, lambda: not any(end.direct for end in world.ends))
        assert not any(end.direct for end in world.ends)
        world.ends[1].send(b"by the relay")
        world.run(1.0)
        assert world.ends[0].payloads[-1][1] == b"by the relay"
        world.internet.cut = set()
        world.run(1000.0, lambda: world.direct)
        assert world.direct


def test_who_is_faster_with_copies_from_his_own_address_keeps_no_device_from_its_direct_path() -> None:
    world = World(("fc", "fc"))
    attacker, device = Address("203.0.113.66", 6666), world.nats[1].host

    def copy_first(source: Address, target: Address, payload: object) -> bool:
        if isinstance(payload, bytes) and target.host == device and source.host == world.nats[0].host:
            world.internet.carry(attacker, target, payload, 64)
        return True

    world.internet.tap = copy_first
    world.meet(12.0)
    assert world.direct


@pytest.mark.parametrize("who", [0, 1])
def test_who_ends_it_ends_it_for_both(who: int) -> None:
    with met() as world:
        end = world.ends[who]
        assert end.punching is not None
        end.carry_out(end.punching.close(world.clock.now))
        world.run(1.0)
        assert all(any(isinstance(step, Over) for _, step in each.steps) for each in world.ends)


def test_a_side_that_is_gone_is_not_waited_for_for_ever() -> None:
    with met() as world:
        world.server.up = False
        hosts = [nat.host for nat in world.nats]
        world.internet.cut = {(hosts[0], hosts[1]), (hosts[1], hosts[0])}
        world.run(RELAY_IDLE_MS / 1000 + 60.0)
        device = world.ends[1]
        assert device.punching is not None
        assert device.punching.over
        assert sum(isinstance(step, Over) for _, step in device.steps) == 1


def test_the_second_attempt_has_a_socket_of_its_own_which_is_closed_when_it_was_in_vain() -> None:
    world = World(("sym", "pr"))
    world.meet(30.0)
    steps = [step for _, step in world.ends[1].steps]
    assert [type(step) for step in steps if isinstance(step, OpenSockets | CloseSockets)] == [OpenSockets, CloseSockets]
    assert world.ends[1].open_sockets == 1


def test_openers_reach_no_other_nat() -> None:
    world = World(("prx", "prx"))
    world.internet.cut = {("203.0.113.10", "203.0.113.11"), ("203.0.113.11", "203.0.113.10")}
    world.meet(6.0)
    sent = [(at, step) for at, step in world.ends[1].steps if getattr(step, "ttl", None) is not None]
    assert [step.ttl for _, step in sent] == [3] * len(sent) != []  # type: ignore[union-attr]


@settings(max_examples=60 if PROVE else 15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    operator=st.sampled_from(["", *TYPES]),
    device=st.sampled_from(["", *TYPES]),
    seed=st.integers(0, 1000),
    loss=st.sampled_from([0.0, 0.1, 0.3]),
    copies=st.sampled_from([0.0, 0.2]),
    jitter=st.sampled_from([0.0, 0.2]),
)
@example(operator="pr", device="prx", seed=0, loss=0.3, copies=0.2, jitter=0.2)
def test_whatever_the_network_does_each_word_arrives_once(
    operator: str, device: str, seed: int, loss: float, copies: float, jitter: float
) -> None:
    world = World((operator, device), seed, Weather(0.05, jitter, loss, copies), options="b")
    world.meet(10.0)
    words = [f"{number}".encode() for number in range(50)]
    for end in world.ends:
        for word in words if end.punching else ():
            end.send(word)
    world.run(20.0)
    for end in world.ends:
        heard = [body for _, body in end.payloads]
        assert len(heard) == len(set(heard))
        assert set(heard) <= set(words)


@settings(max_examples=300 if PROVE else 40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=1500), st.booleans(), st.integers(0, 1))
def test_any_bytes_change_nothing(datagram: bytes, through_server: bool, socket: int) -> None:
    with met() as world:
        device = world.ends[1].punching
        assert device is not None
        now = world.clock.now
        steps = device.relayed(datagram, now) if through_server else device.receive(socket, SERVER, datagram, now)
        assert steps == []


def test_who_begins_rounds_without_pause_makes_a_device_send_no_more(c_client_library: CClientLibrary) -> None:
    victim, leads = Address("2001:db8::1", 4000), Outbound(SESSION, KEY, 0)
    invitation = Invitation(SESSION, KEY, 1, Address("203.0.113.10", 40000), Mapping.INDEPENDENT)
    device = CMeeting(c_client_library, invitation, Own(), lambda: 0.5, 0.0)
    device.poll(0.0)
    probes = 0
    for second in range(1, 121):
        hello = Hello(Turn(second, 1), Mapping.INDEPENDENT, False, (Candidate(Kind.IPV6, victim),))
        steps = device.relayed(leads.seal(Datagram.HELLO, bytes(hello)), float(second))
        assert any(isinstance(step, Relay) and step.datagram[0] == Datagram.ANSWER for step in steps)
        for part in range(20):
            steps += device.poll(second + part / 20)
        probes += sum(isinstance(step, Send) and step.address == victim for step in steps)
    assert len(OFFSETS) < probes <= (120 / LEAST_PAUSE + 1) * len(OFFSETS)
