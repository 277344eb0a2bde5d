"""What servers that see one socket tell about the NAT before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp.candidates import Address, Mapping
from lfcp.client.mapping import MappingView
from lfcp.constants import MAX_STEP

OUTSIDE = "198.51.100.7"


def seen(*addresses: tuple[str, int]) -> MappingView:
    """By A, B, C …, in this order."""
    view = MappingView(tuple("ABC"))
    for server, (host, port) in zip("ABC", addresses, strict=False):
        view.see(server, Address(host, port))
    return view


@pytest.mark.parametrize(
    ("addresses", "mapping"),
    [
        ([], Mapping.UNKNOWN),
        ([(OUTSIDE, 4000)], Mapping.UNKNOWN),
        ([(OUTSIDE, 4000), (OUTSIDE, 4000)], Mapping.INDEPENDENT),
        ([(OUTSIDE, 4000), (OUTSIDE, 4001)], Mapping.SEQUENTIAL),
        ([(OUTSIDE, 4000), (OUTSIDE, 4000 + MAX_STEP)], Mapping.SEQUENTIAL),
        ([(OUTSIDE, 4000), (OUTSIDE, 4001 + MAX_STEP)], Mapping.HARD),
        ([(OUTSIDE, 4000), ("198.51.100.8", 4000)], Mapping.HARD),
        ([(OUTSIDE, 4000), (OUTSIDE, 4000), (OUTSIDE, 50_000)], Mapping.HARD),
        ([(OUTSIDE, 4000), ("2001:db8::1", 50_000)], Mapping.UNKNOWN),
        ([("192.168.1.20", 50_000), ("8.8.8.8", 4000)], Mapping.UNKNOWN),
        ([("192.168.1.20", 50_000), ("8.8.8.8", 4000), ("8.8.8.8", 4000)], Mapping.INDEPENDENT),
    ],
)
def test_addresses_tell_the_mapping(addresses: list[tuple[str, int]], mapping: Mapping) -> None:
    assert seen(*addresses).mapping is mapping


@pytest.mark.parametrize(("ports", "direction"), [((4000, 4001), 1), ((4001, 4000), -1), ((4000, 4000), 1)])
def test_a_nat_that_counts_says_which_way(ports: tuple[int, int], direction: int) -> None:
    assert seen(*((OUTSIDE, port) for port in ports)).direction == direction


def test_which_server_answers_first_says_nothing_of_the_way() -> None:
    view = MappingView(("A", "B"))
    view.see("B", Address(OUTSIDE, 4001))
    view.see("A", Address(OUTSIDE, 4000))
    assert (view.mapping, view.direction) == (Mapping.SEQUENTIAL, 1)
    view.see("B", Address(OUTSIDE, 4001))
    assert view.direction == 1


def test_after_a_reboot_of_the_nat_no_old_address_is_compared_with_a_new_one() -> None:
    view = seen((OUTSIDE, 4000), (OUTSIDE, 4000))
    view.see("A", Address(OUTSIDE, 50_000))
    assert view.mapping is Mapping.INDEPENDENT
    assert view.seen_by("B") is None
    view.see("B", Address(OUTSIDE, 61_000))
    assert view.mapping is Mapping.HARD


def test_another_socket_keeps_what_is_known_of_the_nat() -> None:
    view = seen((OUTSIDE, 4000), (OUTSIDE, 4000))
    view.forget()
    assert view.mapping is Mapping.INDEPENDENT
    view.see("A", Address(OUTSIDE, 50_000))
    assert view.seen_by("A") == Address(OUTSIDE, 50_000)
    assert view.mapping is Mapping.INDEPENDENT


@given(st.integers(1, 65_535), st.integers(2, 3))
def test_the_order_of_servers_does_not_matter_to_an_independent_mapping(port: int, servers: int) -> None:
    assert seen(*[(OUTSIDE, port)] * servers).mapping is Mapping.INDEPENDENT
