"""The exchanges of protocol/vectors/exchanges.json, as they are played to record them.

python -m tests.protocol.recorded_exchanges writes the file. What the client answers is recorded as it is: read the
difference before you believe it.
"""

import json
from collections.abc import Callable
from typing import Any

from lfcp import encode
from tests.protocol.exchange_player import Player, Step
from tests.protocol.small_server import SmallServer
from tests.protocol.vectors import FOLDER

FILE = FOLDER / "exchanges.json"
ABOUT = (
    "Whole exchanges of a device. `device` says how a client is started: name, key (null: LFCP/1), the servers' labels "
    "in order, boot id, own interval in s, the constant that its jitter gives (0: heartbeats after the whole interval, "
    "waits for a message's ACK shorter by a tenth), the commands that it can carry out, and what its memory keeps: the "
    "counter up to which counters may have been used; ids of RST and DSLP that were obeyed; settings. "
    "At the start detector and camera are on. With a key and CONF among its commands it reports the flag s. "
    "Times (at) are ms. Frames are text without an end. Steps:",
    "poll: the [server, frame] pairs that the client sends now, all of them, in this order: for each server in "
    "order its ACKs of commands; then for each server in order its message, then its HEARTBEAT or SLEP. Counters are "
    "taken in this order.",
    "receive: a [server, frame] pair that the client takes; events: what that tells its caller. [heartbeat, server, "
    "longest interval allowed in s or null], for SLEP too; [message, server, verb, text] is stored there; [command, "
    "server, verb, [p1, p2]] is to be carried out. A frame that is refused has no events, as has one without news.",
    "done, failed (why): the command that was to be carried out. For ENAL, DSAL, WCAM, SCAM, CONF, RST and DSLP it "
    "follows at once, so that a client may carry those out by itself.",
    "queue: [verb, text] is to be told to every server. sleep: the device declares a sleep of so many s; may_sleep: "
    "whether all is said; wake: it is over.",
    "missed: heartbeats in a row that no server answered. failover: failover alarm mode begins (the internet is found "
    "reachable) or ends (a server has answered).",
    "kept: what the memory keeps. restart: the program starts anew with this boot id and its memory; time goes on.",
)
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER_KEY = "IAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
BOOT = "9f3c5ab2d1e40876"
NEXT_BOOT = "1b7"
CAN = ("TLGS", "TLGC", "RST", "DSLP", "WCAM", "SCAM", "ENAL", "DSAL", "CONF")


class Recording:
    """One exchange while it is played. Methods give what the client says."""

    def __init__(
        self, *labels: str, key: str | None = KEY, counter: int = 0x400, commands: tuple[str, ...] = CAN
    ) -> None:
        self.device: Step = {
            "name": "cam1",
            "key": key,
            "labels": list(labels),
            "boot_id": BOOT,
            "interval": 20,
            "jitter": 0,
            "commands": list(commands),
            "kept": {"counter": counter, "commands": [], "settings": {}},
        }
        self.steps: list[Step] = []
        self._player = Player(self.device)
        self.servers = {label: SmallServer("cam1", label, KEY) for label in labels}

    def step(self, at: int, word: str, said: Any = None) -> Any:
        played = self._player.play({"at": at, word: said})
        self.steps.append(played)
        return played[word]

    def poll(self, at: int) -> list[str]:
        """The frames."""
        return [frame for _, frame in self.step(at, "poll")]

    def receive(self, at: int, server: str, frame: str) -> None:
        self.step(at, "receive", [server, frame])

    def met(self) -> None:
        """Every server has answered the first heartbeat."""
        for label, beat in zip(self.servers, self.poll(0), strict=True):
            self.receive(40, label, self.servers[label].heartbeat_ack(beat))

    def done(self, at: int) -> list[str]:
        self.step(at, "done", True)
        return self.poll(at)


EXCHANGES: list[tuple[str, tuple[str, ...], dict[str, Any], Callable[[Recording], None]]] = []


def exchange(why: str, *labels: str, **device: Any) -> Callable[[Callable[[Recording], None]], None]:
    """The function plays this exchange, of a device that knows these servers."""
    return lambda act: EXCHANGES.append((why, labels, device, act))


@exchange("first contact: the ACK says 1, the next heartbeat's echo is the proof", "A")
def first_contact(play: Recording) -> None:
    (beat,) = play.poll(0)
    play.receive(40, "A", play.servers["A"].heartbeat_ack(beat, again=True))
    (proof,) = play.poll(40)
    play.receive(80, "A", play.servers["A"].heartbeat_ack(proof))
    play.poll(19_990)
    play.poll(20_000)
    play.step(20_000, "kept")


@exchange("a server's wish for another heartbeat is met once for each regular one", "A")
def wishes_for_more(play: Recording) -> None:
    server = play.servers["A"]
    (beat,) = play.poll(0)
    (second,) = play.poll(1_000)
    play.receive(1_040, "A", server.heartbeat_ack(beat, again=True))
    play.receive(1_050, "A", server.heartbeat_ack(second, again=True))
    (another,) = play.poll(1_050)
    play.receive(1_090, "A", server.heartbeat_ack(another, again=True))
    play.poll(5_000)
    (beat,) = play.poll(20_000)
    play.receive(20_040, "A", server.heartbeat_ack(beat, again=True))
    play.poll(20_040)


@exchange("an unanswered heartbeat is repeated after 1, 2 and 4 s; any copy's ACK counts", "A")
def heartbeat_lost_and_repeated(play: Recording) -> None:
    (first,) = play.poll(0)
    for at in (990, 1_000, 2_990, 3_000):
        play.poll(at)
    play.receive(3_040, "A", play.servers["A"].heartbeat_ack(first))
    play.poll(7_000)
    for at in (20_000, 21_000, 23_000, 27_000, 39_990):
        play.poll(at)


@exchange("a server that allows less is heard from sooner, one that allows more as often as configured", "A")
def allowed_less(play: Recording) -> None:
    (beat,) = play.poll(0)
    play.receive(40, "A", play.servers["A"].heartbeat_ack(beat, interval=10))
    (beat,) = play.poll(10_000)
    play.receive(10_040, "A", play.servers["A"].heartbeat_ack(beat, interval=60))
    play.poll(20_000)
    play.poll(30_000)


@exchange("a message to two servers, one ACK lost: repeated to that one, and the first copy's ACK counts", "A", "B")
def two_servers_one_ack_lost(play: Recording) -> None:
    play.met()
    play.step(1_500, "queue", ["MOAL", "garden_gate"])
    to_a, to_b = play.poll(2_700)
    play.receive(2_740, "A", play.servers["A"].message_ack(to_a))
    play.poll(4_490)
    play.poll(4_510)
    play.receive(4_540, "B", play.servers["B"].message_ack(to_b, copies=2))
    play.poll(19_000)


@exchange("an alarm overtakes a log, whose ACK still counts", "A")
def alarm_overtakes_a_log(play: Recording) -> None:
    server = play.servers["A"]
    play.met()
    play.step(1_000, "queue", ["LOG", "all well"])
    (log,) = play.poll(1_000)
    play.step(1_200, "queue", ["MOAL", "gate, garden"])
    (alarm,) = play.poll(1_200)
    play.receive(1_240, "A", server.message_ack(log))
    play.receive(1_250, "A", server.message_ack(alarm))
    play.poll(9_000)


@exchange("a message that was sent five times is kept for the next contact", "A")
def kept_for_the_next_contact(play: Recording) -> None:
    play.met()
    play.step(1_000, "queue", ["ERR", "no card"])
    for at in (1_000, 2_810, 5_520, 9_580, 15_660, 20_000, 21_000, 23_000, 24_780):
        play.poll(at)
    (beat,) = play.poll(27_000)
    play.receive(27_040, "A", play.servers["A"].heartbeat_ack(beat))
    (again,) = play.poll(27_040)
    play.receive(27_080, "A", play.servers["A"].message_ack(again))
    play.poll(39_000)


@exchange("a pushed command, repeated while it runs and after; one that fails", "A")
def pushed_command_and_its_repetition(play: Recording) -> None:
    server = play.servers["A"]
    play.met()
    play.receive(1_000, "A", server.command("A.1f", "TLGS"))
    play.receive(1_500, "A", server.command("A.1f", "TLGS"))
    play.receive(1_600, "A", server.command("A.20", "TLGS"))
    play.poll(1_600)
    play.done(1_700)
    play.receive(2_500, "A", server.command("A.1f", "TLGS"))
    play.poll(2_500)
    (beat,) = play.poll(20_000)
    play.receive(20_040, "A", server.command("A.20", "TLGS", answers=beat))
    play.step(20_090, "failed", "no camera")
    _, error = play.poll(20_090)
    play.receive(20_130, "A", server.message_ack(error))
    play.poll(21_100)


@exchange("a command that the device cannot carry out", "A")
def not_supported(play: Recording) -> None:
    play.met()
    play.receive(1_000, "A", play.servers["A"].command("A.3", "PRCC", "token"))
    _, error = play.poll(1_000)
    play.receive(1_040, "A", play.servers["A"].message_ack(error))


@exchange("sealed parameters are opened; what cannot be opened fails", "A")
def sealed_parameters(play: Recording) -> None:
    server = play.servers["A"]
    play.met()
    play.receive(1_000, "A", server.command("A.1", "TLGC", "123456:ABC-def_0123456789", "-1001234567890"))
    play.done(1_000)
    play.receive(2_000, "A", server.says("TLGC", "in_clear", "42", "A.2"))
    play.poll(2_000)


@exchange("RST is acknowledged, and not obeyed again after the restart", "A")
def restart_that_is_remembered(play: Recording) -> None:
    server = play.servers["A"]
    play.met()
    play.receive(1_000, "A", server.command("A.7", "RST"))
    play.done(1_000)
    play.step(1_000, "kept")
    play.step(4_000, "restart", NEXT_BOOT)
    (beat,) = play.poll(4_000)
    play.receive(4_040, "A", server.command("A.7", "RST", answers=beat))
    play.poll(4_040)
    play.receive(5_000, "A", server.command("A.8", "RST"))
    play.done(5_000)
    play.step(5_000, "kept")


@exchange("SYNC after a wiped memory, for this boot id only", "A", counter=0)
def wiped_memory(play: Recording) -> None:
    server = play.servers["A"]
    play.poll(0)
    play.receive(40, "A", server.sync(0x4C1, NEXT_BOOT))
    play.poll(40)
    play.receive(60, "A", server.sync(0x4C1, BOOT))
    (beat,) = play.poll(60)
    play.receive(100, "A", server.heartbeat_ack(beat))
    play.receive(200, "A", server.sync(0x400, BOOT))
    play.poll(200)
    play.poll(20_000)
    play.step(20_000, "kept")


@exchange("unproved, unsigned, reflected, replayed, another label's, key's and name's frames are ignored", "A", "B")
def refused_frames(play: Recording) -> None:
    server, other = play.servers["A"], play.servers["B"]
    (to_a, to_b) = play.poll(0)
    play.receive(10, "A", server.command("A.1", "TLGS"))
    play.receive(20, "A", server.says("ACK", "3ff", "0"))
    play.receive(30, "A", encode("cam1", "ACK", "0", "0", "0", "26").decode())
    play.receive(30, "A", encode("cam1", "TLGS").decode())
    play.receive(40, "A", to_a)
    play.receive(50, "A", other.heartbeat_ack(to_a))
    play.receive(60, "A", SmallServer("cam1", "A", OTHER_KEY).heartbeat_ack(to_a))
    play.receive(70, "A", SmallServer("cam2", "A", KEY).heartbeat_ack(to_a))
    answer = server.heartbeat_ack(to_a)
    play.receive(80, "A", answer[:-1] + ("A" if answer[-1] != "A" else "B"))
    play.receive(90, "A", answer)
    play.receive(100, "B", other.heartbeat_ack(to_b))
    play.receive(110, "A", answer)
    play.poll(110)
    command = server.command("A.1", "TLGS")
    newer = server.command("A.2", "TLGS")
    play.receive(200, "A", newer)
    play.done(200)
    play.receive(300, "A", newer)
    play.poll(300)
    play.receive(310, "A", command)
    play.receive(320, "A", command)
    play.done(330)
    old = server.command("A.3", "TLGS")
    server.down += 63
    play.receive(400, "A", server.heartbeat_ack(to_a))
    play.receive(410, "A", old)
    play.poll(410)


@exchange("an older wanted state is acknowledged and not obeyed", "A", "B")
def versions_of_the_wanted_state(play: Recording) -> None:
    server, other = play.servers["A"], play.servers["B"]
    play.met()
    play.receive(1_000, "A", server.command("A.1", "DSAL", "5"))
    play.done(1_000)
    play.receive(2_000, "B", other.command("B.1", "ENAL", "4"))
    play.poll(2_000)
    play.receive(3_000, "A", server.command("A.2", "SCAM", "5"))
    play.done(3_000)
    play.receive(4_000, "B", other.command("B.2", "ENAL", "6"))
    play.done(4_000)
    play.receive(5_000, "A", server.command("A.3", "WCAM", "six"))
    play.poll(5_000)
    play.poll(20_000)


@exchange("CONF is kept, and told by the digest", "A")
def settings_and_their_digest(play: Recording) -> None:
    server = play.servers["A"]
    play.met()
    play.receive(1_000, "A", server.command("A.1", "CONF", "quality", "12"))
    play.done(1_000)
    play.receive(2_000, "A", server.command("A.2", "CONF", "brightness", "-2"))
    play.done(2_000)
    play.receive(3_000, "A", server.command("A.3", "CONF", "quality", "64"))
    _, error = play.poll(3_000)
    play.receive(3_040, "A", server.message_ack(error))
    play.poll(20_000)
    play.step(20_000, "kept")
    play.step(21_000, "restart", NEXT_BOOT)
    play.poll(21_000)


@exchange("a declared sleep, told to one server on its second wish and to the other in vain", "A", "B")
def declared_sleep(play: Recording) -> None:
    play.met()
    play.receive(1_000, "A", play.servers["A"].command("A.1", "DSLP"))
    play.done(1_000)
    play.step(1_100, "sleep", 1800)
    to_a, _ = play.poll(1_100)
    play.receive(1_140, "A", play.servers["A"].sleep_ack(to_a, again=True))
    (to_a,) = play.poll(1_140)
    play.receive(1_180, "A", play.servers["A"].sleep_ack(to_a))
    play.step(1_180, "may_sleep")
    for at in (2_100, 4_100, 8_090):
        play.poll(at)
    play.step(8_090, "may_sleep")
    play.poll(8_100)
    play.step(8_100, "may_sleep")
    play.poll(30_000)
    play.step(1_808_100, "wake", True)
    play.poll(1_808_100)


@exchange("a heartbeat's late answer is none to SLEP", "A")
def sleep_and_a_late_answer(play: Recording) -> None:
    server = play.servers["A"]
    play.met()
    (beat,) = play.poll(20_000)
    play.step(20_010, "sleep", 60)
    (sleep,) = play.poll(20_010)
    play.receive(20_040, "A", server.heartbeat_ack(beat))
    play.step(20_040, "may_sleep")
    (sleep,) = play.poll(21_010)
    play.receive(21_050, "A", server.sleep_ack(sleep))
    play.step(21_050, "may_sleep")


@exchange("no server answers three heartbeats in a row", "A", "B")
def no_server_answers(play: Recording) -> None:
    play.met()
    for at in (20_000, 21_000, 23_000, 27_000, 40_000, 41_000, 43_000, 47_000, 60_000, 61_000, 63_000, 67_000):
        play.poll(at)
    play.step(67_000, "missed")
    play.poll(80_000)
    play.step(80_000, "missed")
    play.step(80_000, "failover", True)
    to_a, _ = play.poll(81_000)
    play.receive(81_040, "A", play.servers["A"].heartbeat_ack(to_a))
    play.step(81_040, "missed")
    play.step(81_040, "failover", False)
    play.poll(100_000)


@exchange("LFCP/1: ACKs that name nothing, a command that fails, a sleep", "A", key=None, commands=CAN[:-1])
def without_a_key(play: Recording) -> None:
    plain = encode("cam1", "ACK").decode()
    play.poll(0)
    play.receive(40, "A", encode("cam1", "ACK", "0", "0", "0", "26").decode())
    play.poll(1_000)
    play.step(1_000, "queue", ["LOG", "hello"])
    play.poll(1_000)
    play.step(1_500, "queue", ["MOAL", "gate"])
    play.poll(2_810)
    play.poll(4_820)
    play.receive(4_860, "A", plain)
    play.poll(4_860)
    play.receive(4_900, "A", plain)
    play.poll(4_900)
    play.receive(5_000, "A", SmallServer("cam1", "A", KEY).command("A.1", "TLGS"))
    play.poll(20_000)
    play.receive(20_040, "A", encode("cam1", "TLGC", "123:abc", "42").decode())
    play.receive(20_050, "A", encode("cam1", "TLGS").decode())
    play.step(20_060, "failed", "no camera")
    play.poll(20_060)
    play.receive(20_100, "A", plain)
    play.receive(20_200, "A", encode("cam1", "DSAL").decode())
    play.done(20_200)
    play.receive(20_240, "A", plain)
    play.poll(40_000)
    play.receive(40_040, "A", encode("cam1", "DSLP").decode())
    play.done(40_040)
    play.step(40_050, "sleep", 600)
    play.poll(40_050)
    play.step(40_050, "may_sleep")


def recorded() -> str:
    """The file's text."""
    exchanges = []
    for why, labels, device, act in EXCHANGES:
        play = Recording(*labels, **device)
        act(play)
        exchanges.append({"why": why, "device": play.device, "steps": play.steps})
    return _written(exchanges)


def _written(exchanges: list[Step]) -> str:
    """JSON, a step a line."""
    parts = []
    for exchange in exchanges:
        steps = ",\n".join(f"      {json.dumps(step)}" for step in exchange["steps"])
        why, device = json.dumps(exchange["why"]), json.dumps(exchange["device"])
        parts.append(f'    {{"why": {why},\n     "device": {device},\n     "steps": [\n{steps}\n     ]}}')
    about = ",\n".join(f"    {json.dumps(line)}" for line in ABOUT)
    return f'{{\n  "about": [\n{about}\n  ],\n  "vectors": [\n' + ",\n".join(parts) + "\n  ]\n}\n"


if __name__ == "__main__":
    FILE.write_text(recorded(), encoding="ascii")
