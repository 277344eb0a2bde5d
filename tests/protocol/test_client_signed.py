"""A device with a key, beyond what the exchanges of protocol/vectors show: limits, failing memory, lost frames."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfcp import Report, Verb, decode, encode_signed, read_report
from lfcp.authenticator import Purpose, Way, derive, key_from_text, tag_of, verified
from lfcp.client import (
    HIGHEST_COUNTER,
    QUEUE_LIMIT,
    ClientSession,
    CommandReceived,
    HeartbeatAcknowledged,
    Kept,
    MessageAcknowledged,
    VolatileMemory,
)
from lfcp.constants import COMMAND_MEMORY, COUNTER_BLOCK, HEARTBEAT_AGAINS, SEND_MAX_FIELD, SIGNED_MAX_FRAME
from lfcp.signed_fields import read_event
from tests.conftest import PROVE
from tests.protocol.small_server import SmallServer, counter_of

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
BOOT = "9f3c5ab2d1e40876"
START = 0x400


class FullDisk(VolatileMemory):
    """full: nothing can be written."""

    full = False

    def save(self, kept: Kept) -> None:
        if self.full:
            raise OSError("no space left")
        super().save(kept)


class Play:
    """A device, its servers, and a clock that does not move by itself."""

    def __init__(self, labels: str = "A", counter: int = START, name: str = "cam1") -> None:
        self.memory = FullDisk(Kept(counter))
        self.name = name
        self.labels = labels
        self.servers = {label: SmallServer(name, label, KEY) for label in labels}
        self.start()

    def start(self, boot_id: str = BOOT) -> None:
        report = Report(boot_id=boot_id, detector=True, camera=True)
        self.session = ClientSession(
            self.name,
            tuple(self.labels),
            20,
            lambda: 0.5,
            report=report,
            key=key_from_text(KEY),
            memory=self.memory,
        )

    def sent(self, now: float = 0) -> list[str]:
        return [frame.decode() for _, frame in self.session.poll(now)]

    def hear(self, frame: str, now: float = 0, server: str = "A") -> list[object]:
        return [*self.session.receive(server, frame.encode(), now)]

    def met(self) -> "Play":
        for label, beat in zip(self.labels, self.sent(), strict=True):
            self.hear(self.servers[label].heartbeat_ack(beat), server=label)
        return self


def verb_of(frame: str) -> str:
    return frame.split(",")[1]


def params_of(frame: str) -> tuple[str, ...]:
    return decode(frame.encode()).params


def test_every_frame_carries_the_right_tag_and_a_counter_of_its_own() -> None:
    play = Play("AB").met()
    play.session.queue(Verb.MOAL, "gate", 0)
    play.hear(play.servers["B"].command("B.1", "TLGS"), server="B")
    play.session.command_done()
    counters = []
    for server, frame in play.session.poll(1):
        assert verified(derive(key_from_text(KEY), Purpose.TAG, Way.UP, server), frame)
        counters.append(int(counter_of(frame.decode()), 16))
    assert counters == [START + 3, START + 4, START + 5]


def test_counters_are_reserved_before_they_are_used() -> None:
    play = Play()
    used = 0
    for second in range(2 * COUNTER_BLOCK):
        for frame in play.sent(second * 30):
            used = int(counter_of(frame), 16)
            assert used <= play.memory.load().counter
    assert used > START + COUNTER_BLOCK


def test_a_restart_uses_no_counter_again() -> None:
    play = Play()
    before = [int(counter_of(frame), 16) for second in range(5) for frame in play.sent(second)]
    play.start()
    (after,) = play.sent(10)
    assert int(counter_of(after), 16) > max(before)


def test_without_a_counter_nothing_is_sent_and_later_everything() -> None:
    play = Play()
    play.session.queue(Verb.MOAL, "gate", 0)
    play.memory.full = True
    with pytest.raises(OSError, match="no space"):
        play.sent(0)
    play.memory.full = False
    assert {verb_of(frame) for second in range(10) for frame in play.sent(second)} == {"MOAL", "HEARTBEAT"}


def test_a_restart_that_cannot_be_remembered_fails() -> None:
    play = Play().met()
    assert play.hear(play.servers["A"].command("A.1", "RST")) == [CommandReceived("A", "RST", ("0",) * 6)]
    play.memory.full = True
    with pytest.raises(OSError, match="no space"):
        play.session.command_done()
    assert play.session.command_failed("RST cannot be remembered", 0)
    acknowledgement, error = play.sent(0)
    assert params_of(acknowledgement)[1] == "1"
    assert params_of(error)[0] == "RST cannot be remembered"
    assert play.memory.load().commands == ()


def test_a_setting_that_cannot_be_kept_fails() -> None:
    play = Play().met()
    play.hear(play.servers["A"].command("A.1", "CONF", "quality", "12"))
    play.memory.full = True
    with pytest.raises(OSError, match="no space"):
        play.session.command_done()
    assert play.session.command_failed("no space left", 0)
    assert play.session.settings == {}


def test_settings_are_known_after_a_restart() -> None:
    play = Play().met()
    play.hear(play.servers["A"].command("A.1", "CONF", "quality", "12"))
    play.session.command_done()
    play.start()
    assert play.session.settings == {"quality": 12}


def test_as_many_commands_are_remembered_as_promised_and_no_more() -> None:
    play = Play().met()
    server = play.servers["A"]
    for number in range(1, COMMAND_MEMORY + 2):
        assert play.hear(server.command(f"A.{number:x}", "RST"))
        play.session.command_done()
    assert len(play.memory.load().commands) == COMMAND_MEMORY
    assert play.hear(server.command("A.2", "RST")) == []
    assert play.hear(server.command("A.1", "RST")) != []


def test_a_failed_command_is_remembered_as_failed() -> None:
    play = Play().met()
    server = play.servers["A"]
    play.hear(server.command("A.1", "TLGS"))
    play.session.command_failed("no camera", 0)
    play.sent()
    assert play.hear(server.command("A.1", "TLGS")) == []
    (again,) = play.sent()
    assert params_of(again)[1] == "1"


def test_a_command_of_one_server_that_the_other_repeats_is_carried_out_once() -> None:
    play = Play("AB").met()
    play.hear(play.servers["A"].command("A.1", "TLGS"))
    play.session.command_done()
    play.sent()
    assert play.hear(play.servers["B"].command("A.1", "TLGS"), server="B") == []
    ((server, again),) = play.session.poll(0)
    assert (server, params_of(again.decode())[3]) == ("B", "A.1")


def test_acks_of_commands_are_sent_by_server() -> None:
    play = Play("AB").met()
    for server, command_id in (("B", "B.1"), ("A", "A.1"), ("B", "B.2")):
        play.hear(play.servers[server].command(command_id, "TLGS"), server=server)
        play.session.command_done()
    assert play.session.next_wakeup() == -math.inf
    sent = [(server, params_of(frame.decode())[3]) for server, frame in play.session.poll(0)]
    assert sent == [("A", "A.1"), ("B", "B.1"), ("B", "B.2")]


@pytest.mark.parametrize("command_id", ["0", "A.", "a.1", "A.0"])
def test_a_command_without_an_id_is_none(command_id: str) -> None:
    play = Play().met()
    assert play.hear(play.servers["A"].says("TLGS", "0", "0", command_id)) == []
    assert play.session.rejected == 1
    assert play.sent() == []


def test_a_version_of_none_is_obeyed_and_changes_none() -> None:
    play = Play().met()
    server = play.servers["A"]
    for number, (verb, version) in enumerate((("DSAL", "3"), ("ENAL", "0")), 1):
        assert play.hear(server.command(f"A.{number}", verb, version))
        play.session.command_done()
    report = read_report(decode(play.sent(20)[-1].encode()))
    assert report is not None
    assert (report.detector, report.wanted_version) == (True, 3)


def test_a_switch_that_failed_is_not_reported() -> None:
    play = Play().met()
    play.hear(play.servers["A"].command("A.1", "SCAM", "3"))
    play.session.command_failed("stuck", 0)
    report = read_report(decode(play.sent(20)[-1].encode()))
    assert report is not None
    assert (report.camera, report.wanted_version) == (True, 0)


@pytest.mark.parametrize("verb", ["HEARTBEAT", "MOAL", "SLEP"])
def test_what_only_devices_say_is_refused_from_a_server(verb: str) -> None:
    play = Play().met()
    assert play.hear(play.servers["A"].says(verb)) == []
    assert play.session.rejected == 1


@pytest.mark.parametrize("highest", ["0", "ghi"])
def test_a_sync_without_a_counter_raises_nothing(highest: str) -> None:
    play = Play().met()
    assert play.hear(play.servers["A"].says("SYNC", highest, BOOT)) == []
    assert play.session.rejected == 1


def test_a_sync_for_another_boot_is_refused_when_the_window_is_open_too() -> None:
    play = Play().met()
    play.hear(play.servers["A"].sync(0x5000, "1b7"))
    assert play.session.rejected == 1
    assert int(counter_of(play.sent(20)[0]), 16) < 0x5000


def test_a_sync_that_leaves_no_counters_is_not_obeyed() -> None:
    play = Play().met()
    play.hear(play.servers["A"].sync(HIGHEST_COUNTER - COUNTER_BLOCK + 1, BOOT))
    assert play.sent() == []
    assert counter_of(play.sent(20)[0]) == f"{START + 2:x}"


def test_after_a_sync_an_answer_to_what_an_earlier_life_may_have_sent_proves_nothing() -> None:
    play = Play("AB", counter=0)
    _, to_b = play.sent()
    play.hear(play.servers["A"].sync(0x4C1, BOOT))
    assert play.hear(play.servers["B"].heartbeat_ack(to_b), server="B") == []
    assert play.session.rejected == 1


def test_the_ack_of_a_message_that_was_stored_before_is_no_news() -> None:
    play = Play().met()
    play.session.queue(Verb.LOG, "hello", 0)
    first, second = play.sent(0) + play.sent(2)
    assert play.hear(play.servers["A"].message_ack(second), 3) == [MessageAcknowledged("A", "LOG", "hello")]
    assert play.hear(play.servers["A"].message_ack(first), 3) == []
    assert play.sent(3) == []


def test_the_next_message_needs_no_pause_after_one_that_was_repeated() -> None:
    play = Play().met()
    play.session.queue(Verb.LOG, "one", 0)
    play.session.queue(Verb.LOG, "two", 0)
    play.sent(0)
    (again,) = play.sent(2)
    play.hear(play.servers["A"].message_ack(again), 2.1)
    assert [params_of(frame)[0] for frame in play.sent(2.1)] == ["two"]


def test_messages_are_numbered_within_a_start() -> None:
    play = Play().met()
    for text in ("one", "two"):
        play.session.queue(Verb.LOG, text, 0)
        (frame,) = play.sent()
        play.hear(play.servers["A"].message_ack(frame))
        event = read_event(params_of(frame)[2])
        assert event is not None
        assert (event.boot_id, event.number) == (BOOT, {"one": 1, "two": 2}[text])


def test_a_message_that_found_no_room_has_no_number() -> None:
    play = Play().met()
    for _ in range(QUEUE_LIMIT):
        play.session.queue(Verb.LOG, "hello", 0)
    assert not play.session.queue(Verb.LOG, "no room", 0)
    assert play.session.queue(Verb.MOAL, "gate", 0)
    (frame,) = play.sent()
    assert params_of(frame)[2] == f"{BOOT}.{QUEUE_LIMIT + 1:x}"


def test_an_age_has_a_limit() -> None:
    play = Play()
    play.session.queue(Verb.LOG, "hello", 0)
    assert params_of(play.sent(1e9)[0])[1] == "9999999"


def test_a_late_answer_of_old_times_is_understood_and_means_nothing() -> None:
    play = Play().met()
    first = play.sent(20)[0]
    for second in range(21, 2000):
        play.sent(second)
    assert play.hear(play.servers["A"].heartbeat_ack(first, again=True), 2000) == []
    assert play.session.rejected == 0


def test_a_sleep_that_is_over_before_anybody_knew_of_it_was_none() -> None:
    play = Play().met()
    play.session.declare_sleep(60)
    play.session.wake()
    assert [verb_of(frame) for frame in play.sent(1)] == ["HEARTBEAT"]
    assert not play.session.may_sleep


def test_a_sleep_is_told_as_often_as_a_heartbeat() -> None:
    play = Play().met()
    play.session.declare_sleep(60)
    frames = [frame for second in range(60) for frame in play.sent(second)]
    assert [verb_of(frame) for frame in frames] == ["SLEP"] * (1 + HEARTBEAT_AGAINS)
    assert play.session.may_sleep


def test_a_server_that_allows_less_meanwhile_does_not_disturb_the_sleep() -> None:
    play = Play().met()
    (beat,) = play.sent(20)
    play.session.declare_sleep(60)
    (sleep,) = play.sent(20)
    assert play.hear(play.servers["A"].heartbeat_ack(beat, interval=5), 21) == [HeartbeatAcknowledged("A", 5)]
    play.hear(play.servers["A"].sleep_ack(sleep), 21)
    assert play.session.may_sleep


@pytest.mark.parametrize("seconds", [0, 86_401])
def test_a_sleep_has_limits(seconds: int) -> None:
    with pytest.raises(ValueError, match="sleep must be"):
        Play().session.declare_sleep(seconds)


@pytest.mark.parametrize("parts", [{"report": None}, {"report": Report()}, {"memory": None}, {"key": b"short"}])
def test_a_key_needs_32_bytes_a_boot_id_and_a_memory(parts: dict[str, object]) -> None:
    given_parts = {"report": Report(boot_id=BOOT), "memory": VolatileMemory(), "key": key_from_text(KEY), **parts}
    with pytest.raises(ValueError, match="a key"):
        ClientSession("cam1", ("A",), 20, lambda: 0.5, **given_parts)  # type: ignore[arg-type]


def test_labels_are_letters() -> None:
    with pytest.raises(ValueError, match="label"):
        Play("a")


def test_the_longest_frames_fit() -> None:
    play = Play("AB", counter=HIGHEST_COUNTER - 2 * COUNTER_BLOCK, name="n" * 32).met()
    play.session.queue(Verb.MOAL, "x" * 100, 0)
    assert all(len(frame) <= SIGNED_MAX_FRAME for frame in play.sent(0))
    assert len(params_of(play.sent(2)[0])[0]) == SEND_MAX_FIELD


def test_no_secret_shows_anywhere() -> None:
    play = Play().met()
    (event,) = play.hear(play.servers["A"].command("A.1", "TLGC", "s3cret", "42"))
    assert isinstance(event, CommandReceived)
    assert event.params[0] == "s3cret"
    link = play.session._peers["A"].link
    running = play.session._commands._running
    shown = "".join(map(repr, (play.session, link, event, running, play.memory.load())))
    for secret in (KEY, repr(key_from_text(KEY)), "s3cret"):
        assert secret not in shown
    assert shown.count("TLGC") == 2


@given(data=st.binary(max_size=200))
def test_no_bytes_harm_a_session(data: bytes) -> None:
    play = Play().met()
    assert play.session.receive("A", data, 0) == []


@given(
    verb=st.sampled_from(["ACK", "SYNC", "TLGS", "TLGC", "PRCC", "CONF", "ENAL", "RST"]),
    params=st.lists(st.text("0123456789abcdefA.-", min_size=1, max_size=16), max_size=4),
)
def test_no_parameters_harm_a_session(verb: str, params: list[str]) -> None:
    """A tag that is right does not make a sender right."""
    play = Play().met()
    server = play.servers["A"]
    tag_key = derive(key_from_text(KEY), Purpose.TAG, Way.DOWN, "A")
    message = ",".join(["cam1", verb, *params, *["0"] * (4 - len(params)), f"{server.down + 1:x},"]).encode()
    play.session.receive("A", message + tag_of(tag_key, message), 0)
    assert all(decode(frame).signature for _, frame in play.session.poll(1))


@settings(max_examples=200 if PROVE else 60, deadline=None)
@given(
    st.lists(st.sampled_from([Verb.MOAL, Verb.LOG, Verb.ERR]), min_size=1, max_size=8),
    st.lists(st.sampled_from(["fine", "lost", "twice", "late"]), max_size=300),
)
def test_through_losses_doubles_and_delays_every_message_is_acknowledged_once_stored(
    verbs: list[Verb], fates: list[str]
) -> None:
    """Servers that answer as LFCP/2 says, behind a link that loses, doubles and delays frames both ways."""
    play = Play("AB")
    stored: dict[str, set[str]] = {"A": set(), "B": set()}
    acknowledged: dict[str, list[str]] = {"A": [], "B": []}
    fate = iter(fates)
    on_the_way: list[tuple[float, str, str]] = []

    def deliver(label: str, answer: str, now: float) -> None:
        for event in play.session.receive(label, answer.encode(), now):
            if isinstance(event, MessageAcknowledged):
                assert event.text in stored[label]
                acknowledged[label].append(event.text)

    for number, verb in enumerate(verbs):
        play.session.queue(verb, f"text {number}", 0)
    now = 0.0
    while now < 4000:
        for label, data in play.session.poll(now):
            what = next(fate, "fine")
            if what == "lost":
                continue
            frame = data.decode()
            if verb_of(frame) == Verb.HEARTBEAT:
                answer = play.servers[label].heartbeat_ack(frame)
            else:
                stored[label].add(params_of(frame)[0])
                answer = play.servers[label].message_ack(frame)
            copies = {"fine": [0.01], "twice": [0.01, 0.5], "late": [30.0]}[what]
            on_the_way += [(now + delay, label, answer) for delay in copies]
        now = max(now + 0.01, min([play.session.next_wakeup(), *(due for due, _, _ in on_the_way)]))
        for arrival in sorted(each for each in on_the_way if each[0] <= now):
            on_the_way.remove(arrival)
            deliver(arrival[1], arrival[2], now)
    wanted = [f"text {number}" for number in range(len(verbs))]
    assert {label: sorted(texts) for label, texts in acknowledged.items()} == {"A": wanted, "B": wanted}


def test_a_frame_that_was_signed_for_another_label_is_none() -> None:
    play = Play("AB").met()
    other = encode_signed(
        derive(key_from_text(KEY), Purpose.TAG, Way.DOWN, "B"),
        play.servers["A"].down + 1,
        "cam1",
        "TLGS",
        "0",
        "0",
        "B.1",
    )
    assert play.session.receive("A", other, 0) == []


def test_what_somebody_wanted_directly_is_kept_and_reported() -> None:
    play = Play().met()
    assert play.session.why_not("CONF", ("quality", "12", "0", "0", "0", "0")) is None
    play.session.obeyed("CONF", ("quality", "12", "0", "0", "0", "0"))
    play.session.obeyed("SCAM", ("0",) * 6)
    assert play.memory.load().settings == {"quality": 12}
    report = play.session.report
    assert report is not None
    assert (report.camera, report.detector) == (False, True)


@pytest.mark.parametrize(
    ("verb", "params", "why"),
    [("CONF", ("quality", "99"), "bad parameter"), ("SNAP", ("0", "0"), "bad parameter"), ("ACK", (), "not supported")],
)
def test_what_cannot_be_done_is_none_that_somebody_wants_directly(verb: str, params: tuple[str, ...], why: str) -> None:
    assert why in str(Play().session.why_not(verb, (*params, *("0",) * (6 - len(params)))))


def test_a_device_without_a_report_obeys_all_the_same() -> None:
    session = ClientSession("cam1", ("A",), 20, lambda: 0.5)
    session.obeyed("SCAM", ("0",) * 6)
    assert session.report is None
