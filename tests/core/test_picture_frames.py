"""Pictures announced over LFCP: whose are taken, what every announcement is answered, and what ends the connection."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core.effects import CloseConnection, Effect, SendFrame, TakePart
from alarmd.core.inputs import BacklogFilled, FrameReceived, LiveRequested, PartSettled, PictureReceived
from alarmd.core.records import CommandState, Presence, Signing, Trigger
from alarmd.core.requests import CommandRequested, DeviceChanged, DeviceForgotten
from alarmd.core.settings import UnknownDevices
from alarmd.core.uploads import FOR_GOOD, UploadReason
from lfcp import Part
from lfcp.constants import UPLOAD_GO_ON, UPLOAD_LATER, UPLOAD_NEVER, UPLOAD_STORED
from lfcp.constants import Trigger as Wire
from tests.playbook import Playbook, frame, path
from tests.signed_camera import SignedCamera

DIGEST = "5f6c0f8f3a1e2b4c9d8e7f6a5b4c3d2e"
TCP = path(transport="tcp")
REPORTING = "cam1,HEARTBEAT,2,26,9f3c.0,acpl.-.0,0,0"


def fram(span: str = "0:9", upload: str = "9f3c.1", trigger: str = "alarm", name: str = "cam1") -> FrameReceived:
    return frame(f"{name},FRAM,{upload},{span},{DIGEST},{trigger},0,0", transport="tcp")


def part(offset: int = 0, total: int = 9, trigger: Wire = Wire.ALARM) -> Part:
    return Part("9f3c.1", offset, total, DIGEST, trigger)


def stored(upload: str = "9f3c.1") -> PictureReceived:
    return PictureReceived("cam1", "cam1/a.jpg", None, 1, Trigger.ALARM, upload, "d" * 64, 9, 1, 1)


@pytest.fixture
def play() -> Playbook:
    return Playbook().adopt("cam1")


@pytest.fixture
def camera() -> SignedCamera:
    camera = SignedCamera()
    camera.report = camera.report._replace(pictures=True, live=True)
    return camera


@pytest.fixture
def signed(camera: SignedCamera) -> Playbook:
    play = Playbook().give_key(camera.name, camera.key)
    camera.meet(play)
    return play


def settled(counter: int = 0, result: int = UPLOAD_STORED, detail: str = "0") -> PartSettled:
    return PartSettled(TCP, "cam1", "9f3c.1", counter, result, detail)


def test_a_picture_is_taken_and_acknowledged_when_it_is_stored(play: Playbook) -> None:
    play << fram()
    assert play.made(TakePart) == [TakePart(TCP, "cam1", part(), 0)]
    assert play.sent == []
    play << settled()
    assert play.effects == [SendFrame(TCP, b"cam1,ACK,0,0,0,9f3c.1,0,0", promises=True)]


def test_a_question_is_passed_on_and_its_answer_names_the_offset(play: Playbook) -> None:
    play << fram("9:9")
    assert play.made(TakePart) == [TakePart(TCP, "cam1", part(9), 0)]
    play << settled(result=UPLOAD_GO_ON, detail="4")
    assert play.sent == [b"cam1,ACK,0,1,4,9f3c.1,0,0"]


def test_the_line_of_a_device_with_a_key_is_verified_and_answered_signed(
    signed: Playbook, camera: SignedCamera
) -> None:
    signed << camera.frame("FRAM", "9f3c.1", "0:9", DIGEST, "alarm", at=TCP)
    assert signed.made(TakePart) == [TakePart(TCP, "cam1", part(), camera.counter)]
    signed << settled(camera.counter, UPLOAD_LATER, UploadReason.BUSY)
    (answer,) = camera.hear(signed)
    assert answer.params[:4] == (f"{camera.counter:x}", "2", "busy", "9f3c.1")


def test_a_picture_that_is_stored_is_acknowledged_again_and_not_taken(play: Playbook, camera: SignedCamera) -> None:
    play << stored() << fram("9:9")
    assert (play.sent, play.made(TakePart)) == ([b"cam1,ACK,0,0,0,9f3c.1,0,0"], [])
    assert all(effect.promises for effect in play.made(SendFrame))
    play << fram(upload="9f3c.2")
    assert len(play.made(TakePart)) == 1


def test_a_replayed_line_is_refused_and_ends_the_connection(signed: Playbook, camera: SignedCamera) -> None:
    line = camera.frame("FRAM", "9f3c.1", "0:9", DIGEST, "alarm", at=TCP)
    signed << line << line
    assert signed.rejected == ["replayed"]
    assert signed.made(CloseConnection) == [CloseConnection(TCP)]
    assert signed.made(TakePart) == []


def test_a_forged_line_ends_the_connection(signed: Playbook, camera: SignedCamera) -> None:
    line = camera.frame("FRAM", "9f3c.1", "0:9", DIGEST, "alarm", at=TCP)
    signed << replace(line, payload=line.payload.replace(DIGEST.encode(), DIGEST[::-1].encode()))
    assert signed.rejected == ["bad_tag"]
    assert signed.made(CloseConnection) == [CloseConnection(TCP)]


@pytest.mark.parametrize("mixed", [False, True])
def test_an_unsigned_picture_of_a_device_with_a_key_ends_the_connection(mixed: bool) -> None:
    play = Playbook().give_key("cam1", bytes(32), mixed=mixed)
    play << fram()
    assert play.rejected == ["unsigned"]
    assert play.made(CloseConnection) == [CloseConnection(TCP)]


def test_an_unknown_name_is_not_introduced_by_a_picture() -> None:
    play = Playbook()
    play << fram(name="stranger")
    assert play.rejected == ["unknown_device"]
    assert play.made(CloseConnection) == [CloseConnection(TCP)]
    assert "stranger" not in play.engine.state.sessions


@pytest.mark.parametrize("policy", [UnknownDevices.ADMIT, UnknownDevices.QUARANTINE])
def test_a_device_that_nobody_adopted_may_not_upload(policy: UnknownDevices) -> None:
    play = Playbook(unknown_devices=policy)
    play << frame("cam1,HEARTBEAT,0,0,0,0,0,0") << fram()
    assert (play.sent, play.made(TakePart)) == ([b"cam1,ACK,0,3,not_adopted,9f3c.1,0,0"], [])


def test_a_picture_does_not_come_in_a_datagram(play: Playbook, signed: Playbook, camera: SignedCamera) -> None:
    play << frame(fram().payload)
    signed << camera.frame("FRAM", "9f3c.1", "0:9", DIGEST, "alarm")
    for one in (play, signed):
        assert one.rejected == ["tcp_only"]
        assert one.made(TakePart) == one.made(CloseConnection) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"cam1,FRAM,9f3c.1,10:9,{DIGEST},alarm,0,0", "bad_fields"),
        (f"cam1,FRAM,9f3c.1,0:16777217,{DIGEST},alarm,0,0", "bad_fields"),
        (f"cam1,FRAM,x,0:9,{DIGEST},alarm,0,0", "bad_fields"),
        (f"cam1,FRAM,9f3c.1,0:9,{DIGEST},alarm", "not_by_the_book"),
        (f"cam1,FRAM,9f3c.1,0:9,{DIGEST},alarm,0,0,0", "not_by_the_book"),
    ],
)
def test_a_malformed_picture_ends_the_connection(play: Playbook, line: str, reason: str) -> None:
    play << frame(line, transport="tcp")
    assert play.rejected == [reason]
    assert play.made(CloseConnection) == [CloseConnection(TCP)]


def test_pictures_count_among_the_messages_of_a_device_and_questions_do_not() -> None:
    play = Playbook(message_burst=1.0).adopt("cam1")
    for _ in range(3):
        play << fram("9:9")
        assert len(play.made(TakePart)) == 1
    play << fram()
    assert len(play.made(TakePart)) == 1
    play << fram()
    assert play.sent == [b"cam1,ACK,0,2,device_rate,9f3c.1,0,0"]


def test_no_picture_is_taken_while_the_database_lags_behind(play: Playbook) -> None:
    play << BacklogFilled() << fram()
    assert play.sent == [b"cam1,ACK,0,2,no_room,9f3c.1,0,0"]


def test_a_live_picture_is_taken_while_somebody_watches(play: Playbook) -> None:
    play << fram(trigger="live")
    assert play.sent == [b"cam1,ACK,0,3,nobody_watches,9f3c.1,0,0"]
    play << LiveRequested("cam1") << fram(trigger="live")
    assert play.made(TakePart) == [TakePart(TCP, "cam1", part(trigger=Wire.LIVE), 0)]


def test_an_uploading_device_without_a_key_is_alive(play: Playbook) -> None:
    play << frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    play.later(60)
    session = play.engine.state.sessions["cam1"]
    assert session.presence is Presence.LATE
    play << fram()
    assert session.presence is Presence.ONLINE


def test_an_uploading_device_with_a_key_is_not_proved_to_be_alive(signed: Playbook, camera: SignedCamera) -> None:
    signed.later(60)
    signed << camera.frame("FRAM", "9f3c.1", "0:9", DIGEST, "alarm", at=TCP)
    assert signed.engine.state.sessions["cam1"].presence is Presence.LATE
    assert signed.engine.state.sessions["cam1"].path == camera.path


def test_a_device_that_is_gone_or_got_a_key_meanwhile_gets_no_answer(play: Playbook) -> None:
    play << fram()
    play.give_key("cam1", bytes(32)) << settled()
    assert play.effects == []
    play << DeviceForgotten("op", "cam1") << settled()
    assert play.effects == []


def test_a_device_that_lost_its_key_meanwhile_gets_no_answer(signed: Playbook, camera: SignedCamera) -> None:
    signed << camera.frame("FRAM", "9f3c.1", "0:9", DIGEST, "alarm", at=TCP)
    signed << DeviceForgotten("op", "cam1")
    signed.adopt("cam1") << settled(camera.counter)
    assert signed.effects == []


def test_reasons_say_whether_to_try_again() -> None:
    assert {UploadReason.NOT_A_PICTURE, UploadReason.NOT_ADOPTED, UploadReason.NOBODY_WATCHES} == FOR_GOOD
    assert {UPLOAD_STORED, UPLOAD_GO_ON, UPLOAD_LATER, UPLOAD_NEVER} == {0, 1, 2, 3}


SNAP = CommandRequested("op", "cam1", "SNAP")


def test_snap_is_refused_for_a_device_that_does_not_report_that_it_knows_it(play: Playbook) -> None:
    for request in (SNAP, replace(SNAP, verb="LIVE", params=("60",))):
        play << request
        assert (play.refusal.reason, play.refusal.field) == ("unsupported", "verb")
    play << frame("cam1,HEARTBEAT,2,26,9f3c.0,ac.-.0,0,0") << SNAP
    assert play.refusal.reason == "unsupported"


def test_snap_carries_the_commands_identity_as_the_id_of_the_upload(play: Playbook) -> None:
    play << frame(REPORTING) << SNAP
    assert play.last_command.params == ()
    play << frame(REPORTING)
    assert play.sent == [f"cam1,SNAP,{play.last_command.identity},0,0,0,0,0".encode()]


def test_snap_is_pushed_to_a_device_with_a_key(signed: Playbook, camera: SignedCamera) -> None:
    signed << SNAP
    signed.later(0)
    (snap,) = camera.hear(signed)
    identity = signed.last_command.identity
    assert (snap.verb, snap.params[:4]) == ("SNAP", (identity, "0", identity, "0"))


@pytest.mark.parametrize("seconds", ["0", "601", "1_0", " 9", "x", "99999"])
def test_live_takes_as_many_seconds_as_the_document_says(play: Playbook, seconds: str) -> None:
    play << frame(REPORTING) << CommandRequested("op", "cam1", "LIVE", (seconds,))
    assert (play.refusal.reason, play.refusal.field) == ("invalid", "params")
    play << CommandRequested("op", "cam1", "LIVE", ("600",))
    assert play.last_command.params == ("600",)


def test_snap_takes_no_parameter_of_the_operator(play: Playbook) -> None:
    play << frame(REPORTING) << replace(SNAP, params=("A.1",))
    assert play.refusal.reason == "invalid"


@pytest.mark.parametrize("report", ["cam1,HEARTBEAT,2,26,9f3c.0,acl.-.0,0,0", "cam1,HEARTBEAT,0,0,0,0,0,0"])
def test_a_device_that_no_longer_knows_it_is_not_sent_snap(play: Playbook, report: str) -> None:
    play << frame(REPORTING) << SNAP
    play << frame(report)
    assert play.last_command.state is CommandState.EXPIRED
    assert not any(b"SNAP" in sent for sent in play.sent)


def test_after_a_restart_snap_waits_until_the_device_says_that_it_knows_it(play: Playbook) -> None:
    play << frame(REPORTING) << SNAP
    known = play.restart() << frame(REPORTING)
    assert b"SNAP" in known.sent[0]
    other = play.restart() << frame("cam1,HEARTBEAT,2,26,9f3c.0,ac.-.0,0,0")
    assert b"SNAP" not in other.sent[0]
    assert other.last_command.state is CommandState.EXPIRED


@given(st.lists(st.sampled_from(["question", "part", "live", "settled", "stored", "quarantined", "signing"])))
def test_every_announcement_is_taken_answered_or_ends_the_connection(steps: list[str]) -> None:
    """Whatever the order: one of the three, so that no device waits in vain."""
    play = Playbook().adopt("cam1")
    lines = {"question": fram("9:9"), "part": fram(), "live": fram(trigger="live")}
    others = {
        "settled": settled(),
        "stored": stored(),
        "quarantined": DeviceChanged("op", "cam1", quarantined=True),
        "signing": DeviceChanged("op", "cam1", signing=Signing.SIGNED),
    }
    for step in steps:
        if step in others:
            play << others[step]
            continue
        play << lines[step]
        outcomes: list[type[Effect]] = [TakePart, SendFrame, CloseConnection]
        assert sum(len(play.made(kind)) for kind in outcomes) == 1
