"""Somebody near a device hears all that it says and all that it is told, is faster than it, and may send what he likes
from elsewhere, as long as what the device says still arrives within a second: the path stays where the device is, its
commands reach it, and no address that is not proven gets more than it should.

With less than that, if he can keep the device's frames from arriving, see test_signed_properties.py.
"""

import os
from collections import Counter
from random import Random

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SendFrame
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.records import Presence
from alarmd.core.requests import CommandRequested
from alarmd.core.signed_session import SignedSession
from lfcp.constants import KEY, Verb
from tests.playbook import Playbook, path
from tests.signed_camera import SignedCamera

EXAMPLES = 2000 if os.environ.get("ALARMD_PROVE") else 50
STEPS = 40
HOME = path()
ELSEWHERE = [path(port=4001), path("198.51.100.1"), path("198.51.100.1", 5000), path("2001:db8::1", transport="tcp")]
INTERVAL = 20.0  # s
SLOWEST = 1.0  # s on the way to the server
STEP = 0.05  # s
ANSWERED = 2 * SLOWEST + 1.0  # s after which a command that was asked for is done
WHICH = st.integers(0, 10_000)  # of a list, modulo its length


class Forwarder(RuleBasedStateMachine):
    """eager: he copies all that the device says at once, from his favourite address, and passes on what he is told."""

    @initialize(
        seed=st.integers(0, 2**32), eager=st.booleans(), favourite=st.sampled_from(ELSEWHERE), probing=st.booleans()
    )
    def begin(self, seed: int, eager: bool, favourite: Path, probing: bool) -> None:
        self.random, self.eager, self.favourite = Random(seed), False, favourite
        self.camera = SignedCamera("cam1", self.random.randbytes(KEY))
        self.camera.report = self.camera.report._replace(probing=probing)
        self.play = Playbook().give_key("cam1", self.camera.key)
        self.up: list[tuple[float, FrameReceived]] = []
        self.down: list[tuple[float, bytes]] = []
        self.said: list[FrameReceived] = []
        self.told: list[bytes] = []
        self.passed_on: set[bytes] = set()
        self.asked_at: dict[int, float] = {}
        self.into: Counter[Path] = Counter()
        self.out: Counter[Path] = Counter()
        self.replies: Counter[Path] = Counter()
        self.beats_again = False
        self.next_beat = self.play.now.mono
        self.time_passes(SLOWEST * 3)
        assert self.signed.proven
        self.eager = eager

    # The device

    def say(self, made: FrameReceived) -> None:
        self.said.append(made)
        self.up.append((self.play.now.mono + self.random.uniform(0, SLOWEST), made))
        if self.eager:
            self.arrive(FrameReceived(made.payload, self.favourite))

    def beat(self, regular: bool) -> None:
        self.beats_again = regular
        self.next_beat = self.play.now.mono + INTERVAL
        self.say(self.camera.heartbeat())

    def hear(self, payload: bytes) -> None:
        if payload in self.passed_on:
            return
        self.passed_on.add(payload)
        message = self.camera.read(payload)
        if message.verb != Verb.ACK:
            assert message.signature is not None
            self.say(self.camera.frame("ACK", f"{message.signature.counter:x}", "0", "0", message.params[2]))
        elif message.params[1] == "1" and self.beats_again:
            self.beat(regular=False)

    @rule(kind=st.sampled_from([Verb.LOG, Verb.MOAL, Verb.KEEP]))
    def the_device_says_something(self, kind: Verb) -> None:
        if kind == Verb.KEEP:
            self.say(self.camera.frame("KEEP", "400"))
        else:
            self.say(self.camera.message(kind, "x"))

    @rule(seconds=st.sampled_from([0.1, 0.6, 1.5, 4.0, 21.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.play.now.mono + seconds
        while self.play.now.mono < end:
            self.play.later(STEP)
            self.sent()
            if self.play.now.mono >= self.next_beat:
                self.beat(regular=True)
            for due, made in [one for one in self.up if one[0] <= self.play.now.mono]:
                self.up.remove((due, made))
                self.arrive(made)
            for due, payload in [one for one in self.down if one[0] <= self.play.now.mono]:
                self.down.remove((due, payload))
                self.hear(payload)

    @precondition(lambda self: not self.play.engine.state.open_commands)
    @rule()
    def the_operator_asks(self) -> None:
        self.play << CommandRequested("op", "cam1", "TLGS")
        for command in self.play.commands:
            self.asked_at[command.id] = self.play.now.mono
        self.sent()

    # Who is near it

    @rule(which=WHICH, at=st.sampled_from(ELSEWHERE), times=st.integers(1, 5))
    def he_plays(self, which: int, at: Path, times: int) -> None:
        for number in range(times if self.said else 0):
            self.arrive(FrameReceived(self.said[-1 - (which + number) % len(self.said)].payload, at))

    @rule(which=st.integers(0, 3), at=st.sampled_from(ELSEWHERE))
    def he_plays_something_new(self, which: int, at: Path) -> None:
        self.arrive(FrameReceived(self.said[-1 - which % len(self.said)].payload, at))

    @rule(which=WHICH)
    def he_passes_on(self, which: int) -> None:
        self.hear(self.told[which % len(self.told)])

    # What must be true

    @invariant()
    def the_path_stays_where_the_device_is(self) -> None:
        if hasattr(self, "play"):
            assert self.session.path == HOME
            assert self.session.presence is not Presence.LOST

    @invariant()
    def commands_reach_the_device(self) -> None:
        if hasattr(self, "play"):
            late = self.play.now.mono - ANSWERED
            assert all(self.asked_at.get(one, late) >= late for one in self.play.engine.state.open_commands)

    @invariant()
    def what_is_not_proven_gets_little(self) -> None:
        for at in ELSEWHERE if hasattr(self, "play") else ():
            assert self.out[at] <= 3 * self.into[at]
            assert self.replies[at] <= 0

    # Wires

    @property
    def session(self) -> DeviceSession:
        return self.play.engine.state.sessions["cam1"]

    @property
    def signed(self) -> SignedSession:
        assert self.session.signed is not None
        return self.session.signed

    def arrive(self, frame: FrameReceived) -> None:
        self.play << frame
        self.into[frame.path] += len(frame.payload)
        self.replies[frame.path] -= 1
        self.sent()

    def sent(self) -> None:
        doubt = self.signed.doubt
        for effect in self.play.made(SendFrame):
            self.told.append(effect.payload)
            if effect.path == HOME:
                self.down.append((self.play.now.mono + STEP, effect.payload))
            elif doubt is None or effect.path != doubt.path:
                self.out[effect.path] += len(effect.payload)
                self.replies[effect.path] += 1
        if self.eager:
            for effect in self.play.made(SendFrame):
                self.hear(effect.payload)


def test_who_hears_everything_and_is_faster_moves_no_path_and_keeps_no_command() -> None:
    phases = (Phase.reuse, Phase.generate)  # a run is long: to make it shorter would take many minutes
    run = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, phases=phases)
    run_state_machine_as_test(Forwarder, settings=run)
