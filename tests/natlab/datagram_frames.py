"""UDP datagrams in Ethernet frames and IPv4 packets, for who stands on a path or forges: RFC 791, RFC 768.

def man(passing):                                # lab.lines["dev1"].man = man
    seen = datagram_in(passing.frame)
    if seen and seen.payload.startswith(b"secret"):
        return [replace(passing, frame=with_datagram(passing.frame, replace(seen, payload=b"forged")))]
    return [passing]
"""

import socket
import struct
from dataclasses import dataclass

ETHERNET = 14  # bytes of its header
IPV4 = b"\x08\x00"
IP_HEADER, UDP_HEADER = 20, 8
TIME_TO_LIVE = 64


@dataclass(frozen=True, slots=True)
class Datagram:
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


def datagram_in(frame: bytes) -> Datagram | None:
    """None if it carries anything else, or a fragment."""
    ip = frame[ETHERNET:]
    if frame[12:14] != IPV4 or len(ip) < IP_HEADER or ip[9] != socket.IPPROTO_UDP or ip[6] & 0x3F or ip[7]:
        return None
    udp = ip[(ip[0] & 0x0F) * 4 : int.from_bytes(ip[2:4], "big")]
    source, destination, length, _ = struct.unpack_from(">HHHH", udp)
    return Datagram(
        (socket.inet_ntoa(ip[12:16]), source),
        (socket.inet_ntoa(ip[16:20]), destination),
        udp[UDP_HEADER:length],
    )


def with_datagram(frame: bytes, datagram: Datagram) -> bytes:
    """The frame of the same two cards that carries this one."""
    return frame[:ETHERNET] + packet(datagram)


def packet(datagram: Datagram) -> bytes:
    """IPv4, with its checksums."""
    source, destination = (socket.inet_aton(end[0]) for end in (datagram.source, datagram.destination))
    length = UDP_HEADER + len(datagram.payload)
    pseudo = source + destination + struct.pack(">BBH", 0, socket.IPPROTO_UDP, length)
    ports = struct.pack(">HHH", datagram.source[1], datagram.destination[1], length)
    checksum = _checksum(pseudo + ports + b"\0\0" + datagram.payload) or 0xFFFF
    head = struct.pack(">BBHIBBH", 0x45, 0, IP_HEADER + length, 0, TIME_TO_LIVE, socket.IPPROTO_UDP, 0)
    header = head[:10] + struct.pack(">H", _checksum(head + source + destination)) + source + destination
    return header + ports + struct.pack(">H", checksum) + datagram.payload


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
