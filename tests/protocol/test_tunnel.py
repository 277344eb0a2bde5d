"""Tunnel datagrams: golden ones, and that nobody without the key makes, moves or repeats one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp.authenticator import Purpose, Way, derive, expand, key_as_text, key_from_text
from lfcp.constants import TUNNEL_BODY, TUNNEL_HEAD, TUNNEL_SEAL, WINDOW
from lfcp.tunnel import (
    MAX_SESSION,
    MAX_TUNNEL_COUNTER,
    MAX_TUNNEL_DATAGRAM,
    Head,
    Inbound,
    Kind,
    Opened,
    Outbound,
    Tunnel,
    is_tunnel,
    read_head,
    session_key,
)
from tests.protocol.vectors import Vector, each_of

KEY = session_key(bytes(range(32)), bytes(range(32, 64)), 7)
KINDS = st.sampled_from(Kind)
BODIES = st.binary(max_size=TUNNEL_BODY)
SESSIONS = st.integers(0, MAX_SESSION)


def sides(session: int = 7) -> tuple[Tunnel, Tunnel]:
    return Tunnel(session, KEY, 0), Tunnel(session, KEY, 1)


def sealed_by(vector: Vector) -> Outbound:
    outbound = Outbound(int(vector["session"], 16), key_from_text(vector["session_key"]), vector["role"])
    outbound.counter = vector["counter"] - 1
    return outbound


def heard_by(vector: Vector) -> Inbound:
    return Inbound(int(vector["session"], 16), key_from_text(vector["session_key"]), vector["role"])


@each_of("tunnel", "keys")
def test_a_session_has_the_key_of_the_vectors(vector: Vector) -> None:
    first, second = (
        derive(key_from_text(vector[f"key_of_role_{role}"]), Purpose.SEAL, Way.DOWN, vector["label"]) for role in (0, 1)
    )
    key = session_key(first, second, int(vector["session"], 16))
    assert key_as_text(key) == vector["session_key"]
    for role in (0, 1):
        assert key_as_text(expand(key, f"LFCP2,tunnel,{role}")) == vector[f"tunnel_key_of_role_{role}"]


@each_of("tunnel")
def test_a_datagram_is_sealed_and_opened_as_in_the_vectors(vector: Vector) -> None:
    body = bytes.fromhex(vector["body"])
    datagram = sealed_by(vector).seal(Kind(vector["kind"]), body)
    assert datagram.hex() == vector["datagram"]
    assert heard_by(vector).open(datagram) == Opened(Kind(vector["kind"]), vector["counter"], body)


@each_of("tunnel", "refused")
def test_what_the_vectors_refuse_is_not_opened(vector: Vector) -> None:
    assert heard_by(vector).open(bytes.fromhex(vector["datagram"])) is None


@given(SESSIONS, KINDS, BODIES)
def test_what_one_side_seals_the_other_opens_once(session: int, kind: Kind, body: bytes) -> None:
    for ours, theirs in (sides(session), sides(session)[::-1]):
        datagram = ours.outbound.seal(kind, body)
        assert is_tunnel(datagram)
        assert len(datagram) == TUNNEL_HEAD + len(body) + TUNNEL_SEAL <= MAX_TUNNEL_DATAGRAM
        assert read_head(datagram) == Head(kind, session, 1)
        assert theirs.inbound.open(datagram) == Opened(kind, 1, body)
        assert theirs.inbound.open(datagram) is None
        assert theirs.inbound.verify(datagram) is not None


def test_a_side_cannot_be_told_its_own_words() -> None:
    ours, _ = sides()
    assert ours.inbound.open(ours.outbound.seal(Kind.DATA, b"echo")) is None


def test_a_datagram_of_another_session_or_key_is_refused() -> None:
    ours, _ = sides()
    datagram = ours.outbound.seal(Kind.DATA, b"hello")
    assert Inbound(8, KEY, 0).open(datagram) is None
    assert Inbound(7, bytes(32), 0).open(datagram) is None


def test_every_change_of_one_byte_is_noticed() -> None:
    ours, theirs = sides()
    datagram = ours.outbound.seal(Kind.PROBE)
    for at in range(len(datagram)):
        changed = datagram[:at] + bytes((datagram[at] ^ 1,)) + datagram[at + 1 :]
        assert theirs.inbound.open(changed) is None
    assert theirs.inbound.open(datagram) is not None


def test_datagrams_may_arrive_in_another_order_within_the_window() -> None:
    ours, theirs = sides()
    datagrams = [ours.outbound.seal(Kind.DATA) for _ in range(WINDOW + 1)]
    assert theirs.inbound.open(datagrams[-1]) is not None
    assert theirs.inbound.open(datagrams[1]) is not None
    assert theirs.inbound.open(datagrams[0]) is None


@given(st.binary(max_size=MAX_TUNNEL_DATAGRAM + 1))
def test_any_bytes_are_read_as_nothing(data: bytes) -> None:
    assert Inbound(7, KEY, 0).open(data) is None
    assert read_head(data) is None or is_tunnel(data)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        bytes((Kind.DATA,)) + bytes(15) + b"\x01" + bytes(15),
        bytes((Kind.DATA,)) + bytes(15) + b"\x01" + bytes(TUNNEL_BODY + TUNNEL_SEAL + 1),
        bytes((Kind.BYE + 1,)) + bytes(15) + b"\x01" + bytes(16),
        b"cam1,HEARTBEAT,0,0,0,0,0,0------------",
        bytes((Kind.DATA,)) + bytes(16) + bytes(16),
        bytes((Kind.DATA,)) + bytes(8) + (MAX_TUNNEL_COUNTER + 1).to_bytes(8, "big") + bytes(16),
    ],
    ids=["empty", "short", "long", "kind", "frame", "counter 0", "counter 2^63"],
)
def test_what_has_not_the_form_of_a_tunnel_datagram_has_no_head(datagram: bytes) -> None:
    assert read_head(datagram) is None


def test_a_frame_of_a_device_is_not_for_a_tunnel() -> None:
    assert not is_tunnel(b"cam1,HEARTBEAT,0,0,0,0,0,0")
    assert not is_tunnel(b"")


def test_a_body_that_is_too_long_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="1400"):
        Outbound(7, KEY, 0).seal(Kind.DATA, bytes(TUNNEL_BODY + 1))


def test_keys_of_another_length_and_other_roles_are_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        session_key(bytes(31), bytes(33), 7)
    with pytest.raises(ValueError, match="32"):
        Tunnel(7, bytes(31), 0)
    with pytest.raises(ValueError, match="roles"):
        Inbound(7, KEY, 2)
