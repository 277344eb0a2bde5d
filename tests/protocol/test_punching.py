"""Two sides meet through simulated NATs, under a virtual clock: who becomes direct, how soon, and what happens then."""

import itertools
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfcp.candidates import Kind
from lfcp.client.birthday import BIRTHDAY_SOCKETS
from lfcp.client.punching_steps import Over, Send
from lfcp.constants import TUNNEL_BODY
from tests.conftest import PROVE
from tests.protocol.meeting_model import End, World
from tests.protocol.nat_model import TYPES, Weather

RUNS = 100 if PROVE else 25
FEW_RUNS = 10 if PROVE else 3
HARD = {"adm", "sym", "symb"}
STRICT = {"pr", "prx", "prh"}
PREDICTABLE = {"syms"}
EVERY_TYPE = ("", *TYPES)
PAIRS = list(itertools.product(EVERY_TYPE, repeat=2))[:: 1 if PROVE else 4]  # eleven types: every one is met both ways


def can_meet(one: str, other: str) -> bool:
    """One open side suffices; strict ones meet each other, and who counts ports up."""
    both = {one, other}
    return not (both <= STRICT | HARD | PREDICTABLE and (both & HARD or both <= PREDICTABLE))


def times_to_direct(types: tuple[str, str], weather: Weather, options: str = "-", runs: int = RUNS) -> list[float]:
    """How long it took where it came to that."""
    worlds = [World(types, seed, weather, options=options) for seed in range(runs)]
    for world in worlds:
        world.meet()
    return [world.since_asked for world in worlds if world.direct]


def tell(types: tuple[str, str], what: str, taken: list[float]) -> None:
    median = statistics.median(taken) * 1000
    print(f"{types[0]} and {types[1]}, {what}: {len(taken)} direct, median {median:.0f} ms")  # noqa: T201


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_whoever_can_meet_is_direct_and_the_others_are_on_the_relay_at_once(one: str, other: str) -> None:
    world = World((one, other))
    world.ends[0].on_invited = lambda end: end.send(b"hello")
    world.meet()
    assert world.direct is can_meet(one, other)
    arrived, body = world.ends[1].payloads[0]
    assert body == b"hello"
    assert arrived - world.asked_at < 0.3


@pytest.mark.parametrize("home", EVERY_TYPE)
def test_behind_one_nat_two_sides_meet_by_their_own_addresses(home: str) -> None:
    world = World(("", ""), shared=home or "pr")
    world.meet()
    world.run(1.0)
    assert world.ends[0].paths[-1][1].kind is Kind.HOST
    assert world.direct


@pytest.mark.parametrize("home", TYPES)
def test_behind_a_carrier_that_sends_nothing_back_two_sides_stay_on_the_relay(home: str) -> None:
    world = World((home, "pr"), shared="pr")
    world.ends[0].on_invited = lambda end: end.send(b"hello")
    world.meet()
    assert not world.direct
    assert world.ends[1].payloads[0][1] == b"hello"


def test_behind_a_carrier_that_sends_back_two_sides_meet() -> None:
    world = World(("pr", "prh"), shared="fch")
    world.meet()
    assert world.direct


@pytest.mark.parametrize(("loss", "bound"), [(0.0, 0.32), (0.1, 0.5), (0.2, 0.6)])
def test_two_port_restricted_nats_are_passed_soon_whatever_is_lost(loss: float, bound: float) -> None:
    """Where a fifth is lost, CONN or a PNCH is every second time; nobody probes before they arrive."""
    taken = times_to_direct(("pr", "pr"), Weather(loss=loss))
    tell(("pr", "pr"), f"{loss:.0%} lost", taken)
    assert len(taken) >= RUNS - 1
    assert statistics.median(taken) < bound


@pytest.mark.parametrize("types", [("pr", "syms"), ("syms", "prh"), ("prx", "syms"), ("syms", "ar"), ("prx", "prx")])
def test_predicted_ports_and_openers_work_in_any_weather(types: tuple[str, str]) -> None:
    taken = times_to_direct(types, Weather(jitter=0.02, loss=0.1, copies=0.1), runs=FEW_RUNS)
    tell(types, "a tenth lost, a tenth doubled", taken)
    assert len(taken) == FEW_RUNS


@pytest.mark.parametrize("types", [("pr", "sym"), ("sym", "pr"), ("symb", "prx"), ("prh", "adm")])
def test_with_permission_a_hard_nat_is_passed_by_chance(types: tuple[str, str]) -> None:
    taken = times_to_direct(types, Weather(), "b", FEW_RUNS)
    tell(types, "birthday", taken)
    assert len(taken) >= FEW_RUNS - 1  # by chance one in a hundred fails


def test_a_birthday_attempt_needs_permission_and_sockets() -> None:
    for options, many_sockets in (("-", True), ("b", False)):
        world = World(("pr", "sym"), options=options)
        world.ends[1].own = world.ends[1].own._replace(many_sockets=many_sockets)
        world.meet()
        assert not world.direct
        assert world.ends[1].open_sockets < BIRTHDAY_SOCKETS


def test_new_sockets_that_are_not_used_are_closed() -> None:
    world = World(("pr", "sym"), options="b")
    world.meet()
    assert world.direct
    world.run(20.0)
    assert world.ends[0].open_sockets == 1
    assert world.ends[1].open_sockets == 2
    assert world.direct
    world.ends[1].send(b"still here")
    world.run(1.0)
    assert world.ends[0].payloads[-1][1] == b"still here"


def test_what_is_sent_goes_directly_once_there_is_a_path() -> None:
    world = World(("pr", "pr"))
    world.meet()
    world.run(5.0)
    relayed = world.server.relayed
    for end in world.ends:
        end.send(bytes(TUNNEL_BODY))
    world.run(1.0)
    assert all(end.payloads[-1][1] == bytes(TUNNEL_BODY) for end in world.ends)
    assert world.server.relayed == relayed


def test_the_round_trip_is_told_of_the_relay_and_of_the_direct_path() -> None:
    world = World(("pr", "pr"))
    world.meet()
    world.run(10.0)
    relay, direct = (step for _, step in world.ends[0].paths)
    assert relay.address is None
    assert relay.round_trip == pytest.approx(0.2, abs=0.01)
    assert direct.kind is Kind.PUBLIC
    assert direct.round_trip == pytest.approx(0.1, abs=0.01)
    assert world.ends[0].punching is not None
    assert world.ends[0].punching.path.address == direct.address


def cut(world: World, *, both_ways: bool = True) -> None:
    """The two sides' NATs do not hear each other any more."""
    one, other = (nat.host for nat in world.nats[-2:])
    world.internet.cut = {(one, other), (other, one)} if both_ways else {(one, other)}


@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize("busy", [True, False])
def test_a_path_that_breaks_is_left_for_the_relay_and_found_again(busy: bool, both_ways: bool) -> None:
    world = World(("pr", "pr"))
    world.meet()
    world.run(40.0)
    cut(world, both_ways=both_ways)
    for _ in range(320):
        if busy:
            world.ends[0].send(b"picture")
        world.run(0.1)
    assert not any(end.direct for end in world.ends)
    world.ends[0].send(b"by the relay")
    world.run(1.0)
    assert world.ends[1].payloads[-1][1] == b"by the relay"
    world.internet.cut = set()
    world.run(120.0, lambda: world.direct)
    assert world.direct


def test_rounds_begin_a_minute_apart_at_least_and_more_and_more_seldom() -> None:
    world = World(("sym", "sym"))
    world.meet(1000.0)
    sent = [at for at, step in world.ends[0].steps if isinstance(step, Send)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(sent) if later - earlier > 20]
    assert len(pauses) == 4
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(pauses))


def test_a_path_survives_the_loss_of_a_third_of_all_datagrams() -> None:
    world = World(("pr", "pr"))
    world.meet()
    world.weather.loss = 0.3
    world.run(600.0)
    assert all(step.address is not None for _, step in world.ends[0].paths[1:])


def test_a_nat_that_restarts_costs_the_path_but_not_the_session() -> None:
    world = World(("sym", "fc"))
    world.meet()
    world.nats[0].reboot()
    world.ends[0].beat()
    world.run(0.5)
    world.server.proven(0, world.ends[0].seen_by_server())
    world.run(150.0)
    assert world.direct
    world.ends[0].send(b"again")
    world.run(1.0)
    assert world.ends[1].payloads[-1][1] == b"again"


@settings(max_examples=60 if PROVE else 10)
@given(
    st.tuples(st.sampled_from(EVERY_TYPE), st.sampled_from(EVERY_TYPE)),
    st.sampled_from(["", "pr", "fch"]),
    st.builds(Weather, st.floats(0.001, 0.5), st.floats(0, 0.3), st.floats(0, 0.6), st.floats(0, 0.5)),
    st.sampled_from(["-", "b"]),
    st.integers(0, 1000),
)
def test_in_any_weather_what_is_sent_arrives_once_at_most(
    types: tuple[str, str], shared: str, weather: Weather, options: str, seed: int
) -> None:
    world = World(types, seed, weather, shared=shared, options=options)
    world.meet(5.0)
    said: list[set[bytes]] = [set(), set()]
    for number in range(40):
        for end in world.ends:
            if end.punching is not None:
                said[end.role].add(bytes((number,)))
                end.send(bytes((number,)))
        if number == 20 and all(types):
            cut(world)
        world.run(2.0)
    for end in world.ends:
        heard = [body for _, body in end.payloads]
        assert len(heard) == len(set(heard))
        assert set(heard) <= said[1 - end.role]
        assert end.open_sockets <= 1 + BIRTHDAY_SOCKETS


def end_of(end: End) -> str:
    return next(step.reason for _, step in end.steps if isinstance(step, Over))


@pytest.mark.parametrize("direct", [True, False])
def test_who_closes_tells_the_other_side(direct: bool) -> None:
    world = World(("pr", "pr") if direct else ("sym", "sym"))
    world.meet(10.0)
    assert world.direct is direct
    ender, other = world.ends
    assert ender.punching is not None
    ender.carry_out(ender.punching.close(world.clock.now))
    world.run(1.0)
    assert end_of(ender) == "closed"
    assert end_of(other) == "ended"
    for end in world.ends:
        assert end.open_sockets == 1
        assert end.punching is not None
        assert end.punching.next_wakeup() == float("inf")
        assert end.punching.send(b"more", world.clock.now) == []
        assert end.punching.close(world.clock.now) == []


def test_a_side_that_is_not_heard_for_three_minutes_is_given_up() -> None:
    world = World(("pr", "pr"))
    world.meet()
    cut(world)
    world.server.up = False
    world.run(185.0)
    assert [end_of(end) for end in world.ends] == ["silent", "silent"]


def test_a_session_on_the_relay_is_kept_by_a_datagram_a_minute() -> None:
    world = World(("sym", "sym"))
    world.meet(60.0)
    before = world.server.relayed
    world.run(3600.0)
    assert not any(isinstance(step, Over) for end in world.ends for _, step in end.steps)
    assert world.server.relayed - before < 400


def test_an_idle_direct_path_costs_few_datagrams() -> None:
    world = World(("pr", "pr"))
    world.meet()
    world.run(60.0)
    before = len(world.ends[0].steps)
    world.run(600.0)
    assert len(world.ends[0].steps) - before < 2 * (600 / 15 * 2 + 600 / 60)


def test_a_second_attempt_is_given_up_where_the_server_does_not_say_what_it_sees() -> None:
    world = World(("prx", "syms"))
    world.server.sees = False
    world.meet(30.0)
    assert not world.direct
    assert world.ends[0].open_sockets == 1
