"""A device's pictures: offered, gone on with, tried again, given up; signed or not, and answers that are not forged."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp import Report, Trigger, body_length, decode, encode, encode_signed, picture_digest, read_part
from lfcp.authenticator import Purpose, Way, derive
from lfcp.client import ClientSession, CommandReceived, PictureAcknowledged, VolatileMemory
from lfcp.client.pictures import AGAIN_FIRST, QUEUE_LIMIT, PictureQueue
from lfcp.constants import UPLOAD_GO_ON, UPLOAD_LATER, UPLOAD_NEVER, UPLOAD_STORED, UPLOAD_TRIES
from lfcp.uploads import Answer, read_answer

PICTURE = bytes(range(100))
KEY = bytes(32)


def queue() -> PictureQueue:
    made = PictureQueue(lambda: 0.0)
    assert made.put("9f3c.1", PICTURE, Trigger.ALARM)
    return made


def offset_of(pictures: PictureQueue, now: float = 0.0) -> int | None:
    """Of what is announced now; len(PICTURE): it asks."""
    queued = pictures.poll(now)
    return None if queued is None else queued.part.offset


def go_on(offset: int) -> Answer:
    return Answer("9f3c.1", UPLOAD_GO_ON, offset)


LATER = Answer("9f3c.1", UPLOAD_LATER, reason="busy")


def test_it_asks_sends_the_rest_and_is_done() -> None:
    pictures = queue()
    assert offset_of(pictures) == len(PICTURE)
    assert offset_of(pictures) is None  # before the answer nothing
    assert pictures.answered(go_on(40), 1)
    assert offset_of(pictures) == 40
    assert pictures.answered(Answer("9f3c.1", UPLOAD_STORED), 2)
    assert (len(pictures), pictures.next_wakeup(), pictures.given_up) == (0, math.inf, 0)


def test_what_is_refused_for_good_is_dropped_and_the_next_one_comes_at_once() -> None:
    pictures = queue()
    pictures.put("9f3c.2", PICTURE, Trigger.DEVICE)
    pictures.poll(0)
    pictures.answered(Answer("9f3c.1", UPLOAD_NEVER, reason="not_adopted"), 0)
    queued = pictures.poll(0)
    assert queued is not None
    assert queued.upload == "9f3c.2"


@pytest.mark.parametrize("broken", [False, True])
def test_each_wait_is_twice_the_one_before_and_then_it_is_given_up(broken: bool) -> None:
    pictures = queue()
    now = 0.0
    for number in range(UPLOAD_TRIES):
        assert offset_of(pictures, now) == len(PICTURE)
        if broken:
            pictures.broken(now)
        else:
            pictures.answered(LATER, now)
        if number < UPLOAD_TRIES - 1:
            due = now + AGAIN_FIRST * 2**number
            assert (pictures.next_wakeup(), offset_of(pictures, due - 0.001)) == (due, None)
            now = due
    assert (len(pictures), pictures.given_up) == (0, 1)


def test_a_try_after_which_the_server_has_more_counts_as_the_first() -> None:
    pictures = queue()
    now = 0.0
    for offset in range(0, 100, 10):
        assert offset_of(pictures, now) == len(PICTURE)
        pictures.answered(go_on(offset), now)
        assert offset_of(pictures, now) == offset
        pictures.broken(now)
        assert pictures.next_wakeup() - now == AGAIN_FIRST
        now = pictures.next_wakeup()
    assert pictures.given_up == 0


def test_a_server_that_always_says_go_on_does_not_hold_a_device_for_ever() -> None:
    pictures = queue()
    now = 0.0
    sent = 0
    while len(pictures):
        now = max(now, pictures.next_wakeup())
        pictures.poll(now)
        pictures.answered(go_on(0), now)
        sent += 1
    assert sent <= 2 * UPLOAD_TRIES


def test_an_offset_at_the_end_or_behind_it_is_a_try_in_vain() -> None:
    for offset in (len(PICTURE), len(PICTURE) + 1):
        pictures = queue()
        pictures.poll(0)
        pictures.answered(go_on(offset), 0)
        assert offset_of(pictures, 0) is None
        assert offset_of(pictures, AGAIN_FIRST) == len(PICTURE)


def test_answers_to_others_change_nothing() -> None:
    pictures = queue()
    assert not pictures.answered(LATER, 0)
    pictures.poll(0)
    assert not pictures.answered(Answer("9f3c.9", UPLOAD_STORED), 0)
    assert len(pictures) == 1
    pictures.answered(LATER, 0)
    pictures.broken(0)  # nothing is under way
    assert pictures.next_wakeup() == AGAIN_FIRST


def test_so_many_pictures_wait_and_each_once() -> None:
    pictures = queue()
    assert not pictures.put("9f3c.1", PICTURE, Trigger.ALARM)
    for number in range(2, QUEUE_LIMIT + 1):
        assert pictures.put(f"9f3c.{number}", PICTURE, Trigger.ALARM)
    assert not pictures.put("9f3c.99", PICTURE, Trigger.ALARM)


@given(st.lists(st.sampled_from(["poll", "stored", "later", "never", "broken", 0, 50, 99, 100, 101, "put"])))
def test_whatever_a_server_says_the_queue_ends_and_stays_sound(steps: list[str | int]) -> None:
    pictures = PictureQueue(lambda: 0.5)
    now, number = 0.0, 0
    results = {"stored": UPLOAD_STORED, "later": UPLOAD_LATER, "never": UPLOAD_NEVER}
    for step in [*steps, *["put", "poll", "later"] * 3]:
        if step == "put":
            number += 1
            pictures.put(f"9f3c.{number:x}", PICTURE, Trigger.ALARM)
        elif step == "poll":
            now = max(now, min(pictures.next_wakeup(), now + 1000))
            queued = pictures.poll(now)
            assert queued is None or 0 <= queued.part.offset <= queued.part.total
        elif step == "broken":
            pictures.broken(now)
        else:
            for upload in range(1, number + 1):
                result = results.get(step, UPLOAD_GO_ON) if isinstance(step, str) else UPLOAD_GO_ON
                pictures.answered(Answer(f"9f3c.{upload:x}", result, step if isinstance(step, int) else 0), now)
        assert len(pictures) <= QUEUE_LIMIT


@pytest.mark.parametrize(
    ("ack", "answer"),
    [
        ("0,0,0,9f3c.1", Answer("9f3c.1", UPLOAD_STORED)),
        ("0,1,4,9f3c.1", Answer("9f3c.1", UPLOAD_GO_ON, 4)),
        ("0,2,busy,A.1f", Answer("A.1f", UPLOAD_LATER, reason="busy")),
        ("0,1,x,9f3c.1", None),
        ("0,1,04,9f3c.1", None),
        ("0,4,0,9f3c.1", None),
        ("0,0,0,26", None),
        ("0,0,0,0", None),
    ],
)
def test_an_answer_is_read_as_the_document_says(ack: str, answer: Answer | None) -> None:
    assert read_answer(decode(f"cam1,ACK,{ack},0,0".encode())) == answer


def session(key: bytes | None = None) -> ClientSession:
    report = Report(boot_id="9f3c", detector=True, camera=True, pictures=True, live=True)
    return ClientSession("cam1", ("A", "B"), 20, lambda: 0.0, report=report, key=key, memory=VolatileMemory())


def test_each_server_is_offered_a_picture_of_the_devices_own() -> None:
    device = session()
    assert device.offer(PICTURE, Trigger.ALARM)
    for server in "AB":
        assert device.next_picture(server) == -math.inf
        announced = device.poll_picture(server, 0)
        assert announced is not None
        assert (announced[0].decode(), bytes(announced[1])) == (
            f"cam1,FRAM,9f3c.1,100:100,{picture_digest(PICTURE)},alarm,0,0",
            b"",
        )
        assert device.next_picture(server) == math.inf
        assert device.poll_picture(server, 0) is None
    assert device.receive("A", b"cam1,ACK,0,1,40,9f3c.1,0,0", 1) == [PictureAcknowledged("A", "9f3c.1", 1, "")]
    announced = device.poll_picture("A", 1)
    assert announced is not None
    assert bytes(announced[1]) == PICTURE[40:]
    assert body_length(announced[0]) == 60
    device.connection_broke("A", 2)
    assert device.next_picture("A") == 2 + AGAIN_FIRST


def test_a_picture_that_a_server_asked_for_is_for_that_one_alone() -> None:
    device = session()
    (command,) = device.receive("B", encode("cam1", "SNAP", "B.1f"), 0)
    assert command == CommandReceived("B", "SNAP", ("B.1f", "0", "0", "0", "0", "0"))
    device.command_done()
    assert device.offer(PICTURE, Trigger.COMMAND, "B.1f", "B")
    assert device.poll_picture("A", 0) is None
    announced = device.poll_picture("B", 0)
    assert announced is not None
    assert announced[0].startswith(b"cam1,FRAM,B.1f,100:100,")


@pytest.mark.parametrize("command", ["SNAP,x", "SNAP,9f3c.1", "LIVE,0", "LIVE,601", "LIVE,x"])
def test_a_command_whose_parameter_is_not_of_its_form_fails(command: str) -> None:
    device = session()
    assert device.receive("A", f"cam1,{command},0,0,0,0,0".encode(), 0) == []
    assert any(b",ERR," in frame for _, frame in device.poll(0))


def test_a_live_picture_is_sent_whole_at_once() -> None:
    device = session()
    part = read_part(decode(device.live_line("A", PICTURE)))
    assert part is not None
    assert (part.upload, part.offset, part.total, part.trigger) == ("9f3c.1", 0, 100, Trigger.LIVE)
    assert device.receive("A", b"cam1,ACK,0,3,nobody_watches,9f3c.1,0,0", 0) == [
        PictureAcknowledged("A", "9f3c.1", UPLOAD_NEVER, "nobody_watches")
    ]


def test_a_signed_answer_counts_and_one_that_is_not_signed_does_not() -> None:
    device = session(KEY)
    device.offer(PICTURE, Trigger.ALARM)
    announced = device.poll_picture("A", 0)
    assert announced is not None
    signature = decode(announced[0]).signature
    assert signature is not None
    assert device.receive("A", b"cam1,ACK,0,1,40,9f3c.1,0,0", 1) == []
    down = derive(KEY, Purpose.TAG, Way.DOWN, "A")
    ack = encode_signed(down, 5, "cam1", "ACK", f"{signature.counter:x}", "1", "40", "9f3c.1")
    assert device.receive("A", ack, 1) == [PictureAcknowledged("A", "9f3c.1", UPLOAD_GO_ON, "")]
    assert device.receive("A", ack, 1) == []  # a replay
    unread = encode_signed(down, 6, "cam1", "ACK", f"{signature.counter:x}", "1", "x", "9f3c.1")
    assert device.receive("A", unread, 1) == []


def test_an_answer_that_datagrams_overtook_counts_once() -> None:
    device = session(KEY)
    device.offer(PICTURE, Trigger.ALARM)
    announced = device.poll_picture("A", 0)
    beat = next(frame for server, frame in device.poll(0) if server == "A")
    assert announced is not None
    down = derive(KEY, Purpose.TAG, Way.DOWN, "A")
    asked, beaten = (decode(frame).signature for frame in (announced[0], beat))
    assert asked is not None
    assert beaten is not None
    device.receive("A", encode_signed(down, 5000, "cam1", "ACK", f"{beaten.counter:x}", "0", "0", "20"), 1)
    overtaken = encode_signed(down, 5, "cam1", "ACK", f"{asked.counter:x}", "1", "40", "9f3c.1")
    assert device.receive("A", overtaken, 1) == [PictureAcknowledged("A", "9f3c.1", UPLOAD_GO_ON, "")]
    assert device.receive("A", overtaken, 1) == []
    again = encode_signed(down, 6, "cam1", "ACK", f"{asked.counter:x}", "1", "40", "9f3c.1")
    assert device.receive("A", again, 1) == []


def test_without_a_boot_id_a_device_has_no_pictures_of_its_own() -> None:
    device = ClientSession("cam1", ("A",), 20, lambda: 0.0)
    with pytest.raises(ValueError, match="boot id"):
        device.offer(PICTURE, Trigger.ALARM)
    assert device.offer(PICTURE, Trigger.COMMAND, "A.1", "A")
