"""Two parties that meet, as the rules' tests need them: an operator's machine and a camera, every frame by hand.

scene = Scene()                          # both are proven
scene.connect()                          # CONN, and both take it
scene.say(scene.laptop, b"picture?")     # a tunnel datagram
"""

from itertools import count

from alarmd.core.effects import SaveContacts, SendFrame
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.requests import OperatorAdded
from lfcp import Message, decode
from lfcp.authenticator import key_from_text
from lfcp.constants import Verb
from lfcp.tunnel import Kind, Tunnel
from tests.playbook import Playbook, path
from tests.signed_camera import SignedCamera

HOME = path("198.51.100.7", 6000)
GARDEN = path("192.0.2.1", 4000)


class Party(SignedCamera):
    """tunnel: its end of the session that it was last invited to. left: where else it may be told something."""

    def __init__(self, name: str, at: Path, role: int) -> None:
        super().__init__(name)
        self.path = at
        self.left: Path | None = None
        self.role = role
        self.report = self.report._replace(tunnels=True)
        self.tunnel: Tunnel | None = None
        self.requests = count(1)

    def heard(self, play: Playbook, verb: Verb) -> list[Message]:
        """Frames of this verb that the last input made the server send to this party; others may be for the other."""
        frames = [effect for effect in play.made(SendFrame) if effect.payload.startswith(f"{self.name},".encode())]
        assert all(effect.path in (self.path, self.left) for effect in frames)
        return [found for effect in frames if (found := self.read(effect.payload)).verb == verb]

    def answers(self, play: Playbook, verb: Verb) -> Message:
        (found,) = self.heard(play, verb)
        return found

    def join(self, invitation: Message) -> str:
        """The session's key comes out of the invitation; p1 of it."""
        key = key_from_text(self.open(invitation, 2))
        self.tunnel = Tunnel(int(invitation.params[0], 16), key, self.role)
        return invitation.params[0]

    def take(self, invitation: Message, why: str | None = None) -> FrameReceived:
        """why: it is refused."""
        assert invitation.signature is not None
        answers = f"{invitation.signature.counter:x}"
        return self.frame("ACK", answers, "0" if why is None else "1", why or "0", invitation.params[0])

    def seal(self, body: bytes = b"x", kind: Kind = Kind.DATA, at: Path | None = None) -> FrameReceived:
        assert self.tunnel is not None
        return FrameReceived(self.tunnel.outbound.seal(kind, body), at or self.path)

    def conn(
        self, device: str = "cam1", port: str = "0", options: str = "-", again: str | None = None
    ) -> FrameReceived:
        """again: the request that is repeated."""
        request = again or f"{self.boot}.{next(self.requests):x}"
        return self.frame("CONN", device, port, request, options)


class Scene:
    def __init__(self, play: Playbook | None = None, name: str = "laptop", at: Path = HOME) -> None:
        self.play = play or Playbook()
        self.laptop = Party(name, at, 0)
        self.play << OperatorAdded("op", name, self.laptop.key)
        self.laptop.meet(self.play)
        self.camera = Party("cam1", GARDEN, 1)
        if play is None:
            self.play.give_key("cam1", self.camera.key)
            self.camera.meet(self.play)

    @property
    def parties(self) -> tuple[Party, Party]:
        return self.laptop, self.camera

    def invite(self, **wanted: str) -> tuple[Message, Message]:
        """CONN; the invitations of both."""
        self.play << self.laptop.conn(**wanted)
        laptop, camera = (party.answers(self.play, Verb.PNCH) for party in self.parties)
        for party, invitation in zip(self.parties, (laptop, camera), strict=True):
            party.join(invitation)
        return laptop, camera

    def connect(self, **wanted: str) -> int:
        """Both take it; the session's id."""
        invitations = self.invite(**wanted)
        for party, invitation in zip(self.parties, invitations, strict=True):
            self.play << party.take(invitation)
        assert self.play.kinds == ["connected"]
        return int(invitations[0].params[0], 16)

    def passes(self, party: Party, body: bytes = b"x", kind: Kind = Kind.DATA) -> bool:
        """Whether what this side says comes out at the other, unchanged and whole."""
        other = self.parties[1 - party.role]
        frame = party.seal(body, kind)
        self.play << frame
        sent = [effect for effect in self.play.made(SendFrame) if effect.payload == frame.payload]
        assert all((effect.path, effect.promises) == (other.path, False) for effect in sent)
        if not sent:
            return False
        assert other.tunnel is not None
        opened = other.tunnel.inbound.open(sent[0].payload)
        assert opened is not None
        return (opened.kind, opened.body) == (kind, body)

    def over(self, party: Party) -> list[str]:
        """Why this side is told, by what happened last, that a session is over."""
        return [one.params[2] for one in party.heard(self.play, Verb.PNCH) if one.params[1] == "0"]

    def beat(self, seconds: float) -> None:
        """Time passes, and both beat."""
        for _ in range(round(seconds / 20)):
            self.play.later(20)
            for party in self.parties:
                party.beat(self.play)


def is_stored_first(play: Playbook, invitation: Message) -> bool:
    """The counter that sealed it is in the same commit, and it waits for that."""
    assert invitation.signature is not None
    stored = {contact.counter_down for effect in play.made(SaveContacts) for contact in effect.contacts}
    waits = [
        effect.promises for effect in play.made(SendFrame) if decode(effect.payload).params[:4] == invitation.params[:4]
    ]
    return invitation.signature.counter in stored and waits == [True]
