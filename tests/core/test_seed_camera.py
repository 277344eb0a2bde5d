"""A model of the 2020 camera, written from how its published source behaves on a host, against the rules.

It knows nothing of alarmd's code: what it does with bytes is what the camera does (docs/protocol.md, dialect seed).
"""

from alarmd.core.event_kinds import EventKind
from alarmd.core.records import CommandState, Dialect
from alarmd.core.requests import CommandRequested, DeviceChanged
from tests.playbook import Playbook, frame

ROW = 64
FIELDS = 8


class SeedCamera:
    """One source port per boot. `executed`: the commands it carried out."""

    def __init__(self, play: Playbook, port: int = 5000) -> None:
        self.play = play
        self.port = port
        self.executed: list[str] = []
        self._doubled = False
        self._sticky = ""
        self._answered = False
        self._silent_heartbeats = 0
        self._heartbeats = 0

    def heartbeat(self) -> None:
        self._heartbeats += 1
        self._silent_heartbeats += 1
        self._send("HEARTBEAT")

    @property
    def detector_runs(self) -> bool:
        """Only while no server has answered two heartbeats, and one has answered before."""
        return self._answered and self._silent_heartbeats > 2

    def motion(self) -> bool:
        if self.detector_runs:
            self._send("LOG", "CAMERA_MOTION_DETECTED")
        return self.detector_runs

    def beacon(self) -> None:
        self._transmit("cam1")

    def _send(self, verb: str, *params: str) -> None:
        if self._sticky and not params:
            params = (self._sticky,)
        self._sticky = params[0] if params else self._sticky
        fields = ["cam1", verb, *params]
        fields += ["0"] * (FIELDS - len(fields))
        if self._doubled:  # the separator is copied into the field behind it
            fields = fields[:2] + [part for field in fields[2:] for part in ("", field)]
        self._transmit(",".join(fields))

    def _transmit(self, text: str) -> None:
        self.play << frame(text, port=self.port)
        replies = self.play.sent
        for number, reply in enumerate(replies):
            assert len(reply) < 128
            assert b"," not in reply or all(len(field) <= 62 for field in reply.split(b","))
            self._receive(reply, behind_csv=number > 0 and b"," in replies[number - 1])

    def _receive(self, reply: bytes, behind_csv: bool) -> None:
        self._answered, self._silent_heartbeats = True, 0
        if b"," in reply:
            assert reply.count(b",") <= FIELDS, "more commas than it survives"
            self._doubled = True
            return
        name, verb = reply[:ROW].rstrip(b"\0"), reply[ROW:].decode()
        if name == b"cam1" and behind_csv and self._heartbeats > 1:
            self.executed.append(verb)
            self._send("ACK")


def camera(**changes: object) -> SeedCamera:
    play = Playbook().adopt("cam1") << DeviceChanged("op", "cam1", dialect=Dialect.SEED)
    if changes:
        play << DeviceChanged("op", "cam1", **changes)  # type: ignore[arg-type]
    return SeedCamera(play)


def live(one: SeedCamera, heartbeats: int) -> int:
    """Heartbeats every 18 s with something moving all the time; how often its detector saw it."""
    seen = 0
    for _ in range(heartbeats):
        one.heartbeat()
        seen += one.motion()
        one.play.later(18)
    return seen


def test_it_stays_online_with_its_doubled_commas_and_beacons() -> None:
    one = camera()
    live(one, 20)
    one.beacon()
    assert one.play.count(EventKind.CONTACT_LOST) == 0
    assert one.play.count(EventKind.ALARM_RAISED) == 0, "answered all the time, it never sees motion"


def test_it_executes_each_command_once_and_in_order() -> None:
    one = camera()
    for verb in ("TLGS", "WCAM", "RST"):
        one.play << CommandRequested("op", "cam1", verb)
    live(one, 12)
    assert one.executed[:2] == ["TLGS", "WCAM"]
    assert one.executed == ["TLGS", "WCAM", "RST"]
    assert one.play.last_command.state is CommandState.ACKED


def test_with_arming_answers_its_detector_runs_and_its_motion_is_told() -> None:
    one = camera(arming_answers=True)
    seen = live(one, 30)
    assert seen >= 12
    assert one.play.count(EventKind.MOTION) == seen
    assert one.play.count(EventKind.CONTACT_LOST) == 0


def test_commands_reach_it_while_its_detector_is_kept_armed() -> None:
    one = camera(arming_answers=True)
    live(one, 3)
    one.play << CommandRequested("op", "cam1", "TLGS")
    live(one, 3)
    assert one.executed == ["TLGS"]


def test_after_a_reboot_the_next_command_waits_for_its_second_heartbeat() -> None:
    one = camera()
    live(one, 3)
    rebooted = SeedCamera(one.play, port=5001)
    one.play << CommandRequested("op", "cam1", "TLGS")
    live(rebooted, 4)
    assert rebooted.executed == ["TLGS"]
    assert one.play.last_command.attempts == 1


def test_its_habits_are_noticed_without_being_told() -> None:
    one = SeedCamera(Playbook().adopt("cam1"))
    live(one, 6)
    assert one.play.count(EventKind.DIALECT_SUGGESTED) == 1
