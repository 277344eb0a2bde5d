"""One session of a rendezvous as one side lives it, without I/O: docs/protocol.md, "Rendezvous".

    punching = Punching(invitation, own, random.random, now)
    every call gives steps, which the caller carries out at once and in their order:
    - start(now) first; poll(now) whenever next_wakeup() has come;
    - receive(socket, source, datagram, now) for a tunnel datagram that came directly, relayed(datagram, now) for one
      that the server passed on;
    - opened(socket, addresses, now) and server_saw(socket, address, now) after OpenSockets and AskAddress;
    - send(payload, now), close(now).

What is sent goes through the server at first, and directly as soon as a path is found. Nothing raises on any bytes.
Sockets are numbers; LFCP_SOCKET is the one that LFCP is spoken on, for whichever families of addresses it is open.
Times are monotonic seconds.
"""

from collections.abc import Callable

from lfcp.candidates import Address
from lfcp.client.punching_steps import Invitation, Own, PathChanged, Step


class Punching:
    """random: gives numbers from 0 to 1, 1 excluded; for jitter and ports by chance. Raises ValueError for an
    invitation whose key or role is none."""

    def __init__(self, invitation: Invitation, own: Own, random: Callable[[], float], now: float) -> None:
        raise NotImplementedError

    @property
    def path(self) -> PathChanged:
        """The way that what is sent takes now."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        raise NotImplementedError

    def start(self, now: float) -> list[Step]:
        """The first steps."""
        raise NotImplementedError

    def poll(self, now: float) -> list[Step]:
        raise NotImplementedError

    def next_wakeup(self) -> float:
        """When poll() has something to do next; math.inf: never, the session is over."""
        raise NotImplementedError

    def receive(self, socket: int, source: Address, datagram: bytes, now: float) -> list[Step]:
        """source: as address_of() makes it."""
        raise NotImplementedError

    def relayed(self, datagram: bytes, now: float) -> list[Step]:
        raise NotImplementedError

    def opened(self, socket: int, addresses: tuple[Address, ...], now: float) -> list[Step]:
        """addresses: of this socket at this machine's interfaces."""
        raise NotImplementedError

    def server_saw(self, socket: int, address: Address, now: float) -> list[Step]:
        """An answer to KEEP that was sent from a socket of this session."""
        raise NotImplementedError

    def send(self, payload: bytes, now: float) -> list[Step]:
        """At most TUNNEL_BODY bytes, else ValueError. Nothing once the session is over."""
        raise NotImplementedError

    def close(self, now: float) -> list[Step]:
        """Tell the other side, and end."""
        raise NotImplementedError
