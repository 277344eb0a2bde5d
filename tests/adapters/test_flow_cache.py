from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alarmd.adapters.flow_cache import MAX_CACHED_PAYLOAD, Address, FlowCache, Flows

HOME: Address = ("192.0.2.1", 4000)
ELSEWHERE: Address = ("192.0.2.1", 4001)


class Session:
    """All that the cache asks of a device session: that it is itself."""


def session() -> Any:
    return Session()


def test_a_heartbeat_is_found_with_its_reply_until_it_is_evicted() -> None:
    cache, flows, cam1 = FlowCache(10), dict[Any, Any](), session()
    cache.admit(flows, cam1, b"beat", HOME, b"ack")
    assert flows == {(b"beat", HOME): (cam1, b"ack")}
    cache.evict(cam1)
    assert flows == {}
    cache.evict(cam1)
    assert len(cache) == 0


def test_a_device_has_one_slot_so_new_source_ports_do_not_fill_the_cache() -> None:
    cache, flows, cam1 = FlowCache(10), dict[Any, Any](), session()
    cache.admit(flows, cam1, b"beat", HOME, b"ack")
    cache.admit(flows, cam1, b"beat", ELSEWHERE, b"ack")
    assert list(flows) == [(b"beat", ELSEWHERE)]


def test_a_device_that_moves_to_another_socket_leaves_the_first_one() -> None:
    cache, cam1 = FlowCache(10), session()
    ipv4: Flows = {}
    ipv6: Flows = {}
    cache.admit(ipv4, cam1, b"beat", HOME, b"ack")
    cache.admit(ipv6, cam1, b"beat", HOME, b"ack")
    assert (len(ipv4), len(ipv6), len(cache)) == (0, 1, 1)


def test_the_same_bytes_from_the_same_address_belong_to_one_device() -> None:
    cache, flows, old, new = FlowCache(10), dict[Any, Any](), session(), session()
    cache.admit(flows, old, b"beat", HOME, b"ack")
    cache.admit(flows, new, b"beat", HOME, b"ack")
    cache.evict(old)
    assert flows == {(b"beat", HOME): (new, b"ack")}


def test_a_full_cache_gives_up_the_oldest_slot() -> None:
    cache, flows, sessions = FlowCache(2), dict[Any, Any](), [session() for _ in range(3)]
    for number, one in enumerate(sessions):
        cache.admit(flows, one, b"beat%d" % number, HOME, b"ack")
    assert list(flows) == [(b"beat1", HOME), (b"beat2", HOME)]


def test_a_payload_longer_than_a_heartbeat_is_not_kept() -> None:
    cache, flows, cam1 = FlowCache(2), dict[Any, Any](), session()
    cache.admit(flows, cam1, b"x" * (MAX_CACHED_PAYLOAD + 1), HOME, b"ack")
    assert flows == {}
    cache.admit(flows, cam1, b"x" * MAX_CACHED_PAYLOAD, HOME, b"ack")
    assert len(flows) == 1


SESSIONS = [session() for _ in range(4)]


@given(st.lists(st.tuples(st.sampled_from(SESSIONS), st.integers(0, 3), st.integers(0, 1), st.booleans())))
def test_whatever_is_admitted_and_evicted_each_device_has_at_most_one_slot(
    steps: list[tuple[Any, int, int, bool]],
) -> None:
    cache = FlowCache(3)
    tables: list[Flows] = [{}, {}]
    for one, payload, table, admitted in steps:
        if admitted:
            cache.admit(tables[table], one, b"%d" % payload, HOME, b"ack")
        else:
            cache.evict(one)
        held = [flow[0] for flows in tables for flow in flows.values()]
        assert len(held) == len(set(held)) == len(cache) <= 3
