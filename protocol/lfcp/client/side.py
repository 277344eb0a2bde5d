"""What the attempts of one rendezvous work with: what is known of both sides, and the sockets that were opened."""

from collections.abc import Callable
from typing import NamedTuple

from lfcp.candidates import Address, Mapping
from lfcp.client.hello import Hello
from lfcp.client.probing import Prober
from lfcp.client.punching_steps import LFCP_SOCKET, AskAddress, CloseSockets, Invitation, OpenSockets, Own, Step

HARD = frozenset({Mapping.SEQUENTIAL, Mapping.HARD})  # another port towards each address
BIRTHDAY_OPTION = "b"
FIRST, SECOND, BIRTHDAY = 1, 2, 3  # attempts


class Sockets:
    """Those of the session beside the LFCP socket. A number is used once."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._open: dict[int, tuple[Address, ...]] = {}  # and its addresses at this machine
        self._next = LFCP_SOCKET + 1

    def __contains__(self, socket: int) -> bool:
        return socket == LFCP_SOCKET or socket in self._open

    def open(self, number: int) -> tuple[int, ...]:
        sockets = tuple(range(self._next, self._next + number))
        self._next += number
        self._open |= dict.fromkeys(sockets, ())
        self._steps.append(OpenSockets(sockets))
        return sockets

    def opened(self, socket: int, addresses: tuple[Address, ...]) -> None:
        if socket in self._open:
            self._open[socket] = addresses

    def local(self, socket: int) -> tuple[Address, ...]:
        return self._open[socket]

    def ask(self, socket: int) -> None:
        """Where does the server see it?"""
        self._steps.append(AskAddress(socket))

    def any_but(self, kept: int) -> bool:
        return bool(self._open.keys() - {kept})

    def close_but(self, kept: int) -> None:
        """Close all that are open, but this one."""
        closed = tuple(sorted(self._open.keys() - {kept}))
        for socket in closed:
            del self._open[socket]
        if closed:
            self._steps.append(CloseSockets(closed))


class Side(NamedTuple):
    """public: where the server sees the other side, if that may be tried. random: gives numbers from 0 to 1."""

    invitation: Invitation
    own: Own
    public: Address | None
    prober: Prober
    sockets: Sockets
    random: Callable[[], float]

    def attempts(self, number: int, theirs: Hello | None) -> tuple[int, ...]:
        """Of this round, in their order. theirs: the newest that was heard. The birthday attempt takes long; it is
        made once, and the second one before it only if ports can be predicted."""
        if number > 1 or theirs is None or not self._may_try_birthday(theirs):
            return FIRST, SECOND
        if Mapping.SEQUENTIAL in (self.own.mapping, theirs.mapping):
            return FIRST, SECOND, BIRTHDAY
        return FIRST, BIRTHDAY

    def _may_try_birthday(self, theirs: Hello) -> bool:
        """One side, and only one, must be the hard one, with sockets enough."""
        if BIRTHDAY_OPTION not in self.invitation.options or self.public is None:
            return False
        ours_is_hard, theirs_is_hard = self.own.mapping in HARD, theirs.mapping in HARD
        able = self.own.many_sockets if ours_is_hard else theirs.many_sockets
        return ours_is_hard != theirs_is_hard and able
