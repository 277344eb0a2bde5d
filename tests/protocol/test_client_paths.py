"""A device's session and its way through NATs: PROB, KEEP, what it reports, what it learns, and a deaf socket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfcp import Report, read_report
from lfcp.authenticator import Purpose, Way, derive, key_from_text
from lfcp.candidates import Address, Mapping
from lfcp.client import ClientSession, HeartbeatAcknowledged, KeepAnswered, Kept, Ladder, VolatileMemory
from lfcp.client.awaited import AWAITED_KEEPS
from lfcp.client.keepalive import EVERY, PAUSE, UNLEARNED
from lfcp.client.path_session import MAX_KEEPS_REMEMBERED
from lfcp.constants import KEEP_LEAST_INTERVAL_MS, KEEP_MOST_INTERVAL_MS, MAX_KEEPS
from lfcp.reading import decode
from lfcp.writing import with_tag
from tests.protocol.signed_frames import nearly
from tests.protocol.small_server import ADDRESS, SmallServer, counter_of
from tests.protocol.test_client_signed import BOOT, KEY, params_of, verb_of

HERE = Address("192.0.2.7", 4000)
STEPS = (25, 40, 55)


class Natted:
    """A device that learns, its servers, and a NAT whose mappings live so many seconds."""

    def __init__(
        self, labels: str = "A", life: float = 30, interval: float | None = None, key: str | None = KEY
    ) -> None:
        self.servers = {label: SmallServer("cam1", label, KEY) for label in labels}
        self.now = 0.0
        self.life = life
        self.deaf = False  # no server answers
        self.waiting: list[tuple[float, str, str]] = []
        self.sockets: set[int] = set()
        self.heartbeats: list[tuple[float, Report]] = []
        self.session = ClientSession(
            "cam1",
            tuple(labels),
            interval,
            lambda: 0.0,
            report=Report(boot_id=BOOT, detector=True, probing=True),
            key=None if key is None else key_from_text(key),
            memory=VolatileMemory(Kept(0x400)),
            ladder=Ladder(STEPS),
        )

    def live(self, seconds: float) -> "Natted":
        end = self.now + seconds
        while self.now < end:
            for server, frame in self.session.poll(self.now):
                self._answer(server, frame.decode())
            for socket, server, frame in self.session.poll_ladder(self.now):
                self.sockets.add(socket)
                self._keep(server, frame.decode())
            assert len(self.session.ladder_sockets) <= 2 * len(STEPS)
            self._pass(end)
        return self

    def _answer(self, server: str, frame: str) -> None:
        report = read_report(decode(frame.encode()))
        if report is not None:
            self.heartbeats.append((self.now, report))
        if not self.deaf:
            self._hear(server, self.servers[server].heartbeat_ack(frame, interval=170))

    def _keep(self, server: str, frame: str) -> None:
        delay = int(params_of(frame)[0]) / 1000
        if delay < self.life and not self.deaf:
            self.waiting.append((self.now + delay, server, counter_of(frame)))

    def _pass(self, end: float) -> None:
        due = min([end, self.session.next_wakeup(), self.session.next_rung(), *(each[0] for each in self.waiting)])
        self.now = max(self.now, due)
        for each in [each for each in self.waiting if each[0] <= self.now]:
            self.waiting.remove(each)
            self._hear(each[1], self.servers[each[1]].says("ACK", each[2], "0", ADDRESS))

    def _hear(self, server: str, frame: str) -> list[object]:
        return [*self.session.receive(server, frame.encode(), self.now)]

    @property
    def last(self) -> Report:
        return self.heartbeats[-1][1]


@pytest.mark.parametrize(("life", "found", "interval"), [(10, 0, 15), (30, 25, 15), (50, 40, 30), (300, 55, 45)])
def test_the_interval_is_learned_and_reported(life: float, found: int, interval: int) -> None:
    natted = Natted(life=life).live(600)
    assert natted.session.life == natted.last.life == found
    assert natted.last.interval == interval
    assert KEEP_LEAST_INTERVAL_MS <= 1000 * interval <= KEEP_MOST_INTERVAL_MS
    apart = natted.heartbeats[-1][0] - natted.heartbeats[-2][0]
    assert apart == pytest.approx(interval)


def test_before_a_ladder_was_climbed_the_interval_is_the_usual_one() -> None:
    natted = Natted(life=300).live(50)
    assert natted.last.interval == UNLEARNED
    assert natted.last.life == 0


def test_no_ladder_begins_before_a_server_knows_where_the_device_is() -> None:
    """Else the next heartbeat might echo the answer to a KEEP, which came to another socket and proves nothing."""
    natted = Natted()
    ((server, beat),) = natted.session.poll(0.0)
    natted.session.receive(server, natted.servers[server].heartbeat_ack(beat.decode(), again=True).encode(), 0.0)
    assert natted.session.poll_ladder(0.0) == []
    ((server, beat),) = natted.session.poll(0.0)
    natted.session.receive(server, natted.servers[server].heartbeat_ack(beat.decode()).encode(), 0.0)
    assert len(natted.session.poll_ladder(0.0)) == 2 * len(STEPS)


def test_a_fixed_interval_stays_and_climbs_no_ladder() -> None:
    natted = Natted(life=300, interval=20).live(600)
    assert natted.last.interval == 20
    assert natted.sockets == set()
    assert natted.session.next_rung() == float("inf")


def test_a_device_without_a_key_learns_nothing() -> None:
    session = Natted(key=None).session
    ((_, frame),) = session.poll(0)
    report = read_report(decode(frame))
    assert report is not None
    assert (report.interval, report.mapping) == (UNLEARNED, None)
    with pytest.raises(ValueError, match="key"):
        session.keep("A")
    with pytest.raises(ValueError, match="key"):
        session.connect("A", "cam2")
    assert session.receive("A", b"cam1,ACK,0,0,0,26,0,0", 0) == [HeartbeatAcknowledged("A", 26)]
    assert session.poll_ladder(0) == []


def test_a_server_that_allows_less_is_obeyed_and_later_no_more() -> None:
    natted = Natted(life=300).live(600)
    ack = natted.servers["A"].heartbeat_ack
    for allowed, interval in ((22, 22), (170, 45)):
        (_, frame), *_ = natted.session.poll(natted.now + 100)
        natted._hear("A", ack(frame.decode(), interval=allowed))
        natted.deaf = True
        natted.now += 300
        natted.live(1)
        assert natted.last.interval == interval
        natted.deaf = False


def test_a_ladder_is_climbed_once_a_day() -> None:
    natted = Natted(life=300).live(1000)
    first = set(natted.sockets)
    natted.live(EVERY - 2000)
    assert natted.sockets == first
    natted.live(2000)
    assert len(natted.sockets) == 2 * len(first)


def test_a_ladder_that_nobody_answers_is_climbed_again_later() -> None:
    natted = Natted(life=-1).live(60)
    first = set(natted.sockets)
    assert natted.last.life == 0
    natted.life = 30
    natted.live(PAUSE + 200)
    assert len(natted.sockets) > len(first)
    assert natted.session.life == 25


def test_another_network_is_learned_anew_at_once() -> None:
    natted = Natted(life=300).live(600)
    natted.life = 30
    natted.session.network_changed(natted.now)
    assert natted.session.next_wakeup() < natted.now
    assert (natted.session.life, natted.session.mapping) == (0, Mapping.UNKNOWN)
    natted.live(1)
    assert natted.last.interval == UNLEARNED
    natted.live(600)
    assert natted.session.life == 25


def test_a_network_that_changes_while_a_ladder_is_climbed_begins_another() -> None:
    natted = Natted(life=300).live(10)
    before = natted.session.ladder_sockets
    natted.session.network_changed(natted.now)
    assert natted.session.ladder_sockets == frozenset()
    natted.live(1)
    assert natted.session.ladder_sockets.isdisjoint(before)
    assert natted.session.ladder_sockets


def test_another_socket_climbs_again_but_not_at_once() -> None:
    natted = Natted(life=300).live(100)
    first = set(natted.sockets)
    natted.session.rebound(natted.now)
    natted.live(PAUSE - 200)
    assert natted.sockets == first
    natted.live(400)
    assert natted.sockets > first


def test_a_socket_that_is_replaced_during_a_ladder_does_not_disturb_it() -> None:
    natted = Natted(life=300).live(10)
    sockets = natted.session.ladder_sockets
    natted.session.rebound(natted.now)
    assert natted.session.ladder_sockets == sockets


def test_sleep_ends_a_ladder() -> None:
    natted = Natted(life=300).live(10)
    natted.session.declare_sleep(60)
    assert natted.session.ladder_sockets == frozenset()
    natted.session.network_changed(natted.now)
    (sleep,) = natted.session.poll(natted.now)
    natted._hear("A", natted.servers["A"].sleep_ack(sleep[1].decode()))
    assert natted.session.may_sleep


def test_two_servers_tell_the_mapping() -> None:
    natted = Natted("AB").live(60)
    assert natted.session.mapping is natted.last.mapping is Mapping.INDEPENDENT
    assert natted.session.direction == 1
    assert natted.session.seen_by("A") == natted.session.seen_by("B") == HERE


def test_a_device_that_does_not_say_that_it_knows_prob_says_nothing_of_its_nat() -> None:
    natted = Natted("AB")
    natted.session.report = Report(boot_id=BOOT)
    natted.live(60)
    assert natted.last.mapping is None


def test_an_ack_without_an_address_teaches_nothing() -> None:
    natted = Natted()
    ((_, frame),) = natted.session.poll(0)
    natted._hear("A", natted.servers["A"].says("ACK", counter_of(frame.decode()), "0", "somewhere", "26"))
    assert natted.session.seen_by("A") is None


def test_a_silent_server_makes_the_socket_deaf_after_a_heartbeat_and_its_repetitions() -> None:
    natted = Natted(interval=20).live(10)
    assert not natted.session.deaf
    natted.deaf = True
    natted.live(20)
    assert not natted.session.deaf
    natted.live(20)
    assert natted.session.deaf
    natted.session.rebound(natted.now)
    assert not natted.session.deaf


def test_every_server_hears_from_a_new_socket_at_once_but_none_twice() -> None:
    natted = Natted("AB", interval=20).live(10)
    sent = natted.session.poll(30)
    assert {server for server, _ in sent} == {"A", "B"}
    natted.session.rebound(30)
    assert natted.session.poll(30) == []
    natted.session.rebound(31)
    assert {server for server, _ in natted.session.poll(31)} == {"A", "B"}


def test_a_server_may_wish_for_one_more_again_on_a_new_socket() -> None:
    natted = Natted(interval=20)

    def beats(now: float) -> int:
        frames = [frame.decode() for _, frame in natted.session.poll(now)]
        for frame in frames:
            natted.session.receive("A", natted.servers["A"].heartbeat_ack(frame, again=True).encode(), now)
        return len(frames)

    assert [beats(0), beats(0), beats(0)] == [1, 1, 0]
    natted.session.rebound(1)
    assert [beats(1), beats(1), beats(1)] == [1, 1, 0]


def test_one_server_that_was_never_heard_on_this_socket_is_no_reason_for_another_one() -> None:
    natted = Natted("AB", interval=20)
    for second in range(0, 200, 10):
        for server, frame in natted.session.poll(second):
            if server == "A":
                natted._hear("A", natted.servers["A"].heartbeat_ack(frame.decode()))
        assert not natted.session.deaf


def test_prob_is_acknowledged_each_time() -> None:
    natted = Natted(interval=20).live(1)
    for _ in range(2):
        assert natted._hear("A", natted.servers["A"].says("PROB")) == []
        ((server, ack),) = natted.session.poll(natted.now)
        assert (server, verb_of(ack.decode())) == ("A", "ACK")
        assert params_of(ack.decode())[:4] == (f"{natted.servers['A'].down:x}", "0", "0", "0")


def test_keep_is_answered_once() -> None:
    natted = Natted(interval=20).live(1)
    counter, frame = natted.session.keep("A")
    delayed, other = natted.session.keep("A", 25)
    assert (params_of(frame.decode())[0], params_of(other.decode())[0]) == ("0", "25000")
    says = natted.servers["A"].says
    assert natted._hear("A", says("ACK", f"{counter:x}", "0", ADDRESS)) == [KeepAnswered("A", counter, HERE)]
    assert natted._hear("A", says("ACK", f"{delayed:x}", "1", ADDRESS)) == [KeepAnswered("A", delayed, None)]
    assert natted._hear("A", says("ACK", f"{delayed + 1:x}", "0", ADDRESS)) == []


@pytest.mark.parametrize("delay", [-1, 301])
def test_a_keep_that_no_server_would_answer_is_not_written(delay: float) -> None:
    with pytest.raises(ValueError, match="delay"):
        Natted().session.keep("A", delay)


def test_keeps_are_forgotten_in_the_end() -> None:
    natted = Natted(interval=20).live(1)
    first, _ = natted.session.keep("A")
    for _ in range(max(MAX_KEEPS_REMEMBERED, AWAITED_KEEPS)):
        natted.session.keep("A")
    assert natted._hear("A", natted.servers["A"].says("ACK", f"{first:x}", "0", ADDRESS)) == []
    assert MAX_KEEPS_REMEMBERED > MAX_KEEPS


def test_an_answer_to_keep_opens_the_window_of_a_session_that_has_just_started() -> None:
    natted = Natted(interval=20)
    counter, _ = natted.session.keep("A")
    heard = natted._hear("A", natted.servers["A"].says("ACK", f"{counter:x}", "0", ADDRESS))
    assert heard == [KeepAnswered("A", counter, HERE)]


@settings(deadline=None)
@given(st.data())
def test_whatever_a_server_says_nothing_is_raised(data: st.DataObject) -> None:
    """Also signed, in forms that no sender of ours would write."""
    natted = Natted("AB").live(5)
    tag_key = derive(key_from_text(KEY), Purpose.TAG, Way.DOWN, "A")
    words = st.sampled_from(
        ["0", "1", "401", "402", ADDRESS, "192.0.2.9:1/e", "1.0.-.5.desk", "ended", "x" * 60, "A.1"]
    )
    for counter in range(data.draw(st.integers(1, 8))):
        verb = data.draw(st.sampled_from(["ACK", "ACK", "PROB", "PNCH", "SYNC", "TLGS", "CONN", "KEEP"]))
        fields = [
            "cam1",
            verb,
            *(data.draw(words) for _ in range(4)),
            f"{natted.servers['A'].down + counter + 1:x}",
            "",
        ]
        frame = with_tag(tag_key, ",".join(fields).encode())
        natted.session.receive("A", data.draw(st.just(frame) | nearly(st.just(frame))), natted.now)
        natted.session.receive("B", data.draw(st.binary(max_size=200)), natted.now)
        natted.session.poll(natted.now)
        natted.session.poll_ladder(natted.now)
