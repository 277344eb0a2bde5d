"""Addresses of a rendezvous: how they are read, which are tried, and that nothing but an address is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp.candidates import (
    Address,
    Candidate,
    Kind,
    address_of,
    allowed,
    kind_of_own,
    may_be_probed,
    own_candidates,
    predicted,
    read_address,
    read_candidate,
    vetted,
)
from tests.protocol.vectors import Vector, each_of

PORTS = st.integers(1, 65535)
HOSTS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
PUBLIC = Address("203.0.113.10", 40000)


@each_of("candidates")
def test_a_candidate_is_tried_as_in_the_vectors(vector: Vector) -> None:
    public, candidate = read_address(vector["public"]), read_candidate(vector["candidate"])
    assert public is not None
    assert candidate is not None
    assert allowed(candidate, vetted(public, None)) is vector["allowed"]


@given(HOSTS, PORTS)
def test_what_is_written_is_read_again(host: object, port: int) -> None:
    address = address_of(str(host), port) if "%" not in str(host) else None
    if address is not None:
        assert read_address(str(address)) == address
        assert read_candidate(f"h{address}") == Candidate(Kind.HOST, address)


@given(HOSTS, PORTS, st.sampled_from(Kind))
def test_nothing_that_reaches_nobody_or_everybody_is_tried(host: object, port: int, kind: Kind) -> None:
    address = address_of(str(host), port) if "%" not in str(host) else None
    if address is not None and not may_be_probed(address):
        assert kind_of_own(address) is None
        assert vetted(address, None) is None
        assert not allowed(Candidate(kind, address), vetted(address, None))


@given(st.text(max_size=60))
def test_any_other_text_is_no_address(text: str) -> None:
    for read in (read_address(text), read_candidate(text)):
        assert read is None or text.endswith(f":{read.port if isinstance(read, Address) else read.address.port}")


@pytest.mark.parametrize("host", ["", "cam1", "1.2.3", "fe80::1%eth0", "::ffff:1.2.3.4.5", "01.2.3.4"])
def test_a_host_that_is_no_numeric_address_is_none(host: str) -> None:
    assert address_of(host, 1) is None


def test_an_address_has_one_writing() -> None:
    assert address_of("2001:DB8:0::1", 5) == address_of("2001:db8::0:1", 5)
    assert address_of("::ffff:192.0.2.1", 5) == Address("192.0.2.1", 5)
    assert address_of("192.0.2.1", 0) is None
    assert address_of("192.0.2.1", 65536) is None


def test_on_one_machine_the_server_names_loopback_addresses() -> None:
    here = Address("127.0.0.1", 5000)
    assert vetted(here, Address("127.0.0.1", 6000)) == here
    assert vetted(here, Address("192.168.1.20", 6000)) is None
    assert vetted(here, None) is None
    assert vetted(PUBLIC, Address("127.0.0.1", 6000)) == PUBLIC


def test_this_machine_names_what_the_server_cannot_see() -> None:
    named = own_candidates(
        [
            Address("192.168.1.20", 1),
            Address("2001:db8::1", 2),
            Address("203.0.113.1", 3),
            Address("127.0.0.1", 4),
            Address("fe80::1", 5),
        ]
    )
    assert list(map(str, named)) == ["h192.168.1.20:1", "6[2001:db8::1]:2", "h[fe80::1]:5"]


def test_ports_are_predicted_in_the_direction_in_which_they_went_and_within_their_range() -> None:
    assert [each.address.port for each in predicted(PUBLIC, 1)] == list(range(40001, 40009))
    assert [each.address.port for each in predicted(PUBLIC, -1)] == list(range(39999, 39991, -1))
    assert [each.address.port for each in predicted(PUBLIC._replace(port=65533), 1)] == [65534, 65535]
    assert list(predicted(PUBLIC._replace(port=1), -1)) == []
