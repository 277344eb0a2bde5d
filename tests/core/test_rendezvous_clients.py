"""The rules and lfcp's own clients agree on a rendezvous: nothing here is written by hand."""

from typing import Any

from alarmd.core.effects import SendFrame
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.requests import OperatorAdded
from alarmd.core.settings import Rendezvous
from lfcp import Report
from lfcp.client import ClientSession, VolatileMemory
from lfcp.client.events import ConnectionAccepted, ConnectionRefused, Invited, SessionOver
from lfcp.constants import RendezvousReason
from lfcp.tunnel import Kind, Tunnel
from tests.core.meeting import GARDEN, HOME
from tests.playbook import Playbook

STEP = 0.05  # s
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))


class End:
    """A client at its address; lost: how many of the server's datagrams do not reach it."""

    def __init__(self, name: str, key: bytes, at: Path) -> None:
        report = Report(boot_id="b0b0", detector=False, probing=True, tunnels=True)
        memory = VolatileMemory()
        self.client = ClientSession(name, ("A",), 20.0, lambda: 0.5, report=report, key=key, memory=memory)
        self.path = at
        self.events: list[Any] = []
        self.tunnelled: list[bytes] = []
        self.lost = 0

    def happened(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Street:
    def __init__(self, **settings: Any) -> None:
        self.play = Playbook(**settings)
        self.play << OperatorAdded("op", "laptop", KEY)
        self.play.give_key("cam1", OTHER_KEY)
        self.laptop, self.camera = End("laptop", KEY, HOME), End("cam1", OTHER_KEY, GARDEN)

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.play.later(STEP)
            self._deliver()
            for end in (self.laptop, self.camera):
                for _, payload in end.client.poll(self.play.now.mono):
                    self.send(end, payload)

    def send(self, end: End, payload: bytes) -> None:
        self.play << FrameReceived(payload, end.path)
        self._deliver()

    def _deliver(self) -> None:
        for effect in self.play.made(SendFrame):
            end = self.laptop if effect.path == self.laptop.path else self.camera
            if end.lost:
                end.lost -= 1
            elif effect.payload[0] >= 0x80:
                end.tunnelled.append(effect.payload)
            else:
                end.events += end.client.receive("A", effect.payload, self.play.now.mono)
        self.play.effects = []


def invited(street: Street) -> tuple[Invited, Invited]:
    street.live(2)
    street.laptop.client.connect("A", "cam1", 8554, "b")
    street.live(1)
    (asked,), (wanted,) = (end.happened(Invited) for end in (street.laptop, street.camera))
    return asked, wanted


def test_both_are_invited_and_speak_over_the_relay() -> None:
    street = Street(rendezvous=Rendezvous(birthday=True))
    asked, wanted = invited(street)
    (accepted,) = street.laptop.happened(ConnectionAccepted)
    assert accepted.session == asked.session == wanted.session
    assert asked.key == wanted.key
    assert [(one.role, one.port, one.options, one.name) for one in (asked, wanted)] == [
        (0, 8554, "b", "cam1"),
        (1, 8554, "b", "laptop"),
    ]
    for end, invitation in ((street.laptop, asked), (street.camera, wanted)):
        end.client.accept("A", invitation.session)
    street.live(1)
    (meeting,) = street.play.engine.state.meetings.by_id.values()
    assert meeting.state == "met"
    ends = [Tunnel(one.session, one.key, one.role) for one in (asked, wanted)]
    street.send(street.laptop, ends[0].outbound.seal(Kind.DATA, b"picture?"))
    street.send(street.camera, ends[1].outbound.seal(Kind.DATA, b"here"))
    heard = [ends[1].inbound.open(street.camera.tunnelled[0]), ends[0].inbound.open(street.laptop.tunnelled[0])]
    assert [one.body for one in heard if one is not None] == [b"picture?", b"here"]


def test_an_invitation_that_is_lost_comes_again() -> None:
    street = Street()
    street.live(2)
    street.laptop.client.connect("A", "cam1")
    street.camera.lost = 4
    street.live(6)
    (wanted,) = street.camera.happened(Invited)
    assert len(street.laptop.happened(Invited)) == 1
    assert wanted.delay == 0


def test_a_refusal_reaches_who_asked() -> None:
    street = Street()
    _, wanted = invited(street)
    street.camera.client.refuse("A", wanted.session, RendezvousReason.NOT_ALLOWED)
    street.live(1)
    assert street.laptop.happened(SessionOver) == [SessionOver("A", wanted.session, "not_allowed")]


def test_a_request_whose_answers_are_lost_until_it_is_over_hears_why() -> None:
    street = Street()
    street.live(2)
    street.laptop.client.connect("A", "cam1")
    street.laptop.lost = 3
    for _ in range(4):
        street.live(STEP)
        for wanted in street.camera.happened(Invited):
            street.camera.client.refuse("A", wanted.session, RendezvousReason.REFUSED)
    street.live(3)
    assert [one.reason for one in street.laptop.happened(ConnectionRefused)] == ["refused"]


def test_what_the_server_refuses_is_told() -> None:
    street = Street(rendezvous=Rendezvous(enabled=False))
    street.live(2)
    street.laptop.client.connect("A", "cam1")
    street.live(1)
    assert [one.reason for one in street.laptop.happened(ConnectionRefused)] == ["disabled"]


def test_who_asks_before_it_is_proven_is_served_as_soon_as_it_is() -> None:
    street = Street()
    street.laptop.client.connect("A", "cam1")
    street.live(3)
    assert len(street.laptop.happened(Invited)) == 1
