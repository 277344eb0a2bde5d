"""One simulated camera, played by hand: no sockets, no clock."""

import math
import random

from alarmd.device.simulated_device import AWAY, START_WITHIN, Behaviour, Identity, SimulatedDevice
from alarmd.device.tally import Tally
from lfcp import Verb, decode, read_report
from lfcp.authenticator import key_from_text
from tests.protocol.small_server import SmallServer

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
ACK = b"sim1,ACK,0,0,0,0,0,0"


class Play:
    """A device and its clock."""

    def __init__(self, behaviour: Behaviour, key: str | None = None) -> None:
        self.tally = Tally()
        self.now = 1000.0
        identity = Identity("sim1", "B", None if key is None else key_from_text(key), counter=7000)
        self.device = SimulatedDevice(identity, behaviour, self.now, random.Random(1), self.tally)

    def next(self) -> list[str]:
        """The verbs of what it sends at its next moment."""
        self.now = max(self.now, self.device.next_wakeup())
        assert self.now < math.inf
        self.sent = self.device.poll(self.now)
        self.frames = [decode(frame) for frame in self.sent]
        return [frame.verb for frame in self.frames]

    def until(self, verb: Verb) -> None:
        for _ in range(1000):
            if verb in self.next():
                return
        raise AssertionError(f"no {verb}")

    def hear(self, verb: str) -> None:
        self.device.receive(f"sim1,{verb},0,0,0,0,0,0".encode(), self.now)

    def says(self, flag: str) -> bool | None:
        self.until(Verb.HEARTBEAT)
        report = read_report(self.frames[-1])
        assert report is not None
        return bool(getattr(report, flag))


def test_a_fleet_does_not_wake_up_all_at_once() -> None:
    tally, dice = Tally(), random.Random(1)
    devices = [SimulatedDevice(Identity(f"sim{number}"), Behaviour(), 1000.0, dice, tally) for number in range(50)]
    starts = [device.next_wakeup() for device in devices]
    assert len(set(starts)) == 50
    assert all(1000.0 <= start <= 1000.0 + START_WITHIN for start in starts)
    assert all(device.poll(999.0) == [] for device in devices)


def test_a_heartbeat_reports_and_its_answer_is_timed() -> None:
    play = Play(Behaviour(interval=20))
    assert play.says("detector")
    play.now += 0.5
    play.device.receive(ACK, play.now)
    play.device.receive(ACK, play.now)  # the same answer once more answers nothing
    assert (play.tally.heartbeats, play.tally.answered) == (1, 1)
    assert play.tally.answer_time(50) == 0.5


def test_motion_is_told_until_it_is_stored() -> None:
    play = Play(Behaviour(motion_every=5))
    play.until(Verb.MOAL)
    assert play.device.untold(play.now) == 1
    play.hear("ACK")  # of the first heartbeat
    play.hear("ACK")
    assert (play.tally.alarms, play.tally.stored, play.device.untold(play.now)) == (1, 1, 0)


def test_motion_that_is_never_stored_fills_the_queue_and_is_counted() -> None:
    play = Play(Behaviour(motion_every=0.1))
    while not play.tally.refused:
        play.next()
    assert play.tally.alarms == play.device.untold(play.now)


def test_a_detector_that_is_off_tells_no_motion_until_it_is_on() -> None:
    play = Play(Behaviour(interval=20, motion_every=5))
    play.until(Verb.HEARTBEAT)
    play.hear("DSAL")
    assert play.next() == ["ACK"]
    assert not play.says("detector")
    before = play.tally.alarms
    for _ in range(20):
        play.next()
    assert play.tally.alarms == before
    play.hear("ENAL")
    assert play.says("detector")
    play.until(Verb.MOAL)


def test_the_camera_is_switched() -> None:
    play = Play(Behaviour())
    play.until(Verb.HEARTBEAT)
    play.hear("SCAM")
    assert not play.says("camera")
    play.hear("WCAM")
    assert play.says("camera")
    assert play.tally.commands == {"SCAM": 1, "WCAM": 1}


def test_a_picture_is_acknowledged_and_logged() -> None:
    play = Play(Behaviour())
    play.until(Verb.HEARTBEAT)
    play.hear("TLGS")
    assert sorted(play.next()) == ["ACK", "LOG"]


def test_a_restart_is_acknowledged_first_and_changes_the_boot_id() -> None:
    play = Play(Behaviour())
    play.until(Verb.HEARTBEAT)
    boots = {play.frames[-1].params[2]}
    play.hear("RST")
    assert play.next() == ["ACK"]
    acknowledged_at = play.now
    play.hear("RST")  # nobody hears it while it starts
    assert play.next() == ["HEARTBEAT"]
    assert play.now == acknowledged_at + AWAY[Verb.RST]
    boots.add(play.frames[-1].params[2])
    assert (len(boots), play.tally.restarts, play.tally.commands["RST"]) == (2, 1, 1)


def test_a_device_told_to_sleep_says_for_how_long() -> None:
    play = Play(Behaviour())
    play.until(Verb.HEARTBEAT)
    play.hear("DSLP")
    assert play.next() == ["ACK", "SLEP"]
    asleep_at = play.now
    assert play.frames[-1].params[0] == str(AWAY[Verb.DSLP])
    assert play.next() == ["HEARTBEAT"]
    assert play.now == asleep_at + AWAY[Verb.DSLP]


def test_a_device_with_a_key_signs_and_its_counter_goes_on_over_a_restart() -> None:
    play, server = Play(Behaviour(), KEY), SmallServer("sim1", "B", KEY)
    play.until(Verb.HEARTBEAT)
    first = play.frames[-1].signature
    assert first is not None
    assert first.counter == 7001
    play.device.receive(server.heartbeat_ack(play.sent[-1].decode()).encode(), play.now)
    play.device.receive(server.command("B.1", "RST").encode(), play.now)
    assert play.next() == ["ACK"]
    play.until(Verb.HEARTBEAT)
    again = play.frames[-1].signature
    assert again is not None
    assert again.counter > first.counter
    play.device.receive(server.command("B.1", "RST", answers=play.sent[-1].decode()).encode(), play.now)
    assert play.next() == ["ACK"]
    assert (play.tally.restarts, play.tally.commands["RST"]) == (1, 1)


def test_a_device_with_a_key_goes_to_sleep_when_the_server_knows_of_it() -> None:
    play, server = Play(Behaviour(), KEY), SmallServer("sim1", "B", KEY)
    play.until(Verb.HEARTBEAT)
    play.device.receive(server.heartbeat_ack(play.sent[-1].decode()).encode(), play.now)
    play.device.receive(server.command("B.1", "DSLP").encode(), play.now)
    assert play.next() == ["ACK", "SLEP"]
    assert play.next() == ["SLEP"]  # nobody acknowledged it
    play.device.receive(server.sleep_ack(play.sent[-1].decode()).encode(), play.now)
    assert play.next() == []
    asleep_at = play.now
    assert play.next() == ["HEARTBEAT"]
    assert play.now == asleep_at + AWAY[Verb.DSLP]


def test_a_key_shows_in_no_repr() -> None:
    identity = Identity("sim1", key=key_from_text(KEY))
    assert repr(identity.key) not in repr(identity)


def test_devices_restart_by_themselves_and_forget_what_they_had_not_told() -> None:
    play = Play(Behaviour(motion_every=1, restart_every=60))
    while not play.tally.restarts:
        play.next()
    assert play.tally.alarms > 0
    assert play.device.untold(play.now) == 0


def test_a_device_falls_silent_and_hears_nothing() -> None:
    play = Play(Behaviour(interval=20, motion_every=5, silent_after=100))
    while play.device.next_wakeup() < math.inf:
        play.next()
    assert play.now < 1100.0
    play.now = 1100.0
    assert play.device.silent(play.now)
    assert play.device.untold(play.now) == 0
    play.hear("TLGS")
    assert play.device.poll(play.now) == []
    assert not play.tally.commands


def test_at_the_end_nothing_new_happens() -> None:
    play = Play(Behaviour(motion_every=1, restart_every=50))
    play.until(Verb.HEARTBEAT)
    play.device.quieten()
    alarms = play.tally.alarms
    for _ in range(100):
        play.next()
    assert (play.tally.alarms, play.tally.restarts) == (alarms, 0)


def test_what_makes_no_sense_is_counted() -> None:
    play = Play(Behaviour())
    play.until(Verb.HEARTBEAT)
    play.device.receive(b"garbage", play.now)
    assert play.tally.rejected == 1


def test_answer_times_need_an_answer() -> None:
    assert Tally().answer_time(99) is None
