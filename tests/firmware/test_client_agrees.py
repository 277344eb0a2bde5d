"""The C client beside the Python one: whatever happens to both, they say the same, byte for byte.

Left out is what they may do differently, each within docs/protocol.md: a full queue while its victim is in flight (a
small device forgets it at once), ACKs of copies sent long ago (it remembers fewer), and commands between two polls (it
owes each server one ACK).
"""

from collections import deque
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lfcp import Verb, decode, encode
from lfcp.authenticator import Purpose, Way, derive, key_from_text, verified
from lfcp.constants import FAILOVER_MISSES, SETTINGS
from tests.conftest import PROVE
from tests.firmware.c_client import AFTER_ITS_ACK, OWN, CClientLibrary
from tests.firmware.c_player import CPlayer
from tests.protocol.exchange_player import Player, Step
from tests.protocol.recorded_exchanges import CAN, KEY
from tests.protocol.small_server import SmallServer

QUEUED = 10  # messages at most; a full queue is left out
RECENT = 4  # frames to a server that it may still acknowledge
LABELS = st.sampled_from("AB")
TEXTS = st.text(st.characters(max_codepoint=0x7F, exclude_characters="\0"), max_size=80)
# ms; odd sums, so that no poll falls into the rounding of the Python client's seconds
PAUSES = st.sampled_from([0, 1, 37, 313, 1013, 1871, 2741, 4139, 7019, 13007, 20011, 61051, 86_400_007])
IDS = st.builds("{}.{:x}".format, st.sampled_from("AB"), st.integers(1, 6))
VERSIONS = st.sampled_from(["0", "1", "2", "7", "9999999999", "x", "01"])
VALUES = st.sampled_from(["0", "1", "-2", "13", "86400", "-0", "x"])
COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["TLGS", "RST", "DSLP", "PRCC"])),
    st.tuples(st.sampled_from(["ENAL", "DSAL", "WCAM", "SCAM"]), VERSIONS),
    st.tuples(st.just("TLGC"), st.just("123:token"), st.sampled_from(["-1001", "chat"])),
    st.tuples(st.just("CONF"), st.sampled_from([*SETTINGS, "zoom"]), VALUES),
)
Rules = RuleBasedStateMachine


class BothClients(Rules):
    library: CClientLibrary  # given by the test
    signs: bool

    @initialize(jitter=st.sampled_from([0.0, 0.25, 0.75]), counter=st.sampled_from([0, 1024, 1 << 47]))
    def start(self, jitter: float, counter: int) -> None:
        device: Step = {
            "name": "cam1", "key": KEY if self.signs else None, "labels": ["A", "B"], "boot_id": "9f3c",
            "interval": 20, "jitter": jitter, "commands": CAN,
            "kept": {"counter": counter, "commands": [], "settings": {}},
        }  # fmt: skip
        self.python, self.c = Player(device), CPlayer(self.library, device)
        self.servers = {label: SmallServer("cam1", label, KEY) for label in "AB"}
        self.tag_keys = {label: derive(key_from_text(KEY), Purpose.TAG, Way.UP, label) for label in "AB"}
        self.sent: dict[str, deque[str]] = {label: deque(maxlen=RECENT) for label in "AB"}
        self.received: deque[tuple[str, str]] = deque(maxlen=8)
        self.now, self.boots, self.counter, self.queued = 0, 0x9F3C, 0, 0
        self.running = ""
        self.failover = False
        self.poll()

    def play(self, **step: Any) -> Step:
        asked = {"at": self.now, **step}
        answered = self.python.play(asked)
        assert self.c.play(asked) == answered
        return cast(Step, answered)

    def poll(self) -> None:
        self.follow_failover()
        for label, frame in self.play(poll=None)["poll"]:
            self.sent[label].append(frame)
            self.check_counter(label, frame)

    def check_counter(self, label: str, frame: str) -> None:
        signature = decode(frame.encode()).signature
        assert (signature is not None) == self.signs
        if signature is not None:
            assert verified(self.tag_keys[label], frame.encode())
            assert signature.counter > self.counter
            self.counter = signature.counter

    def follow_failover(self) -> None:
        """The C client begins and ends it by itself; the Python one is told."""
        on = self.play(missed=None)["missed"] >= FAILOVER_MISSES
        if on != self.failover:
            self.failover = on
            self.play(failover=on)

    def receive(self, label: str, frame: str) -> None:
        self.received.append((label, frame))
        self.take(label, frame)

    def take(self, label: str, frame: str) -> None:
        for kind, _, verb, *_ in self.play(receive=[label, frame], events=None)["events"]:
            if kind == "command" and verb in OWN | AFTER_ITS_ACK:
                self.play(done=True)
            elif kind == "command":
                self.running = verb
        self.poll()

    @invariant()
    def they_remember_the_same(self) -> None:
        if self.now:
            self.play(kept=None)
            self.play(may_sleep=None)

    @rule(pause=PAUSES)
    def time_passes(self, pause: int) -> None:
        self.now += pause
        while abs(self.python.session.next_wakeup() * 1000 - self.now) < 1:
            self.now += 3
        self.poll()

    @precondition(lambda self: self.queued < QUEUED)
    @rule(verb=st.sampled_from([Verb.MOAL, Verb.LOG, Verb.ERR]), text=TEXTS)
    def there_is_something_to_say(self, verb: Verb, text: str) -> None:
        self.queued += 1
        self.play(queue=[verb, text])
        self.poll()

    @rule(
        label=LABELS, which=st.integers(0, RECENT - 1), again=st.booleans(), interval=st.sampled_from([5, 26, 999_999])
    )
    def a_server_acknowledges(self, label: str, which: int, again: bool, interval: int) -> None:
        if which >= len(self.sent[label]):
            return
        frame, server = self.sent[label][which], self.servers[label]
        verb = frame.split(",")[1]
        if not self.signs:
            plain = (Verb.ACK, "0", "0", "0", str(interval) if verb == Verb.HEARTBEAT and again else "0")
            self.receive(label, encode("cam1", *plain).decode())
        elif verb == Verb.HEARTBEAT:
            self.receive(label, server.heartbeat_ack(frame, again=again, interval=interval))
        elif verb == Verb.SLEP:
            self.receive(label, server.sleep_ack(frame, again=again))
        elif verb != Verb.ACK:
            self.receive(label, server.message_ack(frame))

    @rule(label=LABELS, command_id=IDS, command=COMMANDS, answers=st.booleans())
    def a_server_commands(self, label: str, command_id: str, command: tuple[str, ...], answers: bool) -> None:
        verb, *params = command
        beats = [frame for frame in self.sent[label] if frame.startswith("cam1,HEARTBEAT,")]
        if verb == "PRCC":
            params = ["token"]
        if not self.signs:
            limited = params if verb in ("TLGC", "PRCC", "CONF") else []
            self.receive(label, encode("cam1", verb, *limited).decode())
            return
        beat = beats[-1] if beats and answers else None
        self.receive(label, self.servers[label].command(command_id, verb, *params, answers=beat))

    @precondition(lambda self: self.signs)
    @rule(label=LABELS, above=st.sampled_from([-5, 0, 1, 1000, 5000, 1 << 40]), mine=st.booleans())
    def a_server_synchronises(self, label: str, above: int, mine: bool) -> None:
        highest = max(1, self.counter + above)
        self.receive(label, self.servers[label].sync(highest, f"{self.boots if mine else 1:x}"))

    @precondition(lambda self: self.received)
    @rule(which=st.integers(0, 7), label=LABELS)
    def a_frame_comes_again(self, which: int, label: str) -> None:
        """Or to the wrong server."""
        _, frame = self.received[which % len(self.received)]
        self.receive(label, frame)

    @rule(label=LABELS, ahead=st.integers(1, 100))
    def a_server_says_much_to_nobody(self, label: str, ahead: int) -> None:
        self.servers[label].down += ahead

    @rule(label=LABELS, behind=st.integers(1, 100))
    def a_server_lost_its_counter(self, label: str, behind: int) -> None:
        self.servers[label].down -= behind

    @precondition(lambda self: self.received)
    @rule(which=st.integers(0, 7), at=st.integers(0, 300), put=st.sampled_from(["", "x", ",", "0", "é", "\0"]))
    def a_frame_is_spoilt(self, which: int, at: int, put: str) -> None:
        label, frame = self.received[which % len(self.received)]
        at %= len(frame)
        self.take(label, frame[:at] + put + frame[at + 1 :])

    @precondition(lambda self: self.running)
    @rule(why=st.none() | TEXTS)
    def a_command_ends(self, why: str | None) -> None:
        self.running = ""
        if why is None:
            self.play(done=True)
        elif self.queued < QUEUED:
            self.queued += 1
            self.play(failed=why)
        else:
            self.play(done=True)
        self.poll()

    @rule(seconds=st.sampled_from([1, 1800, 86400]))
    def the_device_wants_to_sleep(self, seconds: int) -> None:
        self.play(sleep=seconds)
        self.poll()

    @rule()
    def it_wakes(self) -> None:
        self.play(wake=True)
        self.poll()

    @rule()
    def it_restarts(self) -> None:
        self.boots += 1
        self.running, self.queued = "", 0
        self.failover = False
        self.play(restart=f"{self.boots:x}")
        self.poll()


@pytest.mark.parametrize("signs", [True, False], ids=["LFCP/2", "LFCP/1"])
def test_both_clients_say_the_same_whatever_happens(c_client_library: CClientLibrary, signs: bool) -> None:
    BothClients.library, BothClients.signs = c_client_library, signs
    run_state_machine_as_test(
        BothClients,
        settings=settings(
            max_examples=150 if PROVE else 60,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
