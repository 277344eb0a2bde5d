"""How machines that are network namespaces are plugged into one another."""

import fcntl
import socket
import struct
from array import array
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.needs import need
from tests.netlab.namespaces import Namespace
from tests.netlab.relay import Line, Relay

SWITCH = "lan"  # the interface of a machine that is, or has, a switch
INNER, OUTER = "inner", "outer"  # ends of a bad line: towards the machine, towards the switch
SIOCETHTOOL = 0x8946
# linux/ethtool.h: what a card finishes, checksums and large segments, a packet socket sees unfinished.
ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO = 0x17, 0x1F, 0x24


def namespace() -> Namespace:
    """Skips without the right to make one."""
    try:
        return Namespace()
    except PermissionError:
        need(False, "the right to make network namespaces (root)")
        raise


def ip(where: Namespace, *lines: str) -> None:
    where.run("ip", "-batch", "-", text="\n".join(lines))


def sysctl(where: Namespace, **values: int) -> None:
    """Of net, where it has them; dots are double underscores: ipv4__ip_forward=1. Skips where they cannot be set."""
    with where.entered():
        for name, value in values.items():
            file = Path("/proc/sys/net", *name.split("__"))
            if file.exists() and file.read_text().strip() != str(value):
                _write(file, str(value))


def _write(file: Path, value: str) -> None:
    try:
        file.write_text(value)
    except OSError as error:
        need(False, f"the right to write {value} into {file} ({error.strerror})")


def make_switch(where: Namespace) -> None:
    ip(where, f"link add {SWITCH} type bridge", f"link set {SWITCH} up")


def plug(switch: Namespace, name: str, machine: Namespace, port: str) -> None:
    """port: of the machine; the switch's end gets the machine's name."""
    _cable(switch, name, machine, port)
    into_the_switch(switch, name)


@contextmanager
def badly_plugged(switch: Namespace, name: str, machine: Namespace, port: str, line: Line) -> Iterator[Relay]:
    """Between the machine and the switch there is a third one, which nobody sees."""
    with closing(namespace()) as between:
        _cable(between, INNER, machine, port)
        _cable(switch, name, between, OUTER)
        into_the_switch(switch, name)
        _finish_packets(machine, port)
        _finish_packets(switch, name)
        ip(between, *(f"link set dev {end} addrgenmode none up" for end in (INNER, OUTER)))
        with between.entered():
            relay = Relay((INNER, OUTER), line)
        with closing(relay):
            yield relay


def into_the_switch(switch: Namespace, name: str) -> None:
    ip(switch, f"link set dev {name} addrgenmode none master {SWITCH} up")


def _cable(here: Namespace, end: str, there: Namespace, other_end: str) -> None:
    ip(here, f"link add name {end} type veth peer name {other_end} netns {there.path}")


def _finish_packets(where: Namespace, interface: str) -> None:
    """netdevice(7): what `ethtool -K` asks for."""
    with where.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in (ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO):
            off = array("I", (command, 0))
            request = struct.pack("16sP16x", interface.encode(), off.buffer_info()[0])
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)
