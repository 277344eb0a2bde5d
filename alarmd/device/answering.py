"""Whom a device lets in that an operator's machine wants to meet, and to what."""

from collections.abc import Collection

from alarmd.device.direct_lfcp import DirectLfcp, Obey
from alarmd.device.loopback import Loopback
from alarmd.device.meetings import Service
from lfcp.client import Invited
from lfcp.client.punching_steps import Over, PathChanged
from lfcp.constants import RendezvousReason

LFCP = 0  # the port
ANSWERS = 1  # the role of who is asked for


class Answering:
    """name: the device's. ports: UDP ports on its loopback address, beside its LFCP. obey: as in DirectLfcp."""

    def __init__(self, name: str, ports: Collection[int], obey: Obey) -> None:
        self._name = name
        self._ports = frozenset(ports)
        self._obey = obey

    async def admit(self, invited: Invited) -> Service | RendezvousReason:
        if invited.role != ANSWERS:
            return RendezvousReason.REFUSED
        if invited.port == LFCP:
            return DirectLfcp(self._name, self._obey)
        if invited.port in self._ports:
            return await Loopback.towards(invited.port)
        return RendezvousReason.NOT_ALLOWED

    def told(self, step: PathChanged | Over) -> None:
        """The device need not know."""
