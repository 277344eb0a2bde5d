"""Binding our sockets, and an address as the socket gives it against one as the rules see it."""

import errno
import socket
from collections.abc import Sequence
from typing import Literal

from alarmd.adapters.exit_codes import UNAVAILABLE, StartError
from alarmd.adapters.flow_cache import Address
from alarmd.core.paths import Path

ALL = "*"  # every address of the machine, IPv4 and, where it has it, IPv6
ANY_IPV4 = "0.0.0.0"  # noqa: S104  what "*" means is said in the start log
ANY_IPV6 = "::"
LISTEN_QUEUE = 256  # connections that wait to be accepted
CHOICES = 20  # ports that the system is asked for: one that is free for UDP may be taken for TCP

_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


def path_of(transport: Literal["udp", "tcp"], address: Sequence[str | int], number: int) -> Path:
    """address: (host, port), or with flow and scope for IPv6; a link-local host gets its scope, `fe80::1%2`."""
    host, port = str(address[0]), int(address[1])
    if len(address) == 4 and address[3]:
        host = f"{host.partition('%')[0]}%{address[3]}"
    return Path(transport, host, port, number)


class _BindError(Exception):
    def __init__(self, address: str, error: OSError) -> None:
        self.address = address
        self.error = error


def address_of(path: Path) -> Address:
    """What sendto takes: the reverse of path_of."""
    if ":" not in path.host:
        return path.host, path.port
    host, _, scope = path.host.partition("%")
    return host, path.port, 0, int(scope or 0)


def bind(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to one IPv4 or IPv6 address; TCP also listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:  # IPv4 has a socket of its own: no peer appears as ::ffff:a.b.c.d
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:  # else a restart has to wait for the old connections' TIME_WAIT
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(socket.getaddrinfo(address, port, family, kind, flags=socket.AI_NUMERICHOST)[0][4])
        if kind == socket.SOCK_STREAM:
            sock.listen(LISTEN_QUEUE)
    except OSError:
        sock.close()
        raise
    return sock


def bind_all(addresses: Sequence[str], port: int, what: str) -> list[tuple[socket.socket, socket.socket]]:
    """A UDP and a TCP socket for each address, all on one port number; port 0: one the system chooses, the same for
    all. what: the setting at fault, for the message. Raises StartError naming address and port."""
    choices = 1 if port else CHOICES
    while True:
        choices -= 1
        try:
            return _bind_all(addresses, port)
        except _BindError as failed:
            if not choices or failed.error.errno != errno.EADDRINUSE:
                complaint = _complaint(failed.error, failed.address, port, what)
                raise StartError(UNAVAILABLE, complaint) from failed.error


def bind_streams(addresses: Sequence[str], port: int, what: str) -> list[socket.socket]:
    """A TCP socket for each address, else as bind_all."""
    bound: list[socket.socket] = []
    for address in _expanded(addresses):
        try:
            bound.append(bind(address, port, socket.SOCK_STREAM))
        except OSError as error:
            if ALL in addresses and address == ANY_IPV6 and error.errno in _NO_IPV6:
                continue
            for earlier in bound:
                earlier.close()
            raise StartError(UNAVAILABLE, _complaint(error, address, port, what)) from error
        port = bound[0].getsockname()[1]
    return bound


def _bind_all(addresses: Sequence[str], port: int) -> list[tuple[socket.socket, socket.socket]]:
    bound: list[tuple[socket.socket, socket.socket]] = []
    for address in _expanded(addresses):
        try:
            pair = _bind_pair(address, port, optional=ALL in addresses and address == ANY_IPV6)
        except OSError as error:
            for earlier in bound:
                close_pair(earlier)
            raise _BindError(address, error) from error
        if pair is not None:
            bound.append(pair)
            port = pair[0].getsockname()[1]
    return bound


def close_pair(pair: tuple[socket.socket, socket.socket]) -> None:
    for sock in pair:
        sock.close()


def _expanded(addresses: Sequence[str]) -> list[str]:
    wanted = [one for given in addresses for one in ((ANY_IPV4, ANY_IPV6) if given == ALL else (given,))]
    return list(dict.fromkeys(wanted))


def _bind_pair(address: str, port: int, *, optional: bool) -> tuple[socket.socket, socket.socket] | None:
    try:
        datagrams = bind(address, port, socket.SOCK_DGRAM)
    except OSError as error:
        if optional and error.errno in _NO_IPV6:
            return None
        raise
    try:
        return datagrams, bind(address, datagrams.getsockname()[1], socket.SOCK_STREAM)
    except OSError:
        datagrams.close()
        raise


def _complaint(error: OSError, address: str, port: int, what: str) -> str:
    where = f"{address} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: another program uses it; stop that program or change {what}"
    if error.errno == errno.EACCES:
        return f"cannot listen on {where}: only root may use a port this low; change {what}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {where}: this machine does not have this address; change {what}"
    return f"cannot listen on {where}: {error.strerror or error}; change {what}"
