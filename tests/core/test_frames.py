"""What a device sends, and what it gets back."""

from alarmd.core.effects import CacheHeartbeat, CloseConnection, EvictHeartbeat, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import BacklogDrained, BacklogFilled, HeartbeatsRepeated
from alarmd.core.records import Dialect, Presence
from alarmd.core.requests import CommandRequested, DeviceChanged
from tests.playbook import Playbook, frame, heartbeat

ACK = b"cam1,ACK,0,0,0,0,0,0"
HEARTBEAT_ACK = b"cam1,ACK,0,0,0,26,0,0"


def test_an_alarm_is_stored_before_it_is_acknowledged() -> None:
    play = Playbook() << frame("cam1,MOAL,garden_gate,0,0,0,0,0")
    assert play.sent == [ACK]
    assert [send.promises for send in play.made(SendFrame)] == [True]
    assert EventKind.MOTION in play.kinds
    assert [alarm.text for alarm in play.alarms] == ["garden_gate"]


def test_a_heartbeat_is_answered_with_the_interval_allowed_and_waits_for_no_commit() -> None:
    play = Playbook() << heartbeat()
    assert play.sent == [HEARTBEAT_ACK]
    assert [send.promises for send in play.made(SendFrame)] == [False]


def test_a_log_and_an_error_are_stored_and_acknowledged() -> None:
    play = Playbook()
    for verb, kind in (("LOG", EventKind.LOG), ("ERR", EventKind.ERROR)):
        play << frame(f"cam1,{verb},hello,0,0,0,0,0")
        assert play.sent == [ACK]
        assert (play.kinds[-1], play.events[-1].text) == (kind, "hello")


def test_an_ack_is_never_answered() -> None:
    play = Playbook() << heartbeat()
    play << frame("cam1,ACK,0,0,0,0,0,0")
    assert play.sent == []


def test_garbage_is_counted_and_gets_no_reply() -> None:
    play = Playbook()
    for payload, reason in (
        (b"", "empty"),
        (b"x" * 65507, "too_long"),
        (b"../etc,HEARTBEAT,0,0,0,0,0,0", "bad_name"),
        (b"*,ENAL,0,0,0,0,0,0", "bad_name"),
        (b"@gate,ENAL,0,0,0,0,0,0", "bad_name"),
        (b"\x1b[2J,LOG,x,0,0,0,0,0", "bad_name"),
    ):
        play << frame(payload)
        assert (play.rejected, play.sent) == ([reason], [])
        assert len(play.effects) == 1


def test_garbage_over_tcp_ends_the_connection() -> None:
    play = Playbook() << frame("GET / HTTP/1.1", transport="tcp")
    assert len(play.made(CloseConnection)) == 1


def test_a_command_that_comes_from_a_device_is_refused() -> None:
    play = Playbook() << heartbeat()
    play << frame("cam1,TLGS,0,0,0,0,0,0")
    assert play.rejected == ["wrong_direction"]


def test_a_beacon_from_a_known_device_is_a_sign_of_life_without_an_answer() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play.later(30)
    assert play.engine.state.sessions["cam1"].presence is Presence.LATE
    play << frame("cam1")
    assert play.engine.state.sessions["cam1"].presence is Presence.ONLINE
    assert play.sent == []


def test_a_beacon_from_nobody_we_know_introduces_nobody() -> None:
    play = Playbook() << frame("cam9")
    assert play.rejected == ["beacon"]
    play << frame("cam9,ACK,0,0,0,0,0,0")
    assert play.rejected == ["unknown_device"]


def test_a_device_by_the_book_may_not_deviate_from_it() -> None:
    play = Playbook().adopt("cam1") << DeviceChanged("op", "cam1", dialect=Dialect.LFCP1)
    play << frame("cam1,LOG,hello")
    assert play.rejected == ["not_by_the_book"]
    play << frame("cam1,LOG,CAMERA_MOTION_DETECTED,0,0,0,0,0")
    assert play.kinds == [EventKind.LOG]


def test_a_plain_heartbeat_is_cached_once_the_device_is_supervised() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    (cached,) = play.made(CacheHeartbeat)
    assert (cached.payload, cached.reply) == (heartbeat().payload, HEARTBEAT_ACK)


def test_heartbeats_answered_from_the_cache_keep_a_device_online() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    for _ in range(10):
        play.later(20)
        play << HeartbeatsRepeated([play.engine.state.sessions["cam1"]])
    assert play.engine.state.sessions["cam1"].presence is Presence.ONLINE
    assert play.count(EventKind.CONTACT_LOST) == 0


def test_a_command_takes_the_heartbeat_out_of_the_cache() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    play << CommandRequested("op", "cam1", "TLGS")
    assert len(play.made(EvictHeartbeat)) == 1
    play << heartbeat()
    assert play.made(CacheHeartbeat) == []


def test_a_heartbeat_over_tcp_is_never_cached() -> None:
    play = Playbook().adopt("cam1") << frame("cam1,HEARTBEAT,0,0,0,0,0,0", transport="tcp")
    assert play.sent == [HEARTBEAT_ACK]
    assert play.made(CacheHeartbeat) == []


def test_a_flood_of_logs_by_one_device_leaves_the_others_alone() -> None:
    play = Playbook(message_rate=1.0, message_burst=3.0).adopt("cam1", "cam2")
    for number in range(10):
        play << frame(f"cam1,LOG,{number},0,0,0,0,0")
    assert (play.rejected, play.sent) == (["device_rate"], [])
    assert play.count(EventKind.LOG) == 3
    play << frame("cam2,LOG,mine,0,0,0,0,0")
    assert play.sent == [b"cam2,ACK,0,0,0,0,0,0"]
    play.later(1)
    play << frame("cam1,LOG,again,0,0,0,0,0")
    assert play.sent == [ACK]


def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    play = Playbook().adopt("cam1") << BacklogFilled()
    for verb in ("LOG", "ERR", "MOAL", "SLEP"):
        play << frame(f"cam1,{verb},x,0,0,0,0,0")
        assert (play.sent, play.rejected) == ([], ["no_room"])
    play << heartbeat()
    assert play.sent == [HEARTBEAT_ACK], "a heartbeat promises nothing, so it is answered all the same"
    play << frame("cam2,MOAL,x,0,0,0,0,0")
    assert play.rejected == ["no_room"], "nobody new either"
    play << BacklogDrained()
    play << frame("cam1,MOAL,x,0,0,0,0,0")
    assert play.sent == [ACK]


def test_a_new_address_is_an_event_and_moves_the_path() -> None:
    play = Playbook().adopt("cam1") << heartbeat(host="192.0.2.1")
    play << heartbeat(host="198.51.100.7")
    assert EventKind.DEVICE_ADDRESS in play.kinds
    play << heartbeat(host="198.51.100.7")
    assert play.kinds == []


def test_addresses_that_change_with_every_heartbeat_do_not_fill_the_disk() -> None:
    play = Playbook(message_rate=0.1, message_burst=5.0).adopt("cam1")
    for number in range(100):
        play << heartbeat(host=f"192.0.2.{number}")
    assert play.count(EventKind.DEVICE_ADDRESS) == 5


def test_a_new_boot_id_is_a_reboot() -> None:
    play = Playbook().adopt("cam1")
    report = "cam1,HEARTBEAT,2,20,{}.0,a.0.0,0,0"
    play << frame(report.format("aa"))
    play << frame(report.format("aa"))
    assert EventKind.DEVICE_REBOOTED not in play.kinds
    play << frame(report.format("bb"))
    assert EventKind.DEVICE_REBOOTED in play.kinds
    assert play.made(CacheHeartbeat) == [], "what a device reports is read every time"


def test_boot_ids_that_change_with_every_heartbeat_do_not_fill_the_disk() -> None:
    play = Playbook(message_rate=0.1, message_burst=5.0).adopt("cam1")
    for number in range(100):
        play << frame(f"cam1,HEARTBEAT,2,20,{number}.0,a.0.0,0,0")
    assert play.count(EventKind.DEVICE_REBOOTED) == 5
