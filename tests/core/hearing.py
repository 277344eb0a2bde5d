"""Two servers that hear devices, and tell each other which ones. Their records are each its own: what is judged here is
presence.

house = Hearing().adopt("cam1")
house.beat({"cam1": "AB"}, 60)   # both hear it
"""

from collections.abc import Mapping
from typing import Any

from alarmd.core.effects import TellPeer
from alarmd.core.inputs import PeerGone, PeerHears, PeerMet
from alarmd.core.records import Alarm, AlarmKind, Presence
from alarmd.core.settings import Pair
from tests.playbook import Playbook, heartbeat

MET = PeerMet("test", 0, 0, 0.0)
EVERY = 20  # s between two heartbeats of a device
SITE = "203.0.113.5"


def server(label: str = "A", preferred: str = "A", **settings: Any) -> Playbook:
    """One of the two; what concerns the pair may be overridden."""
    of_pair = {name: settings.pop(name) for name in ("lost_after", "peer_lost_enables") if name in settings}
    peer = "B" if label == "A" else "A"
    return Playbook(label=label, pair=Pair(peer, preferred, **of_pair), **settings)


def presence(play: Playbook, name: str = "cam1") -> Presence:
    return play.engine.state.sessions[name].presence


def open_alarms(play: Playbook, kind: AlarmKind) -> list[Alarm]:
    return [alarm for alarm in play.engine.state.alarms.values() if alarm.kind is kind]


class Hearing:
    """hosts: where each device is."""

    def __init__(self, met: bool = True, **settings: Any) -> None:
        self.servers = {label: server(label, **settings) for label in "AB"}
        self.seen = dict.fromkeys("AB", 0)
        self.met = False
        self.hosts: dict[str, str] = {}
        self.second = 0
        if met:
            self.link(True)

    @property
    def a(self) -> Playbook:
        return self.servers["A"]

    @property
    def b(self) -> Playbook:
        return self.servers["B"]

    def adopt(self, *names: str, host: str | None = None) -> "Hearing":
        for name in names:
            self.hosts[name] = host or f"192.0.2.{len(self.hosts) + 1}"
            for play in self.servers.values():
                play.adopt(name)
        return self

    def link(self, met: bool) -> "Hearing":
        if met is not self.met:
            self.met = met
            for label in "AB":
                self.happens(label, MET if met else PeerGone("cut"))
            self.carry()
        return self

    def happens(self, label: str, what: Any) -> None:
        self.servers[label] << what

    def carry(self) -> "Hearing":
        """What each said since."""
        for label, other in ("AB", "BA"):
            history = self.servers[label].history
            said = [effect for effect in history[self.seen[label] :] if isinstance(effect, TellPeer)]
            self.seen[label] = len(history)
            for one in said if self.met else ():
                self.servers[other] << PeerHears(one.heard, one.unheard)
        return self

    def beat(self, heard: Mapping[str, str], seconds: int) -> "Hearing":
        """Time passes. heard: which servers hear each device, "AB" for both."""
        for _ in range(seconds):
            for number, name in enumerate(self.hosts):
                if self.second % EVERY == number % EVERY:
                    for label in heard.get(name, ""):
                        self.servers[label] << heartbeat(name, self.hosts[name])
            self.second += 1
            self.carry()
            for play in self.servers.values():
                before = len(play.history)
                play.later(1.0)
                assert not play.effects or play.history[before:] == play.effects
            self.carry()
        return self
