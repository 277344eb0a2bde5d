"""What a NAT does, found out from inside with the help of two servers, in the words of RFC 4787."""

from contextlib import ExitStack
from dataclasses import dataclass
from socket import socket

from tests.natlab.laboratory import Laboratory
from tests.natlab.nat_types import Dependence
from tests.natlab.sockets import NOT_COMING, Address, came, udp_socket
from tests.waiting import LIMIT

STUN, OTHER_PORT = 3478, 3479


@dataclass(frozen=True, slots=True)
class Behaviour:
    """As in NatType."""

    mapping: Dependence
    filtering: Dependence
    keeps_port: bool
    hairpin: bool
    clashes: bool


class Prober:
    """Of the NATs between a device and the servers."""

    def __init__(self, lab: Laboratory, device: str, stack: ExitStack) -> None:
        self._lab, self._device, self._stack = lab, device, stack
        self._server = self._socket("srvA", STUN)
        self._other_port = self._socket("srvA", OTHER_PORT)
        self._other_server = self._socket("srvB", STUN)

    def behaviour(self) -> Behaviour:
        mapping, keeps_port = self._mapping()
        inner = self._socket(self._device)
        outer = self._seen(inner, "srvA", self._server)
        inner_too = self._socket(self._device)
        inner_too.sendto(b"hairpin", outer)
        for sender, word in ((self._other_server, b"anybody"), (self._other_port, b"address"), (self._server, b"port")):
            sender.sendto(word, outer)
        heard = _gathered(inner, last=b"port")
        moved = self._seen(inner, "srvB", self._other_server) != outer
        return Behaviour(
            mapping=mapping,
            filtering=_filtering(heard),
            keeps_port=keeps_port,
            hairpin=b"hairpin" in heard,
            clashes=mapping is Dependence.NONE and moved,
        )

    def _mapping(self) -> tuple[Dependence, bool]:
        inner = self._socket(self._device)
        outer = self._seen(inner, "srvA", self._server)
        keeps_port = outer[1] == inner.getsockname()[1]
        if self._seen(inner, "srvA", self._other_port) != outer:
            return Dependence.PORT, keeps_port
        if self._seen(inner, "srvB", self._other_server) != outer:
            return Dependence.ADDRESS, keeps_port
        return Dependence.NONE, keeps_port

    def _socket(self, machine: str, port: int = 0) -> socket:
        return self._stack.enter_context(udp_socket(self._lab[machine], port))

    def _seen(self, inner: socket, name: str, server: socket) -> Address:
        """How the server sees the device's socket."""
        inner.sendto(b"?", (self._lab.address(name), server.getsockname()[1]))
        heard = came(server)
        assert heard is not None, f"the laboratory lost what {self._device} sent to {name}"
        return heard[1]


def behaviour_of(lab: Laboratory, device: str = "dev1") -> Behaviour:
    """Of everything between the device and the servers, for good lines."""
    with ExitStack() as stack:
        return Prober(lab, device, stack).behaviour()


def _gathered(receiver: socket, last: bytes) -> set[bytes]:
    """All that comes, until some time after what was sent last; that is sure to come."""
    heard: set[bytes] = set()
    while (got := came(receiver, NOT_COMING if last in heard else LIMIT)) is not None:
        heard.add(got[0])
    return heard


def _filtering(heard: set[bytes]) -> Dependence:
    assert b"port" in heard, "the laboratory lost an answer"
    if b"anybody" in heard:
        return Dependence.NONE
    return Dependence.ADDRESS if b"address" in heard else Dependence.PORT
