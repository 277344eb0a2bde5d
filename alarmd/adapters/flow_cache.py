"""Which payload from which address is a plain heartbeat of which device, and what it is answered.

A cache in front of the engine, as a switch's flow cache is: filled and emptied by its effects, without rules of its
own. Each device has one slot; admitting it again deletes the old one, so that changing source ports cannot fill the
cache (one that is full and does not evict misses always). Beyond the limit the oldest device loses its slot.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alarmd.core.device_session import DeviceSession

MAX_CACHED_PAYLOAD = 128  # bytes; an LFCP/1 frame

Address = tuple[str, int] | tuple[str, int, int, int]  # as the socket gives it: IPv4, or IPv6 with flow and scope
Flow = tuple["DeviceSession", bytes]  # whose heartbeat it is, and the reply
Flows = dict[tuple[bytes, Address], Flow]  # of one socket; its listener looks up here


class FlowCache:
    """The slots of all sockets. limit: the number of devices the server admits."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._slots: dict[DeviceSession, tuple[bytes, Address]] = {}
        self._sockets: list[Flows] = []  # a handful: to ask each costs less than to note down whose a slot is

    def __len__(self) -> int:
        return len(self._slots)

    def admit(self, flows: Flows, session: "DeviceSession", payload: bytes, address: Address, reply: bytes) -> None:
        """From now on this payload from this address is answered from `flows`."""
        if len(payload) > MAX_CACHED_PAYLOAD:
            return
        self.evict(session)
        key = (payload, address)
        other = flows.get(key)
        if other is not None:  # two devices never share a slot: the frame names its device
            self.evict(other[0])
        if len(self._slots) >= self._limit:
            self.evict(next(iter(self._slots)))
        if not any(flows is known for known in self._sockets):
            self._sockets.append(flows)
        self._slots[session] = key
        flows[key] = (session, reply)

    def evict(self, session: "DeviceSession") -> None:
        """The device's next heartbeat goes to the engine."""
        key = self._slots.pop(session, None)
        if key is None:
            return
        for flows in self._sockets:
            flow = flows.get(key)
            if flow is not None and flow[0] is session:
                del flows[key]
                return
