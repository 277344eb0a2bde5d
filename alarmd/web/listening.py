"""Sockets to listen on. What goes wrong is one plain ListenError; nothing here ends the process."""

import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ALL = "*"  # every address of the machine, IPv4 and, where it has it, IPv6
EVERY = ("0.0.0.0", "::")  # noqa: S104  what "*" means is said in the start log
BACKLOG = 128
PRIVATE_UMASK = 0o177  # leaves 0600: who may connect is whoever may read and write the socket
MAX_UNIX_PATH = 107  # bytes, of struct sockaddr_un on Linux

_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


class ListenError(Exception):
    """One line for people."""


def listen_tcp(host: str, port: int) -> list[socket.socket]:
    """On every address that the host stands for. port 0: any free one."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(f"{host!r} is no address to listen on: {error.strerror}") from error
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _name, address in found:
            sockets.append(_tcp_socket(family, kind, protocol, address))
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise ListenError(f"cannot listen on TCP {host}:{port}: {error.strerror}") from error
    return sockets


def listen_all(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """On IP addresses or ALL, with one port number. port 0: any that is free, the same for all."""
    sockets: list[socket.socket] = []
    try:
        for address in dict.fromkeys(one for given in addresses for one in (EVERY if given == ALL else (given,))):
            optional = ALL in addresses and address == EVERY[1]
            opened = _listen_where_there_is_ipv6(address, port) if optional else listen_tcp(address, port)
            sockets += opened
            port = sockets[0].getsockname()[1]
    except ListenError:
        for one in sockets:
            one.close()
        raise
    return sockets


def listen_unix(path: Path) -> socket.socket:
    """Mode 0600. A socket that a dead server left behind is replaced, one that answers is not."""
    if len(os.fsencode(path)) > MAX_UNIX_PATH:
        raise ListenError(f"{path} is too long for a socket, {MAX_UNIX_PATH} bytes at most; move the state directory")
    _remove_stale(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(PRIVATE_UMASK)
    try:
        made.bind(str(path))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    finally:
        os.umask(before)
    made.setblocking(False)
    return made


def remove_unix(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _listen_where_there_is_ipv6(address: str, port: int) -> list[socket.socket]:
    try:
        return listen_tcp(address, port)
    except ListenError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_IPV6:
            return []
        raise


def _tcp_socket(family: int, kind: int, protocol: int, address: object) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)  # type: ignore[arg-type]  # as getaddrinfo gave it, for any family
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path} exists and is no socket; move it away")
    if _answers(path):
        raise ListenError(f"another server listens on {path}")
    remove_unix(path)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # full, or not ours to ask: somebody is there
            return True
    return True
