"""A device's side: everything reaches every server, nothing twice that can be told apart, in bounded memory."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfcp import ProtocolError, Report, Verb, decode, encode, read_report
from lfcp.client import (
    QUEUE_LIMIT,
    ClientSession,
    CommandReceived,
    HeartbeatAcknowledged,
    MessageAcknowledged,
)
from lfcp.constants import RESENDS

PLAIN_ACK = encode("cam1", "ACK")
HEARTBEAT_ACK = encode("cam1", "ACK", "0", "0", "0", "26")
HEARTBEAT = encode("cam1", "HEARTBEAT")
ACK_OF_A_COMMAND = encode("cam1", "ACK")


def device(
    servers: int = 1, interval: float = 20.0, report: Report | None = None, jitter: float = 0.5
) -> ClientSession:
    return ClientSession("cam1", tuple("ABCDEFGHI"[:servers]), interval, lambda: jitter, report=report)


def met(servers: int = 1) -> ClientSession:
    """A device whose servers have answered its first heartbeat, at 0 s."""
    session = device(servers)
    session.poll(0)
    for server in "AB"[:servers]:
        session.receive(server, HEARTBEAT_ACK, 0)
    return session


def run(session: ClientSession, until: float) -> list[tuple[float, str, bytes]]:
    """(time, server, frame) of everything sent without an answer, heartbeats left out."""
    sent = []
    now = 0.0
    while now <= until:
        sent += [(now, server, frame) for server, frame in session.poll(now) if b",HEARTBEAT," not in frame]
        now = max(now, session.next_wakeup())
    return sent


def test_the_first_poll_greets_every_server_at_once() -> None:
    session = device(servers=2)
    assert session.next_wakeup() == -math.inf
    assert session.poll(5) == [("A", HEARTBEAT), ("B", HEARTBEAT)]


def test_a_heartbeat_comes_a_little_early_but_never_late() -> None:
    for jitter, at in ((0.0, 20.0), (1.0, 18.0)):
        session = device(jitter=jitter)
        session.poll(0)
        assert session.next_wakeup() == at
        assert session.poll(at - 0.001) == []
        assert session.poll(at) == [("A", HEARTBEAT)]


def test_a_server_that_allows_less_is_heard_from_sooner() -> None:
    session = device(interval=60.0)
    session.poll(0)
    assert session.receive("A", HEARTBEAT_ACK, 1) == [HeartbeatAcknowledged("A", 26)]
    assert session.next_wakeup() == 26
    session.poll(26)
    assert session.next_wakeup() == 26 + 26 * 0.95


def test_a_server_that_allows_more_than_before_is_believed_up_to_the_devices_own_interval() -> None:
    session = device(interval=60.0)
    session.poll(0)
    session.receive("A", encode("cam1", "ACK", "0", "0", "0", "10"), 1)
    session.poll(10)
    session.receive("A", encode("cam1", "ACK", "0", "0", "0", "600"), 11)
    session.poll(20)
    assert session.next_wakeup() == 20 + 60 * 0.95


def test_an_ack_without_an_interval_changes_none() -> None:
    session = device()
    session.poll(0)
    assert session.receive("A", PLAIN_ACK, 1) == [HeartbeatAcknowledged("A", None)]
    assert session.next_wakeup() == 19


def test_an_interval_that_is_no_number_is_none() -> None:
    session = device()
    session.poll(0)
    assert session.receive("A", b"cam1,ACK,0,0,0, 9,0,0", 1) == [HeartbeatAcknowledged("A", None)]


def test_a_report_goes_with_every_heartbeat() -> None:
    session = device(report=Report(boot_id="9f3c", detector=True))
    (_, first), *_ = session.poll(0)
    assert read_report(decode(first)) == Report(20, "9f3c", True, False, 0)
    session.report = Report(boot_id="9f3c", detector=False, camera=True)
    (_, second), *_ = session.poll(20)
    assert second == b"cam1,HEARTBEAT,2,20,9f3c.0,c.-.0,0,0"


def test_a_message_goes_to_every_server_at_once() -> None:
    session = met(servers=2)
    assert session.queue(Verb.MOAL, "gate, garden", 0)
    assert session.next_wakeup() <= 1
    frame = b"cam1,MOAL,gate; garden,0,0,0,0,0"
    assert session.poll(1) == [("A", frame), ("B", frame)]


def test_a_message_is_resent_to_each_server_until_that_one_acknowledges() -> None:
    session = met(servers=2)
    session.queue(Verb.LOG, "hello", 0)
    session.poll(0)
    assert session.receive("B", PLAIN_ACK, 0.5) == [MessageAcknowledged("B", Verb.LOG, "hello")]
    assert [(now, server) for now, server, _ in run(session, 200)] == [(2, "A"), (5, "A"), (9.5, "A"), (16.25, "A")]


def test_waits_are_spread_by_a_tenth_either_way() -> None:
    for jitter, at in ((0.0, 1.8), (1.0, 2.2)):
        session = device(jitter=jitter)
        session.queue(Verb.LOG, "hello", 0)
        session.poll(0)
        assert session.next_wakeup() == pytest.approx(at)


def test_a_message_that_was_sent_often_enough_is_kept_for_the_next_contact() -> None:
    session = met()
    session.queue(Verb.MOAL, "gate", 0)
    assert len(run(session, 1000)) == 1 + RESENDS
    session.receive("A", HEARTBEAT_ACK, 1001)
    assert session.next_wakeup() <= 1001
    assert session.poll(1001)[0] == ("A", encode("cam1", "MOAL", "gate"))
    assert session.receive("A", PLAIN_ACK, 1001.1) == [MessageAcknowledged("A", Verb.MOAL, "gate")]


def test_an_alarm_is_tried_although_an_older_message_was_given_up() -> None:
    session = met()
    session.queue(Verb.LOG, "hello", 0)
    run(session, 1000)
    session.queue(Verb.MOAL, "gate", 0)
    assert ("A", encode("cam1", "MOAL", "gate")) in session.poll(1000)


def test_an_alarm_takes_the_place_of_a_log_whose_ack_can_no_longer_come() -> None:
    session = met()
    session.queue(Verb.LOG, "hello", 0)
    session.poll(0)
    session.poll(2)
    session.queue(Verb.MOAL, "gate", 0)
    assert session.poll(3) == []
    assert session.next_wakeup() == 4
    assert session.poll(4) == [("A", encode("cam1", "MOAL", "gate"))]
    session.receive("A", PLAIN_ACK, 4.1)
    assert session.poll(4.1) == [("A", encode("cam1", "LOG", "hello"))]


def test_alarms_go_before_errors_and_errors_before_logs() -> None:
    session = met()
    for verb in (Verb.LOG, Verb.ERR, Verb.MOAL):
        session.queue(verb, "x", 0)
    told = []
    for now in (1, 2, 3):
        session.poll(now)
        told += [event.verb for event in session.receive("A", PLAIN_ACK, now) if isinstance(event, MessageAcknowledged)]
    assert told == [Verb.MOAL, Verb.ERR, Verb.LOG]


def test_one_message_is_in_flight_at_a_time() -> None:
    session = met()
    session.queue(Verb.LOG, "one", 0)
    session.queue(Verb.LOG, "two", 0)
    assert session.poll(1) == [("A", encode("cam1", "LOG", "one"))]
    assert session.receive("A", PLAIN_ACK, 1.1) == [MessageAcknowledged("A", Verb.LOG, "one")]
    assert session.poll(1.1) == [("A", encode("cam1", "LOG", "two"))]


def test_the_late_ack_of_a_repeated_message_is_not_taken_for_the_next_ones() -> None:
    session = met()
    session.queue(Verb.LOG, "one", 0)
    session.queue(Verb.LOG, "two", 0)
    session.poll(0)
    session.poll(2)
    assert session.receive("A", PLAIN_ACK, 2.1) == [MessageAcknowledged("A", Verb.LOG, "one")]
    assert session.poll(2.2) == []
    assert session.receive("A", PLAIN_ACK, 2.3) == []
    assert session.next_wakeup() == pytest.approx(4.1)
    assert session.poll(4.1) == [("A", encode("cam1", "LOG", "two"))]


def test_an_ack_with_an_interval_never_acknowledges_a_message() -> None:
    session = device()
    session.queue(Verb.MOAL, "gate", 0)
    session.poll(0)
    assert session.receive("A", HEARTBEAT_ACK, 0.1) == [HeartbeatAcknowledged("A", 26)]
    assert session.receive("A", PLAIN_ACK, 0.2) == [MessageAcknowledged("A", Verb.MOAL, "gate")]


def test_in_doubt_an_ack_is_the_heartbeats_so_that_no_message_is_lost() -> None:
    session = device()
    session.queue(Verb.MOAL, "gate", 0)
    session.poll(0)
    assert session.receive("A", PLAIN_ACK, 0.1) == [HeartbeatAcknowledged("A", None)]
    assert session.poll(2) == [("A", encode("cam1", "MOAL", "gate"))]
    assert session.receive("A", PLAIN_ACK, 2.1) == [MessageAcknowledged("A", Verb.MOAL, "gate")]


def test_a_heartbeat_whose_answer_was_lost_does_not_take_the_acks_of_messages_for_ever() -> None:
    session = device()
    session.poll(0)
    session.queue(Verb.MOAL, "gate", 0)
    session.poll(5)
    assert session.receive("A", PLAIN_ACK, 5.1) == [MessageAcknowledged("A", Verb.MOAL, "gate")]


def test_a_command_is_acknowledged_once_when_it_is_done() -> None:
    session = met(servers=2)
    frame = encode("cam1", "TLGC", "123:abc", "42")
    assert session.receive("B", frame, 1) == [CommandReceived("B", "TLGC", ("123:abc", "42", "0", "0", "0", "0"))]
    assert session.poll(1) == []
    session.command_done()
    assert session.next_wakeup() == -math.inf
    assert session.poll(2) == [("B", ACK_OF_A_COMMAND)]
    assert session.poll(2) == []


def test_a_command_that_failed_is_acknowledged_then_reported() -> None:
    session = met(servers=2)
    session.receive("B", encode("cam1", "TLGS"), 1)
    assert session.command_failed("no camera", 1)
    failure = encode("cam1", "ERR", "no camera")
    assert session.poll(2) == [("B", ACK_OF_A_COMMAND), ("A", failure), ("B", failure)]


def test_a_command_that_is_repeated_while_it_runs_runs_once() -> None:
    session = met(servers=2)
    session.receive("B", encode("cam1", "TLGS"), 1)
    assert session.receive("B", encode("cam1", "TLGS"), 2) == []
    assert session.receive("A", encode("cam1", "RST"), 2) == []
    session.command_done()
    assert session.receive("A", encode("cam1", "RST"), 3) == [CommandReceived("A", "RST", ("0",) * 6)]


def test_a_command_answers_a_heartbeat_so_that_the_next_ack_is_the_messages() -> None:
    session = device()
    session.queue(Verb.LOG, "hello", 0)
    session.poll(0)
    session.receive("A", encode("cam1", "TLGS"), 0.1)
    assert session.receive("A", PLAIN_ACK, 0.2) == [MessageAcknowledged("A", Verb.LOG, "hello")]


def test_nothing_is_acknowledged_when_no_command_runs() -> None:
    with pytest.raises(ValueError, match="no command"):
        met().command_done()


def test_frames_that_are_not_for_this_device_are_counted_and_ignored() -> None:
    session = met()
    for frame in (b"", b"garbage", encode("cam2", "RST"), encode("cam1", "HEARTBEAT"), b"cam1,HELO,0,0,0,0,0,0"):
        assert session.receive("A", frame, 1) == []
    assert session.rejected == 5


def test_a_full_queue_first_gives_up_what_some_server_has() -> None:
    session = met(servers=2)
    for number in range(QUEUE_LIMIT):
        assert session.queue(Verb.MOAL, f"gate {number}", 0)
    session.poll(1)
    session.receive("A", PLAIN_ACK, 1)
    assert session.queue(Verb.LOG, "hello", 0)
    assert not session.queue(Verb.LOG, "no more", 0)
    assert session.displaced == 1


def test_a_full_queue_then_gives_up_the_oldest_of_what_matters_less() -> None:
    session = met()
    for number in range(QUEUE_LIMIT):
        assert session.queue(Verb.LOG, f"hello {number}", 0)
    session.poll(1)
    assert session.queue(Verb.MOAL, "gate", 0)
    assert session.displaced == 1
    assert not session.queue(Verb.LOG, "no more", 0)


def test_a_displaced_message_that_was_in_flight_gives_up_its_place() -> None:
    session = met()
    for number in range(QUEUE_LIMIT):
        session.queue(Verb.LOG, f"hello {number}", 0)
    session.poll(1)
    session.queue(Verb.MOAL, "gate", 0)
    assert session.poll(3) == [("A", encode("cam1", "MOAL", "gate"))]


def test_the_ack_of_a_displaced_message_still_counts() -> None:
    session = met()
    for number in range(QUEUE_LIMIT):
        session.queue(Verb.LOG, f"hello {number}", 0)
    session.poll(1)
    session.queue(Verb.MOAL, "gate", 0)
    assert session.receive("A", PLAIN_ACK, 1.1) == [MessageAcknowledged("A", Verb.LOG, "hello 0")]


def test_a_displaced_message_is_not_sent_again_when_nothing_else_waits() -> None:
    session = met(servers=2)
    for number in range(QUEUE_LIMIT):
        session.queue(Verb.LOG, f"hello {number}", 0)
    session.poll(1)
    for number in range(QUEUE_LIMIT):
        session.receive("A", PLAIN_ACK, 1)
        session.poll(1)
        session.queue(Verb.MOAL, f"gate {number}", 0)
    assert all(b",LOG," not in frame for _, frame in session.poll(4))


@pytest.mark.parametrize(("servers", "interval"), [(0, 20.0), (9, 20.0), (1, 0.5), (1, 86_401.0), (1, math.nan)])
def test_numbers_that_make_no_sense_are_refused(servers: int, interval: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        device(servers, interval)


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(ProtocolError):
        ClientSession("*", ("A",), 20.0, lambda: 0.5)


def test_only_messages_are_queued() -> None:
    with pytest.raises(ValueError, match="no message"):
        device().queue(Verb.HEARTBEAT, "x", 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([Verb.MOAL, Verb.LOG, Verb.ERR]), min_size=1, max_size=8),
    st.lists(st.booleans(), max_size=300),
    st.booleans(),
)
def test_through_losses_every_message_reaches_every_server(
    verbs: list[Verb], losses: list[bool], states_interval: bool
) -> None:
    """Servers that answer as LFCP/1 says, behind a link that loses frames both ways for as long as `losses` goes on."""
    session = device(servers=2)
    stored: dict[str, set[str]] = {"A": set(), "B": set()}
    fate = iter(losses)
    for number, verb in enumerate(verbs):
        session.queue(verb, f"text {number}", 0)
    now = 0.0
    while now < 4000:
        for server, data in session.poll(now):
            if next(fate, False):
                continue
            message = decode(data)
            if message.verb == Verb.HEARTBEAT:
                answer = HEARTBEAT_ACK if states_interval else PLAIN_ACK
            else:
                stored[server].add(message.text)
                answer = PLAIN_ACK
            if not next(fate, False):
                for event in session.receive(server, answer, now + 0.01):
                    if isinstance(event, MessageAcknowledged):
                        assert event.text in stored[event.server]
        now = max(now + 0.01, session.next_wakeup())
    wanted = {f"text {number}" for number in range(len(verbs))}
    assert stored == {"A": wanted, "B": wanted}
