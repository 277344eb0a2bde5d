"""Tunnel datagrams, what two sides that met say to each other: docs/protocol.md, "Rendezvous".

A side seals with its own half of the session's key and opens with the other's. The server, which passes datagrams on
without being a side, opens both directions with an Inbound each. Nothing here raises on any bytes.
"""

from enum import IntEnum
from typing import NamedTuple

from lfcp.authenticator import expand
from lfcp.constants import (
    KEY,
    TUNNEL_ANSWER,
    TUNNEL_BODY,
    TUNNEL_BYE,
    TUNNEL_DATA,
    TUNNEL_HEAD,
    TUNNEL_HELLO,
    TUNNEL_NOMINATE,
    TUNNEL_PROBE,
    TUNNEL_SEAL,
    WINDOW,
)
from lfcp.sealing import Cipher
from lfcp.sequence_window import SequenceWindow

MAX_TUNNEL_DATAGRAM = TUNNEL_HEAD + TUNNEL_BODY + TUNNEL_SEAL
MAX_SESSION = (1 << 64) - 1
MAX_TUNNEL_COUNTER = (1 << 63) - 1
ROLES = (0, 1)  # who asked, and the device
_FIRST_KIND = 0x80  # no name of a device begins so: tunnel datagrams and frames share a socket


class Kind(IntEnum):
    DATA = TUNNEL_DATA
    HELLO = TUNNEL_HELLO
    PROBE = TUNNEL_PROBE
    ANSWER = TUNNEL_ANSWER
    NOMINATE = TUNNEL_NOMINATE
    BYE = TUNNEL_BYE


_KINDS = {int(kind): kind for kind in Kind}


class Head(NamedTuple):
    """What a datagram says of itself; claimed, until its seal is verified."""

    kind: Kind
    session: int
    counter: int


class Opened(NamedTuple):
    """What a side that has the key said."""

    kind: Kind
    counter: int
    body: bytes


def session_key(seal_of_role_0: bytes, seal_of_role_1: bytes, session: int) -> bytes:
    """32 bytes that only the server can make. seal_of_…: both sides' sub-keys `seal`, direction D, at this server.
    Raises ValueError for keys of another length."""
    if not len(seal_of_role_0) == len(seal_of_role_1) == KEY:
        raise ValueError(f"a sub-key has {KEY} bytes")
    return expand(seal_of_role_0 + seal_of_role_1, f"LFCP2,session,{session:x}")


def is_tunnel(datagram: bytes) -> bool:
    """Whether this is for a tunnel, whatever it is worth, and not for a reader of frames."""
    return bool(datagram) and datagram[0] >= _FIRST_KIND


def read_head(datagram: bytes) -> Head | None:
    """None: no tunnel datagram. Needs no key."""
    if not TUNNEL_HEAD + TUNNEL_SEAL <= len(datagram) <= MAX_TUNNEL_DATAGRAM:
        return None
    kind = _KINDS.get(datagram[0])
    counter = int.from_bytes(datagram[9:TUNNEL_HEAD], "big")
    if kind is None or not 1 <= counter <= MAX_TUNNEL_COUNTER:
        return None
    return Head(kind, int.from_bytes(datagram[1:9], "big"), counter)


class Inbound:
    """One side's datagrams as somebody else reads them: each once, in any order within WINDOW. Bounded: 200 bytes."""

    __slots__ = ("_cipher", "_session", "_window")

    def __init__(self, session: int, key: bytes, sender: int) -> None:
        """key: the session's. sender: role of the side that sealed."""
        self._cipher = _cipher(key, sender)
        self._session = session
        self._window = SequenceWindow()

    def open(self, datagram: bytes) -> Opened | None:
        """None: forged, of another session or direction, or heard before."""
        opened = self.verify(datagram)
        return opened if opened is not None and self.take(opened.counter) else None

    def verify(self, datagram: bytes) -> Opened | None:
        """The same for a datagram that may have been heard before; only take() tells, and remembers it."""
        head = read_head(datagram)
        if head is None or head.session != self._session:
            return None
        body = self._cipher.open(head.counter, datagram[TUNNEL_HEAD:], datagram[:TUNNEL_HEAD])
        return None if body is None else Opened(head.kind, head.counter, body)

    def take(self, counter: int) -> bool:
        """Whether it is new; it is no longer. Only for what verify() gave."""
        return self._window.accept(counter)

    def recent(self, counter: int) -> bool:
        """Whether it would not be too old, had it not been heard."""
        return counter > self._window.highest - WINDOW


class Outbound:
    """What one side seals. Its counters start at 1 with the session, whose key is new each time."""

    __slots__ = ("_cipher", "_session", "counter")

    def __init__(self, session: int, key: bytes, sender: int) -> None:
        self._cipher = _cipher(key, sender)
        self._session = session
        self.counter = 0  # of the last datagram

    def seal(self, kind: Kind, body: bytes = b"") -> bytes:
        """A datagram. Raises ValueError for a body that is too long."""
        if len(body) > TUNNEL_BODY:
            raise ValueError(f"a body has at most {TUNNEL_BODY} bytes, not {len(body)}")
        self.counter += 1
        head = bytes((kind,)) + self._session.to_bytes(8, "big") + self.counter.to_bytes(8, "big")
        return head + self._cipher.seal(self.counter, body, head)


class Tunnel:
    """One side's end. session: its id. key: the session's. role: one's own."""

    __slots__ = ("inbound", "outbound")

    def __init__(self, session: int, key: bytes, role: int) -> None:
        self.outbound = Outbound(session, key, role)
        self.inbound = Inbound(session, key, 1 - role)


def _cipher(key: bytes, sender: int) -> Cipher:
    if len(key) != KEY or sender not in ROLES:
        raise ValueError(f"a session has a key of {KEY} bytes and the roles 0 and 1")
    return Cipher(expand(key, f"LFCP2,tunnel,{sender}"))
