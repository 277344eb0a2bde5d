"""Who is to be met: invitations and requests, each with its answer, whatever is lost or comes twice."""

from typing import Any

import pytest

from lfcp.authenticator import key_from_text
from lfcp.candidates import Address, Mapping
from lfcp.client import ConnectionAccepted, ConnectionRefused, Invited, SessionOver
from lfcp.client.beats import Beats
from lfcp.client.event_queue import EventQueue
from lfcp.client.heard import ConnectRequest
from lfcp.client.introductions import MAX_INVITATIONS, MAX_REQUESTS
from lfcp.client.plain import Plain
from lfcp.client.retransmission import Retransmission
from lfcp.errors import ProtocolError
from lfcp.sealing import seal
from tests.protocol.small_server import SmallServer, counter_of
from tests.protocol.test_client_signed import Play, params_of, verb_of

SESSION_KEY = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"


def invitation(server: SmallServer, session: str = "1a", **fields: str) -> str:
    field = seal(server.seal_key, server.down + 1, "cam1", "PNCH", 2, fields.get("key", SESSION_KEY))
    other, meeting = fields.get("other", "192.0.2.9:4001/e"), fields.get("meeting", "1.0.-.40.desk")
    return server.says("PNCH", session, fields.get("field", field), other, meeting)


def invited(**changed: Any) -> Invited:
    other = Address("192.0.2.9", 4001)
    said = Invited("A", 0x1A, key_from_text(SESSION_KEY), 1, other, Mapping.INDEPENDENT, 0, "-", 0.04, "desk")
    return said._replace(**changed)


def test_an_invitation_is_told_once_and_answered_as_often_as_it_comes() -> None:
    play = Play().met()
    server = play.servers["A"]
    assert play.hear(invitation(server)) == [invited()]
    assert play.hear(invitation(server)) == []
    assert play.sent(1) == []
    play.session.accept("A", 0x1A)
    (ack,) = play.sent(1)
    assert params_of(ack)[:4] == (f"{server.down:x}", "0", "0", "1a")
    assert play.hear(invitation(server)) == []
    (again,) = play.sent(1)
    assert params_of(again)[:4] == (f"{server.down:x}", "0", "0", "1a")


def test_an_invitation_is_refused_with_a_reason_each_time() -> None:
    play = Play().met()
    server = play.servers["A"]
    play.hear(invitation(server))
    play.session.refuse("A", 0x1A, "not_allowed")
    (refusal,) = play.sent(1)
    assert params_of(refusal)[1:4] == ("1", "not_allowed", "1a")
    assert play.hear(invitation(server)) == []
    (again,) = play.sent(1)
    assert params_of(again)[1:4] == ("1", "not_allowed", "1a")


def test_every_part_of_an_invitation_is_told() -> None:
    play = Play().met()
    heard = play.hear(invitation(play.servers["A"], other="[2001:db8::9]:65535/s", meeting="0.65535.b.9999.a.b-c_1"))
    other = Address("2001:db8::9", 65535)
    expected = invited(role=0, other=other, mapping=Mapping.SEQUENTIAL, port=65535, options="b", delay=9.999)
    assert heard == [expected._replace(name="a.b-c_1")]


@pytest.mark.parametrize(
    "fields",
    [
        {"session": "0"},
        {"session": "1A"},
        {"key": SESSION_KEY[:-1]},
        {"field": "x" * 79},
        {"other": "192.0.2.9:4001"},
        {"other": "192.0.2.9:4001/x"},
        {"other": "192.0.2.9:65536/e"},
        {"other": "192.0.2.256:4001/e"},
        {"other": "somewhere/e"},
        {"meeting": "2.0.-.40.desk"},
        {"meeting": "1.00.-.40.desk"},
        {"meeting": "1.65536.-.40.desk"},
        {"meeting": "1.0.B.40.desk"},
        {"meeting": "1.0..40.desk"},
        {"meeting": "1.0.-.040.desk"},
        {"meeting": "1.0.-.40."},
        {"meeting": "1.0.-.40.a..b"},
        {"meeting": "1.0.-.40"},
    ],
)
def test_an_invitation_that_is_not_of_its_form_is_none(fields: dict[str, str]) -> None:
    play = Play().met()
    assert play.hear(invitation(play.servers["A"], **fields)) == []
    assert play.session.rejected == 1


@pytest.mark.parametrize(("why", "told"), [("ended", "ended"), ("0", "0"), ("Not a code!", "0")])
def test_a_session_that_is_over_is_told_and_not_acknowledged(why: str, told: str) -> None:
    play = Play().met()
    assert play.hear(play.servers["A"].says("PNCH", "1a", "0", why)) == [SessionOver("A", 0x1A, told)]
    assert play.sent(1) == []


def test_invitations_of_two_servers_are_two_though_their_numbers_are_one() -> None:
    play = Play("AB").met()
    assert play.hear(invitation(play.servers["A"])) == [invited()]
    assert play.hear(invitation(play.servers["B"]), server="B") == [invited(server="B")]


def test_only_the_last_invitations_are_remembered() -> None:
    play = Play().met()
    for number in range(1, MAX_INVITATIONS + 2):
        assert play.hear(invitation(play.servers["A"], f"{number:x}"))
    with pytest.raises(ValueError, match="no invitation"):
        play.session.accept("A", 1)
    play.session.accept("A", 2)


def test_nobody_is_refused_without_a_word() -> None:
    play = Play().met()
    play.hear(invitation(play.servers["A"]))
    with pytest.raises(ValueError, match="reason"):
        play.session.refuse("A", 0x1A, "not, today")


def test_the_keys_of_sessions_show_nowhere() -> None:
    assert SESSION_KEY not in repr(invited())
    assert str(key_from_text(SESSION_KEY)) not in repr(invited())


def proven() -> Play:
    play = Play("AB").met()
    play.sent(0.5)
    return play


def test_a_request_is_repeated_until_it_is_answered() -> None:
    play = proven()
    request = play.session.connect("A", "cam2", 8554, "b")
    sent = {
        second: [frame for frame in play.sent(second) if verb_of(frame) == "CONN"] for second in (1, 1.5, 2.5, 4.5, 8.5)
    }
    assert all(len(frames) == 1 for frames in sent.values())
    parameters = {params_of(frame)[:4] for frames in sent.values() for frame in frames}
    assert parameters == {("cam2", "8554", "9f3c5ab2d1e40876.1", "b")}
    assert [frame for frame in play.sent(18) if verb_of(frame) == "CONN"] == []
    assert play.session.connecting(request)
    late = play.servers["A"].says("ACK", counter_of(sent[2.5][0]), "0", "0", "1b")
    assert play.hear(late) == [ConnectionAccepted("A", request, 0x1B)]
    assert not play.session.connecting(request)
    again = play.servers["A"].says("ACK", counter_of(sent[8.5][0]), "0", "0", "1b")
    assert play.hear(again) == []


def test_a_request_waits_until_its_path_is_proven() -> None:
    play = Play()
    (beat,) = play.sent(0)
    play.session.connect("A", "cam2")
    assert play.session.next_wakeup() > 0
    play.hear(play.servers["A"].heartbeat_ack(beat, again=True))
    (second,) = play.sent(0.1)
    play.hear(play.servers["A"].heartbeat_ack(second))
    (request,) = play.sent(0.2)
    assert params_of(request)[:2] == ("cam2", "0")


def test_a_request_is_refused_with_a_reason() -> None:
    play = proven()
    request = play.session.connect("A", "cam2")
    (frame,) = play.sent(1)
    refusal = play.servers["A"].says("ACK", counter_of(frame), "1", "unknown_device", "0")
    assert play.hear(refusal) == [ConnectionRefused("A", request, "unknown_device")]


def test_a_request_that_came_before_the_path_was_proven_is_sent_once_more_after_a_heartbeat() -> None:
    play = proven()
    server = play.servers["A"]
    request = play.session.connect("A", "cam2")
    (frame,) = play.sent(1)
    assert play.hear(server.says("ACK", counter_of(frame), "1", "unproven", "0")) == []
    (beat,) = play.sent(1)
    assert verb_of(beat) == "HEARTBEAT"
    play.hear(server.heartbeat_ack(beat))
    (again,) = play.sent(1)
    refusal = server.says("ACK", counter_of(again), "1", "unproven", "0")
    assert play.hear(refusal) == [ConnectionRefused("A", request, "unproven")]


def test_an_answer_without_a_session_is_none() -> None:
    play = proven()
    request = play.session.connect("A", "cam2")
    (frame,) = play.sent(1)
    assert play.hear(play.servers["A"].says("ACK", counter_of(frame), "0", "0", "0")) == []
    assert play.session.connecting(request)


def test_the_oldest_of_too_many_requests_is_given_up() -> None:
    play = proven()
    requests = [play.session.connect("A", "cam2") for _ in range(MAX_REQUESTS + 1)]
    assert [play.session.connecting(request) for request in requests] == [False] + [True] * MAX_REQUESTS


@pytest.mark.parametrize(
    ("server", "port", "options"), [("Z", 0, "-"), ("A", 65536, "-"), ("A", -1, "-"), ("A", 0, "B")]
)
def test_a_request_that_no_server_would_read_is_not_made(server: str, port: int, options: str) -> None:
    with pytest.raises(ValueError, match=r"server|port"):
        proven().session.connect(server, "cam2", port, options)


def test_a_device_that_has_no_name_is_not_asked_for() -> None:
    with pytest.raises(ProtocolError):
        proven().session.connect("A", "no,name")


def test_lfcp_1_cannot_ask() -> None:
    jitter, queue = (lambda: 0.0), EventQueue(("A",))
    link = Plain("cam1").link("A", Beats(20, 0, jitter), Retransmission("A", queue, 0, jitter))
    with pytest.raises(ValueError, match="key"):
        link.connect(ConnectRequest(1, "A", "cam2", 0, "-"))
