"""The least a Twisted server can do with a heartbeat: split the CSV, look the host up in a dict, reply.

The same reactor as alarmd's. It keeps no time, supervises nothing and stores nothing.

    python bare_twisted.py ADDRESS PORT        prints the port it got, then runs until it is killed
"""

import asyncio
import socket
import sys
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.protocol import DatagramProtocol

RECEIVE_BUFFER = 4 << 20  # bytes, as the other servers of the comparison


class Heartbeats(DatagramProtocol):
    transport: Any  # of the port that listens: a Twisted interface that does not name `socket`

    def __init__(self) -> None:
        self.replies: dict[bytes, bytes] = {}

    def startProtocol(self) -> None:  # noqa: N802 (Twisted's name)
        self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        fields = datagram.split(b",")
        if len(fields) != 8 or fields[1] != b"HEARTBEAT":
            return
        reply = self.replies.get(fields[0])
        if reply is None:
            reply = self.replies[fields[0]] = fields[0] + b",ACK,0,0,0,0,0,0"
        self.transport.write(reply, addr)


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    reactor: Any = AsyncioSelectorReactor(asyncio.SelectorEventLoop())
    listening = reactor.listenUDP(port, Heartbeats(), interface=address, maxPacketSize=65535)
    print(listening.getHost().port, flush=True)
    reactor.run()


main()
