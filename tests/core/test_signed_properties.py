"""A device with a key under siege: whatever an attacker records, delays, drops, reorders, doubles, sends back or plays
from elsewhere, and whatever restarts in between, the promises hold; and once he is gone everything is told."""

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

from alarmd.core.device_session import MISSES, DeviceSession
from alarmd.core.effects import RecordEvent, SaveCommand, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.records import AlarmKind, CommandState, Presence
from alarmd.core.requests import CommandRequested
from alarmd.core.signed_session import MAX_CHALLENGED
from lfcp import Report, decode
from lfcp.client import QUEUE_LIMIT, ClientSession, CommandReceived, Kept, MessageAcknowledged, VolatileMemory
from lfcp.constants import KEY, Verb
from tests.playbook import Playbook, path

EXAMPLES = 2000 if os.environ.get("ALARMD_PROVE") else 40
STEPS = 60
INTERVAL = 20.0  # s
LOST_AFTER = 90.0  # s
CALM = 300.0  # s in which everything comes right once the attacker is gone
HOMES = [path(f"192.0.2.{number}") for number in range(1, 4)]  # where the device may be
OUTSIDE = [path("198.51.100.1"), path("198.51.100.1", 5000), path("2001:db8::1", transport="tcp")]
WHICH = st.integers(0, 10_000)  # of a list, modulo its length
MESSAGES = (EventKind.LOG, EventKind.ERROR, EventKind.MOTION)
TIMES = st.sampled_from([0.05, 0.6, 3.0, 21.0, 79.0, 200.0])


class Siege(RuleBasedStateMachine):
    """The rules and the device's side are the real ones. `up`, `down`: frames that are on their way, and recorded: all
    that ever were. `injects`: the attacker also hands the device what was sent to other addresses, as a relay could."""

    @initialize(seed=st.integers(0, 2**32), injects=st.booleans())
    def begin(self, seed: int, injects: bool) -> None:
        self.random, self.injects = Random(seed), injects
        self.key = self.random.randbytes(KEY)
        self.play = Playbook().give_key("cam1", self.key)
        self.clock = 0.0
        self.home = HOMES[0]
        self.homes = {HOMES[0]}
        self.up: list[bytes] = []
        self.down: list[bytes] = []
        self.recorded_up: list[bytes] = []
        self.recorded_down: list[SendFrame] = []
        self.events = 0
        self.said: list[str] = []
        self.acknowledged: list[str] = []
        self.asked: dict[int, str] = {}  # tokens of the commands, by id
        self.done: Counter[tuple[int, str]] = Counter()  # by start of the device and token
        self.starts = 0
        self.wiped = False
        self.gone_at: float | None = None
        self.restarted_at = 0.0
        self.blind = 0.0
        self.used: set[int] = set()
        self.stored: Counter[str] = Counter()
        self.outcomes: dict[int, list[CommandState]] = {}
        self.memory = self.new_memory()
        self.switch_on()

    # The device

    @rule(times=TIMES)
    def time_passes(self, times: float) -> None:
        self.play.later(times)
        self.clock += times
        self.out()
        self.speak()

    @precondition(lambda self: len(self.said) < len(self.acknowledged) + QUEUE_LIMIT)
    @rule(verb=st.sampled_from([Verb.MOAL, Verb.LOG, Verb.ERR]))
    def something_happens(self, verb: Verb) -> None:
        self.events += 1
        text = f"event {self.events}"
        if self.gone_at is None and self.device.queue(verb, text, self.clock):
            self.said.append(text)
            self.speak()

    @rule(wiped=st.booleans())
    def the_device_restarts(self, wiped: bool) -> None:
        """What it had not told yet is gone with its memory: it was never acknowledged."""
        self.wiped = self.wiped or wiped
        if wiped:
            self.memory = self.new_memory()
        self.said = [text for text in self.said if text in self.acknowledged]
        self.switch_on()
        self.speak()

    @rule(at=st.sampled_from(HOMES))
    def the_device_moves(self, at: Path) -> None:
        self.home = at
        self.homes.add(at)

    @rule()
    def the_device_is_destroyed(self) -> None:
        if self.gone_at is None:
            self.gone_at, self.blind = self.clock, 0.0

    # The server

    @rule(after=st.sampled_from([0.0, 5.0, 400.0]), clock=st.sampled_from([0.0, -86_400.0, 3600.0]))
    def the_server_is_killed(self, after: float, clock: float) -> None:
        self.play.set_wall(clock)
        self.play = self.play.restart(after)
        self.clock += after
        self.restarted_at = self.clock
        self.out()

    @rule(seconds=st.sampled_from([10.0, 500.0]))
    def the_server_stands_still(self, seconds: float) -> None:
        """Nobody's silence counts meanwhile."""
        self.play.stand_still(seconds)
        self.clock += seconds
        self.blind += seconds
        self.out()

    @rule()
    def the_operator_asks(self) -> None:
        token = f"token{len(self.asked)}"
        self.play << CommandRequested("op", "cam1", "TLGC", (token, "1"))
        for effect in self.play.made(SaveCommand):
            self.asked[effect.command.id] = token
        self.out()

    # The network, which is the attacker

    @precondition(lambda self: self.up)
    @rule(which=WHICH)
    def a_frame_arrives(self, which: int) -> None:
        self.into_server(self.up.pop(which % len(self.up)), self.home)

    @precondition(lambda self: self.up)
    @rule()
    def everything_arrives(self) -> None:
        while self.up:
            self.into_server(self.up.pop(0), self.home)

    @precondition(lambda self: self.down)
    @rule(which=WHICH)
    def an_answer_arrives(self, which: int) -> None:
        self.into_device(self.down.pop(which % len(self.down)))

    @precondition(lambda self: self.down)
    @rule()
    def every_answer_arrives(self) -> None:
        while self.down:
            self.into_device(self.down.pop(0))

    @rule()
    def everything_on_its_way_is_lost(self) -> None:
        self.up.clear()
        self.down.clear()

    @precondition(lambda self: self.recorded_up)
    @rule(which=WHICH, at=st.sampled_from([*HOMES, *OUTSIDE]), times=st.integers(1, 3))
    def he_plays_what_the_device_said(self, which: int, at: Path, times: int) -> None:
        for _ in range(times):
            self.into_server(self.recorded_up[which % len(self.recorded_up)], at)

    @precondition(lambda self: self.recorded_up)
    @rule(at=st.sampled_from([*HOMES, *OUTSIDE]))
    def he_plays_what_the_device_said_last(self, at: Path) -> None:
        self.into_server(self.recorded_up[-1], at)

    @precondition(lambda self: self.recorded_up)
    @rule(which=WHICH, byte=WHICH, value=st.integers(1, 255))
    def he_forges(self, which: int, byte: int, value: int) -> None:
        forged = bytearray(self.recorded_up[which % len(self.recorded_up)])
        forged[byte % len(forged)] ^= value
        self.play << FrameReceived(bytes(forged), OUTSIDE[0])
        assert self.play.rejected
        assert self.play.sent == []

    @precondition(lambda self: self.recorded_down)
    @rule(which=WHICH)
    def he_sends_back_what_the_server_said(self, which: int) -> None:
        self.play << FrameReceived(self.recorded_down[which % len(self.recorded_down)].payload, OUTSIDE[0])
        assert self.play.rejected == ["bad_tag"]
        assert len(self.play.effects) == 1

    @precondition(lambda self: self.recorded_down)
    @rule(which=WHICH)
    def he_plays_what_the_server_said(self, which: int) -> None:
        sent = self.recorded_down[which % len(self.recorded_down)]
        if self.injects or sent.path in self.homes:
            self.into_device(sent.payload)

    # What must be true

    @invariant()
    def what_is_acknowledged_is_stored_and_nothing_is_stored_twice(self) -> None:
        assert all(self.stored[text] == 1 for text in self.acknowledged)
        assert all(count == 1 for count in self.stored.values())

    @invariant()
    def a_device_that_is_gone_is_lost(self) -> None:
        if self.gone_at is None or self.session.presence is Presence.NEW:
            return
        lately = max(self.gone_at + MISSES * self.session.interval, self.restarted_at)  # a clock set back gives grace
        assert self.clock <= lately + self.blind + LOST_AFTER or self.session.presence is Presence.LOST

    @invariant()
    def a_proven_path_is_one_where_the_device_was(self) -> None:
        assert self.session.signed is not None
        if self.session.signed.proven and not self.injects:
            assert self.session.path in self.homes

    @invariant()
    def one_device_is_no_two_unless_somebody_kept_frames_of_a_life_that_it_forgot(self) -> None:
        assert self.wiped or all(alarm.kind is not AlarmKind.TAMPER for alarm in self.play.engine.state.alarms.values())

    @invariant()
    def commands_have_one_outcome_and_are_carried_out_once_a_start(self) -> None:
        assert all(count == 1 for count in self.done.values())
        done = {token for _, token in self.done}
        for command_id, outcomes in self.outcomes.items():
            assert len(outcomes) == 1
            if outcomes == [CommandState.ACKED] and command_id in self.asked:
                assert self.asked[command_id] in done

    @invariant()
    def tables_stay_small(self) -> None:
        signed = self.session.signed
        assert signed is not None
        assert len(signed.challenged) <= MAX_CHALLENGED
        assert len(signed.copies) <= MAX_CHALLENGED + 1 + len(HOMES)
        assert len(signed.told) <= len(EventKind)

    def teardown(self) -> None:
        """The attacker is gone."""
        if not hasattr(self, "play"):
            return
        if self.gone_at is not None:
            self.the_device_restarts(wiped=False)
        self.everything_on_its_way_is_lost()
        end = self.clock + CALM
        while self.clock < end:
            self.time_passes(0.5)
            while self.up or self.down:
                for payload in self.taken(self.up):
                    self.into_server(payload, self.home)
                for payload in self.taken(self.down):
                    self.into_device(payload)
        assert self.session.presence is Presence.ONLINE
        assert self.session.path == self.home
        assert sorted(self.acknowledged) == sorted(self.said)
        assert not self.play.engine.state.open_commands
        self.what_is_acknowledged_is_stored_and_nothing_is_stored_twice()
        self.commands_have_one_outcome_and_are_carried_out_once_a_start()

    # Wires

    @property
    def session(self) -> DeviceSession:
        return self.play.engine.state.sessions["cam1"]

    def switch_on(self) -> None:
        self.starts += 1
        self.gone_at = None
        report = Report(boot_id=f"{self.random.getrandbits(64) | 1:x}", detector=True, camera=True)
        self.device = ClientSession(
            "cam1", ("A",), INTERVAL, self.random.random, report=report, key=self.key, memory=self.memory
        )

    def new_memory(self) -> VolatileMemory:
        """A life begins with a counter that no recorded answer to an earlier one names."""
        return VolatileMemory(Kept(self.random.getrandbits(48)))

    def speak(self) -> None:
        if self.gone_at is None:
            frames = [payload for _, payload in self.device.poll(self.clock)]
            self.up += frames
            self.recorded_up += frames

    def into_server(self, payload: bytes, at: Path) -> None:
        self.play << FrameReceived(payload, at)
        assert not (self.play.rejected and self.play.sent), "what is refused is not answered"
        answers = [sent for sent in self.play.made(SendFrame) if sent.path == at]
        assert len(answers) <= 1
        assert all(len(sent.payload) <= 3 * len(payload) for sent in answers)
        self.out()

    def out(self) -> None:
        """What the last inputs made the server store and send."""
        for effect in self.play.effects:
            if isinstance(effect, RecordEvent) and effect.event.kind in MESSAGES:
                self.stored[effect.event.text.partition(" (")[0]] += 1  # without its age
            elif isinstance(effect, SaveCommand) and effect.command.finished_at is not None:
                self.outcomes.setdefault(effect.command.id, []).append(effect.command.state)
            elif isinstance(effect, SendFrame):
                self.sent(effect)

    def sent(self, effect: SendFrame) -> None:
        signature = decode(effect.payload).signature
        assert signature is not None
        assert signature.counter not in self.used, "no counter is used twice"
        self.used.add(signature.counter)
        self.recorded_down.append(effect)
        if effect.path == self.home:
            self.down.append(effect.payload)

    def into_device(self, payload: bytes) -> None:
        if self.gone_at is not None:
            return
        for event in self.device.receive("A", payload, self.clock):
            if isinstance(event, MessageAcknowledged):
                self.acknowledged.append(event.text)
            elif isinstance(event, CommandReceived):
                if event.verb == Verb.TLGC:  # not what the server itself wants
                    self.done[self.starts, event.params[0]] += 1
                self.device.command_done()
        self.speak()

    @staticmethod
    def taken(wire: list[bytes]) -> list[bytes]:
        taken, wire[:] = wire[:], []
        return taken


def test_a_siege_breaks_no_promise_and_leaves_nothing_untold() -> None:
    phases = (Phase.reuse, Phase.generate)  # to shrink a siege would take many minutes
    run = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, phases=phases)
    run_state_machine_as_test(Siege, settings=run)
