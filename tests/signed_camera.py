"""A device with a key as the rules' tests need it: every frame by hand, every answer verified.

play.give_key(camera := SignedCamera("cam1"))
camera.meet(play)                       # two heartbeats: its life and its address are proved
play << camera.moal("gate")
"""

from itertools import count

from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from lfcp import EventId, Message, Report, decode, encode_signed, report_parameters
from lfcp.authenticator import Purpose, Way, derive, verified
from lfcp.sealing import unseal
from tests.playbook import Playbook, path

KEYS = (number.to_bytes(32, "big") for number in count(1))


class SignedCamera:
    def __init__(self, name: str = "cam1", key: bytes | None = None, boot: str = "b001", counter: int = 0) -> None:
        self.name = name
        self.key = next(KEYS) if key is None else key
        self.boot = boot
        self.counter = counter
        self.number = 0
        self.echo = 0
        self.path = path()
        self.report = Report(interval=26, detector=False, camera=True, wanted_version=0, settings=True)

    def frame(
        self, verb: str, *params: str, counter: int | None = None, label: str = "A", at: Path | None = None
    ) -> FrameReceived:
        if counter is None:
            self.counter += 1
            counter = self.counter
        tag_key = derive(self.key, Purpose.TAG, Way.UP, label)
        return FrameReceived(encode_signed(tag_key, counter, self.name, verb, *params), at or self.path)

    def heartbeat(self, at: Path | None = None, counter: int | None = None) -> FrameReceived:
        report = self.report._replace(boot_id=self.boot, echo=self.echo)
        return self.frame("HEARTBEAT", *report_parameters(report), at=at, counter=counter)

    def sleep(self, seconds: int) -> FrameReceived:
        return self.frame("SLEP", str(seconds), "0", f"{self.boot}.{self.echo:x}")

    def moal(self, text: str = "gate", age: int = 0, at: Path | None = None) -> FrameReceived:
        return self.message("MOAL", text, age, at=at)

    def message(self, verb: str, text: str, age: int = 0, command: str = "0", at: Path | None = None) -> FrameReceived:
        self.number += 1
        return self.again(verb, text, age, command, at)

    def again(self, verb: str, text: str, age: int = 0, command: str = "0", at: Path | None = None) -> FrameReceived:
        """The last message once more, as a device resends it: a new counter, the same identity."""
        return self.frame(verb, text, str(age), str(EventId(self.boot, self.number)), command, at=at)

    def ack(self, command: Message, result: str = "0") -> FrameReceived:
        assert command.signature is not None
        return self.frame("ACK", f"{command.signature.counter:x}", result, "0", command.params[2])

    def reboot(self, boot: str) -> None:
        self.boot, self.number, self.echo = boot, 0, 0

    def read(self, payload: bytes) -> Message:
        """A frame of the server, verified."""
        message = decode(payload)
        assert message.signature is not None
        assert verified(derive(self.key, Purpose.TAG, Way.DOWN, "A"), payload)
        assert message.name == self.name
        self.echo = max(self.echo, message.signature.counter)
        return message

    def hear(self, play: Playbook) -> list[Message]:
        """Everything that the last input made the server send, all of it to this device."""
        return [self.read(payload) for payload in play.sent]

    def open(self, message: Message, at: int) -> str:
        """A sealed parameter."""
        assert message.signature is not None
        seal_key = derive(self.key, Purpose.SEAL, Way.DOWN, "A")
        return unseal(seal_key, message.signature.counter, self.name, message.verb, at, message.params[at - 1])

    def beat(self, play: Playbook, at: Path | None = None) -> Message:
        """A heartbeat and its one answer."""
        play << self.heartbeat(at)
        (answer,) = self.hear(play)
        return answer

    def meet(self, play: Playbook) -> None:
        """Contact with a server that knows nothing yet: the challenge and its answer."""
        assert self.beat(play).params[1] == "1"
        assert self.beat(play).params[1] == "0"
