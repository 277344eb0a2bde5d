"""HELLO: what it says, that a malformed one is none, and that it is said until it arrives."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lfcp.candidates import Address, Candidate, Kind, Mapping
from lfcp.client.hello import FIRST_IDLE_WAIT, IDLE_WAIT, LONGEST_WAIT, REMEMBERED, Delivery, Hello, Turn, read_hello
from lfcp.constants import TUNNEL_BODY
from tests.protocol.vectors import Vector, each_of

HELLO = Hello(Turn(1, 1), Mapping.INDEPENDENT, False, ())
ADDRESSES = st.builds(
    Address,
    st.one_of(st.ip_addresses(v=4), st.sampled_from(["2001:db8::1", "fe80::1"])).map(str),
    st.integers(1, 65535),
)
HELLOS = st.builds(
    Hello,
    st.builds(Turn, st.integers(1, 9999), st.integers(1, 3)),
    st.sampled_from(Mapping),
    st.booleans(),
    st.lists(st.builds(Candidate, st.sampled_from(Kind), ADDRESSES), max_size=12).map(tuple),
)


@each_of("hellos")
def test_a_hello_is_read_as_in_the_vectors_or_not_at_all(vector: Vector) -> None:
    hello = read_hello(vector["text"].encode("latin-1"))
    assert (hello and _as_vector(hello)) == vector["hello"]


@given(HELLOS)
def test_what_is_said_is_read(hello: Hello) -> None:
    assert len(bytes(hello)) <= TUNNEL_BODY
    assert read_hello(bytes(hello)) == hello


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_hello(body: bytes) -> None:
    assert read_hello(body) is None


def test_a_hello_is_said_more_and_more_seldom_until_it_is_answered() -> None:
    delivery = Delivery()
    assert delivery.next_wakeup() == math.inf
    delivery.say(HELLO, 10.0)
    times = []
    for counter in range(1, 9):
        now = delivery.next_wakeup()
        assert delivery.due(now)
        assert not delivery.due(now - 0.01)
        delivery.sent(counter, now)
        times.append(now)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert [round(wait, 3) for wait in waits] == [0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_WAIT, LONGEST_WAIT]
    assert delivery.heard_answer(8, times[-1] + 0.125)
    assert delivery.round_trip == 0.125
    assert delivery.next_wakeup() == times[-1] + IDLE_WAIT
    delivery.sent(9, times[-1] + IDLE_WAIT)
    assert delivery.next_wakeup() == times[-1] + IDLE_WAIT + FIRST_IDLE_WAIT


def test_each_copy_is_answered_by_its_own_counter_once() -> None:
    delivery = Delivery()
    delivery.say(HELLO, 0.0)
    delivery.sent(1, 0.0)
    delivery.sent(2, 0.2)
    assert not delivery.heard_answer(3, 0.3)
    assert delivery.heard_answer(1, 0.3)
    assert not delivery.heard_answer(1, 0.4)


def test_an_answer_to_an_earlier_hello_says_nothing_of_this_one() -> None:
    delivery = Delivery()
    delivery.say(HELLO, 0.0)
    delivery.sent(1, 0.0)
    delivery.say(HELLO._replace(turn=Turn(1, 2)), 3.0)
    assert not delivery.heard_answer(1, 3.1)
    assert delivery.due(3.1)


def test_only_so_many_copies_are_remembered() -> None:
    delivery = Delivery()
    delivery.say(HELLO, 0.0)
    for counter in range(1, REMEMBERED + 2):
        delivery.sent(counter, float(counter))
    assert not delivery.heard_answer(1, 20.0)
    assert delivery.heard_answer(2, 20.0)


def _as_vector(hello: Hello) -> dict[str, object]:
    candidates = [
        {"kind": each.kind.value, "host": each.address.host, "port": each.address.port} for each in hello.candidates
    ]
    return {
        "round": hello.turn.round,
        "attempt": hello.turn.attempt,
        "mapping": hello.mapping.value,
        "many_sockets": hello.many_sockets,
        "candidates": candidates,
    }
