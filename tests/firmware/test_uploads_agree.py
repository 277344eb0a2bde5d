"""Uploads of the C client beside the Python one's: the same lines, the same waits, the same ends."""

import math
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfcp import Report, Trigger, Verb, decode
from lfcp.authenticator import key_from_text
from lfcp.client import ClientSession, CommandReceived, Kept, VolatileMemory
from lfcp.client.pictures import QUEUE_LIMIT
from tests.firmware.c_client import CClient, CClientLibrary, Device, memory_of
from tests.firmware.c_client import Kept as CKept
from tests.protocol.recorded_exchanges import KEY
from tests.protocol.small_server import SmallServer

COMMANDS = ("SNAP", "LIVE", "CONF")
MOST_LINE = 158  # LFCP_UPLOAD_MAX_LINE
GUARD = 0xA5
NOTHING = (1 << 64) - 1

OFFERS = st.tuples(st.just("offer"), st.binary(min_size=1, max_size=120), st.sampled_from(list(Trigger)[:4]))
DETAILS = ("0", "1", "7", "40", "100", "99999999", "07", "x")
ANSWERS = st.tuples(st.just("answer"), st.sampled_from("0111223"), st.sampled_from(DETAILS))
ASKS = st.one_of(
    st.tuples(st.just("command"), st.just("SNAP"), st.sampled_from(["A.1f", "B.2", "0", "9f3c.1", "A.0", "x"])),
    st.tuples(st.just("command"), st.just("LIVE"), st.sampled_from(["0", "1", "600", "601", "060", "x"])),
)
PAUSES = st.tuples(st.just("pause"), st.sampled_from([1, 997, 5003, 10007, 20011, 40013]))
STEPS = st.lists(OFFERS | ANSWERS | ASKS | PAUSES | st.just(("broke",)) | st.just(("stray",)), max_size=40)


class Waiting(NamedTuple):
    """cffi keeps nothing alive that C points to."""

    upload: Any
    picture: Any
    data: Any


class CUploads:
    """Pictures to one server, each when the one before is over."""

    def __init__(self, library: CClientLibrary, client: CClient) -> None:
        self._ffi, self._lfcp, self._client = library.ffi, library.lfcp, client
        self._waiting: list[Waiting] = []

    def offer(self, data: bytes, trigger: Trigger, upload: str | None = None) -> None:
        made = Waiting(
            self._ffi.new("lfcp_upload *"), self._ffi.new("lfcp_picture *"), self._ffi.from_buffer("uint8_t[]", data)
        )
        given = self._ffi.NULL if upload is None else upload.encode()
        word = getattr(self._lfcp, f"LFCP_TRIGGER_{trigger.upper()}")
        name = self._lfcp.lfcp_picture_name
        self._client.ok(name(made.picture, self._client.client, made.data, len(data), word, given))
        self._lfcp.lfcp_upload_begin(made.upload, made.picture, 0)
        self._waiting.append(made)

    @property
    def count(self) -> int:
        self._waiting = [each for each in self._waiting if self._lfcp.lfcp_upload_is_open(each.upload)]
        return len(self._waiting)

    def poll(self, now: int) -> tuple[bytes, bytes] | None:
        if not self.count:
            return None
        upload, picture, data = self._waiting[0]
        line = self._ffi.new("uint8_t[]", bytes([GUARD]) * (MOST_LINE + 1))
        length = self._ffi.new("size_t *")
        poll = self._lfcp.lfcp_upload_poll
        self._client.ok(poll(upload, self._client.client, now, line, MOST_LINE, length))
        assert line[MOST_LINE] == GUARD
        if length[0] == 0:
            return None
        written = bytes(self._ffi.buffer(line, length[0]))
        assert written.endswith(b"\n")
        return written[:-1], bytes(self._ffi.buffer(data))[upload.offset : picture.length]

    def wakeup(self) -> float:
        at = self._lfcp.lfcp_upload_wakeup_ms(self._waiting[0].upload) if self.count else NOTHING
        return math.inf if at == NOTHING else at / 1000

    def receive(self, frame: bytes, now: int) -> None:
        event, memory = self._ffi.new("lfcp_event *"), self._ffi.from_buffer("uint8_t[]", frame)
        self._lfcp.lfcp_client_receive(self._client.client, 0, memory, len(frame), now, event)
        answered = self._lfcp.lfcp_upload_answered
        if event.kind == self._lfcp.LFCP_EVENT_PICTURE_ANSWERED and self.count:
            answer = self._ffi.addressof(event, "answer")
            answered(self._waiting[0].upload, self._client.client, answer, now)

    def broke(self, now: int) -> None:
        if self.count:
            self._lfcp.lfcp_upload_broke(self._waiting[0].upload, self._client.client, now)


class Both:
    def __init__(self, library: CClientLibrary, signs: bool, jitter: float) -> None:
        key = key_from_text(KEY) if signs else None
        report = Report(boot_id="9f3c", detector=True, camera=True, settings=signs, pictures=True, live=True)
        self.python = ClientSession(
            "cam1", ("A",), 20, lambda: jitter, report=report, commands=COMMANDS, key=key,
            memory=VolatileMemory(Kept(0x400, (), {})),
        )  # fmt: skip
        device = Device("cam1", key, "A", 20, COMMANDS, jitter)
        self.c = CClient(library, device, memory_of(CKept(0x400, (), {})), 0x9F3C)
        self.uploads = CUploads(library, self.c)
        self.server = SmallServer("cam1", "A", KEY)
        self.signs, self.now, self.commanded = signs, 0, 0
        self.line = ""  # the last that was announced
        self.beat = ""

    def pause(self, milliseconds: int) -> None:
        """No poll falls into the rounding of the Python client's seconds."""
        self.now += milliseconds
        while any(abs(due * 1000 - self.now) < 1 for due in (self.python.next_picture("A"), self.python.next_wakeup())):
            self.now += 3

    def offer(self, data: bytes, trigger: Trigger, upload: str | None = None) -> None:
        has_room = self.python.pictures_waiting("A") < QUEUE_LIMIT  # what a full queue does is the caller's in C
        if has_room and self.python.offer(data, trigger, upload, "A"):
            self.uploads.offer(data, trigger, upload)

    def answer(self, result: str, detail: str) -> None:
        upload = decode(self.line.encode()).params[0] if self.line else "9f3c.1"
        self.say_answer(result, detail, upload)

    def stray(self) -> None:
        """To a picture that nobody knows."""
        self.say_answer("0", "0", "9f3c.ffff")

    def say_answer(self, result: str, detail: str, upload: str) -> None:
        if self.signs and not self.line:
            return  # an answer to a heartbeat that names a picture: no server sends that
        if not self.signs:
            frame = f"cam1,ACK,0,{result},{detail},{upload},0,0"
        else:
            frame = self.server.says(Verb.ACK, self.line.split(",")[6], result, detail, upload)
        self.python.receive("A", frame.encode(), self.now / 1000)
        self.uploads.receive(frame.encode(), self.now)

    def command(self, verb: str, p1: str) -> None:
        self.commanded += 1
        frame = f"cam1,{verb},{p1},0,0,0,0,0"
        if self.signs:
            frame = self.server.command(f"A.{self.commanded:x}", verb, p1, answers=self.beat)
        events = self.python.receive("A", frame.encode(), self.now / 1000)
        obeyed = len(self.c.obeyed)
        self.c.receive("A", frame.encode(), self.now)
        received = [(event.verb, event.params[0]) for event in events if isinstance(event, CommandReceived)]
        assert [(each.verb, each.p1) for each in self.c.obeyed[obeyed:]] == received
        for asked, parameter in received:
            if asked == Verb.SNAP:
                self.offer(b"taken for it", Trigger.COMMAND, parameter)
            self.python.command_done()
            self.c.done()

    def broke(self) -> None:
        self.python.connection_broke("A", self.now / 1000)
        self.uploads.broke(self.now)

    def compare(self) -> None:
        frames = self.python.poll(self.now / 1000)
        assert self.c.poll(self.now) == frames
        for _, frame in frames:
            if b",HEARTBEAT," in frame:
                self.beat = frame.decode()
        announced = self.python.poll_picture("A", self.now / 1000)
        expected = None if announced is None else (announced[0], bytes(announced[1]))
        assert self.uploads.poll(self.now) == expected
        if announced is not None:
            self.line = announced[0].decode()
        assert self.uploads.count == self.python.pictures_waiting("A")
        due = self.python.next_picture("A")
        assert self.uploads.wakeup() == pytest.approx(max(due, 0.0), abs=0.002)


@pytest.mark.parametrize("signs", [True, False], ids=["LFCP/2", "LFCP/1"])
@settings(max_examples=150, deadline=None)
@given(steps=STEPS, jitter=st.sampled_from([0.0, 0.25, 0.75]))
def test_both_clients_upload_alike_whatever_the_server_says(
    c_client_library: CClientLibrary, signs: bool, steps: list[tuple[Any, ...]], jitter: float
) -> None:
    both = Both(c_client_library, signs, jitter)
    both.compare()
    for name, *given_to_it in steps:
        getattr(both, name)(*given_to_it)
        both.compare()
