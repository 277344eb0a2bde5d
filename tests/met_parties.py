"""An operator's machine and a camera that meet at a RunningHouse, every frame by hand."""

import httpx

from lfcp.authenticator import key_from_text
from lfcp.constants import Verb
from tests.core.meeting import Party
from tests.playbook import path
from tests.running_house import RunningHouse

HOST = "192.0.2.1"


class MetParties:
    """anna and cam1, both proven. client: on control.sock."""

    def __init__(self, house: RunningHouse, client: httpx.Client) -> None:
        self._house = house
        self.anna = self._party(client, "anna", "operators", 0)
        self.cam1 = self._party(client, "cam1", "devices", 1)

    def ask(self, port: int) -> None:
        """anna asks for this UDP port at cam1."""
        self._said = self._say(self.anna, self.anna.conn(port=str(port)).payload)

    def take(self) -> None:
        """Both take the invitation."""
        for party in (self.anna, self.cam1):
            invitation = next(
                message
                for frame in self._said
                if frame.startswith(f"{party.name},PNCH".encode()) and (message := party.read(frame)).verb == Verb.PNCH
            )
            self._say(party, party.take(invitation).payload)

    def _party(self, client: httpx.Client, name: str, kind: str, role: int) -> Party:
        party = Party(name, path(HOST, 4000 + role), role)
        party.key = key_from_text(client.post(f"/{kind}/{name}/key", json={}).json()["key"])
        for _ in range(2):
            for frame in self._say(party, party.heartbeat().payload):
                party.read(frame)
        return party

    def _say(self, party: Party, frame: bytes) -> list[bytes]:
        return self._house.frame(frame.decode(), party.path.host, party.path.port)
