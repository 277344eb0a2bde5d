"""One session of the C library as lfcp.client.punching is driven: the same calls, the same steps. Times are seconds."""

import math
from collections.abc import Callable
from typing import Any

from lfcp.candidates import Address, Kind, read_address
from lfcp.client.punching_steps import (
    AskAddress,
    CloseSockets,
    Invitation,
    OpenSockets,
    Over,
    Own,
    PathChanged,
    Payload,
    Relay,
    Send,
    Step,
)
from lfcp.constants import TUNNEL_DATA, TUNNEL_HEAD, TUNNEL_SEAL
from tests.firmware.c_client import CClientLibrary

ROOM = 640  # LFCP_MEETING_ROOM
GUARD = 0xA5
OWN_SOCKET = 1
KEEPS = 5
KEEP_AGAIN = 1.0  # s
NEVER = (1 << 64) - 1
TEXT = 47  # LFCP_ADDRESS_TEXT


class CMeeting:
    """What lfcp_rendezvous.c does around a session, its socket and KEEP, is done here."""

    def __init__(
        self, library: CClientLibrary, invitation: Invitation, own: Own, random: Callable[[], float], now: float
    ) -> None:
        self._ffi, self._lfcp = library.ffi, library.lfcp
        self._random = self._ffi.callback("uint32_t(void *)", lambda _context: int(random() * 2**32))
        self._meeting = self._ffi.new("lfcp_meeting *")
        self._meeting.crypto, self._meeting.random = library.crypto, self._random
        self._meeting.mapping = own.mapping.encode()
        self._meeting.direction = own.direction
        self._put_own(self._meeting.own[0], own.addresses, own.seen)
        about = self._ffi.new("lfcp_invitation *")
        about.session, about.other = invitation.session, self._address(invitation.other)
        about.mapping, about.birthday = invitation.mapping.encode(), "b" in invitation.options
        about.delay_ms = round(invitation.delay * 1000)
        status = self._lfcp.lfcp_meeting_start(self._meeting, about, invitation.key, self._ms(now))
        assert status == self._lfcp.LFCP_OK
        self._socket_open = False
        self._local: tuple[Address, ...] = ()
        self._keeps, self._keep_at = 0, math.inf
        self._steps: list[Step] = []
        self._told = self.path
        self._told_over = False

    @property
    def over(self) -> bool:
        return bool(self._meeting.over)

    @property
    def path(self) -> PathChanged:
        kind = self._meeting.direct_kind
        if kind == b"\0":
            return PathChanged(None, None, None)
        return PathChanged(self._text(self._meeting.direct), Kind(kind.decode()), None)

    def poll(self, now: float) -> list[Step]:
        length, route = self._ffi.new("size_t *", 1), self._ffi.new("lfcp_route *")
        self._see_to_socket(now)
        while length[0]:
            datagram = self._ffi.new("uint8_t[]", bytes([GUARD]) * (ROOM + 1))
            status = self._lfcp.lfcp_meeting_poll(self._meeting, self._ms(now), datagram, length, route)
            assert (status, datagram[ROOM]) == (self._lfcp.LFCP_OK, GUARD)
            if length[0]:
                self._sent(datagram, length[0], route)
        self._see_to_socket(now)
        self._tell()
        steps, self._steps = self._steps, []
        return steps

    def next_wakeup(self) -> float:
        at = self._lfcp.lfcp_meeting_wakeup_ms(self._meeting)
        due = math.inf if at == NEVER else at / 1000
        return min(due, self._keep_at) if self._wants else due

    def receive(self, socket: int, source: Address, datagram: bytes, now: float) -> list[Step]:
        self._take({"socket": socket, "at": self._address(source)}, datagram, now)
        return self.poll(now)

    def relayed(self, datagram: bytes, now: float) -> list[Step]:
        self._take({"relayed": True}, datagram, now)
        return self.poll(now)

    def opened(self, socket: int, addresses: tuple[Address, ...], now: float) -> list[Step]:
        assert socket == OWN_SOCKET
        self._local = addresses
        self._keeps, self._keep_at = KEEPS, now
        return self.poll(now)

    def server_saw(self, socket: int, address: Address, now: float) -> list[Step]:
        if socket == OWN_SOCKET and self._wants:
            own = self._ffi.new("lfcp_own *")
            self._put_own(own, self._local, address)
            self._lfcp.lfcp_meeting_has_socket(self._meeting, own, self._ms(now))
        return self.poll(now)

    def send(self, payload: bytes, now: float) -> list[Step]:
        room = TUNNEL_HEAD + len(payload) + TUNNEL_SEAL
        datagram = self._ffi.new("uint8_t[]", room)
        self._ffi.memmove(datagram + TUNNEL_HEAD, payload, len(payload))
        length, route = self._ffi.new("size_t *"), self._ffi.new("lfcp_route *")
        status = self._lfcp.lfcp_meeting_send(self._meeting, datagram, len(payload), self._ms(now), length, route)
        assert (status, length[0]) == (self._lfcp.LFCP_OK, room)
        self._sent(datagram, length[0], route)
        return self.poll(now)

    def close(self, now: float) -> list[Step]:
        self._lfcp.lfcp_meeting_end(self._meeting)
        return self.poll(now)

    @property
    def _wants(self) -> bool:
        return bool(self._lfcp.lfcp_meeting_wants_socket(self._meeting))

    def _ms(self, now: float) -> int:
        return round(now * 1000)

    def _take(self, route: dict[str, Any], datagram: bytes, now: float) -> None:
        """In memory of exactly that size, so that a sanitizer sees who reads beyond."""
        memory, said = self._ffi.new("uint8_t[]", datagram), self._ffi.new("lfcp_said *")
        came = self._ffi.new("lfcp_route *", route)
        status = self._lfcp.lfcp_meeting_receive(self._meeting, came, memory, len(datagram), self._ms(now), said)
        if status == self._lfcp.LFCP_OK and said.kind == TUNNEL_DATA:
            self._steps.append(Payload(bytes(self._ffi.buffer(said.body, said.length))))

    def _sent(self, datagram: Any, length: int, route: Any) -> None:
        said = bytes(self._ffi.buffer(datagram, length))
        if route.relayed:
            self._steps.append(Relay(said))
        else:
            self._steps.append(Send(route.socket, self._text(route.at), said, route.ttl or None))

    def _see_to_socket(self, now: float) -> None:
        used = self._wants or self._lfcp.lfcp_meeting_uses_socket(self._meeting)
        if self._socket_open and not used:
            self._socket_open, self._keep_at = False, math.inf
            self._steps.append(CloseSockets((OWN_SOCKET,)))
        if not self._socket_open and self._wants:
            self._socket_open = True
            self._steps.append(OpenSockets((OWN_SOCKET,)))
        if self._wants and self._keep_at <= now and self._keeps:
            self._keeps -= 1
            self._keep_at = now + KEEP_AGAIN if self._keeps else math.inf
            self._steps.append(AskAddress(OWN_SOCKET))

    def _tell(self) -> None:
        if self.path != self._told and not self.over:
            self._told = self.path
            self._steps.append(self.path)
        if self.over and not self._told_over:
            self._told_over = True
            self._steps.append(Over("over"))

    def _put_own(self, own: Any, addresses: tuple[Address, ...], seen: Address | None) -> None:
        own.host_count = len(addresses)
        for at, address in enumerate(addresses):
            own.hosts[at] = self._address(address)
        own.was_seen = seen is not None
        if seen is not None:
            own.seen = self._address(seen)

    def _address(self, address: Address) -> Any:
        text, read = self._ffi.new("char[]", str(address).encode()), self._ffi.new("lfcp_address *")
        assert self._lfcp.lfcp_address_read(self._ffi.new("lfcp_text *", (text, len(text) - 1))[0], read)
        return read[0]

    def _text(self, address: Any) -> Address:
        text = self._ffi.new(f"char[{TEXT}]")
        length = self._lfcp.lfcp_address_write(self._ffi.new("lfcp_address *", address), text)
        read = read_address(bytes(self._ffi.buffer(text, length)).decode())
        assert read is not None
        return read
