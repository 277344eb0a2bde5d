"""Two whole servers that watch together: what one knows the other knows."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from alarmd.adapters.peer import link, meeting
from alarmd.adapters.peer.authority import issue
from alarmd.core.link_condition import Link
from alarmd.core.records import AlarmState, Event
from alarmd.core.requests import AlarmAcknowledged, DeviceAdopted, KeyGiven
from tests.adapters.peer.two_servers import Pair, Server, a_pair, write_pair
from tests.signed_camera import SignedCamera
from tests.waiting import until

MOTION = "cam1,MOAL,garden_gate,0,0,0,0,0"


async def test_an_event_made_at_one_server_is_at_the_other(pair: Pair) -> None:
    for here, there, name in ((pair.a, pair.b, "cam1"), (pair.b, pair.a, "cam2")):
        await here.frame(f"{name},LOG,{name} sees no light,0,0,0,0,0")
        await there.has_event(f"{name} sees no light")
        assert name in there.state.sessions


async def test_an_alarm_acknowledged_at_one_server_is_acknowledged_at_the_other(pair: Pair) -> None:
    await pair.a.frame(MOTION)
    await until(lambda: pair.b.state.alarms, "the alarm")
    (number,) = pair.b.state.alarms
    await pair.b.request(AlarmAcknowledged("eve", number))
    await until(lambda: pair.a.state.alarms[number].state is AlarmState.ACKNOWLEDGED, "the acknowledgement")
    assert pair.a.state.alarms[number].acknowledged_by == "eve"


async def test_a_key_given_at_one_server_opens_both_and_an_alarm_says_in_how_many_copies_it_is(pair: Pair) -> None:
    camera = SignedCamera()
    await pair.a.request(KeyGiven("eve", camera.name, camera.key))
    for _ in range(2):
        camera.read(await pair.a.frame(camera.heartbeat().payload))
    await until(lambda: pair.b.state.sessions.get(camera.name), "the device")
    await until(lambda: pair.b.state.sessions[camera.name].signed is not None, "its key")
    assert copies(camera, await pair.a.frame(camera.moal("gate").payload)) == 2
    await pair.b.stop()
    assert copies(camera, await pair.a.frame(camera.moal("door").payload)) == 1


def copies(camera: SignedCamera, answer: bytes) -> int:
    """What the ACK of an alarm says."""
    ack = camera.read(answer)
    assert ack.verb == "ACK"
    return int(ack.params[1])


async def logs_are_equal(pair: Pair, *, count: int) -> None:
    """Both have the same `count` notes, each once."""
    async with asyncio.timeout(30):
        while True:
            a, b = await pair.a.stored("log"), await pair.b.stored("log")
            if len(a) == count and {(one.origin, one.sequence) for one in a} == {
                (one.origin, one.sequence) for one in b
            }:
                break
            await asyncio.sleep(0.02)
    assert sorted(one.text for one in a) == sorted(one.text for one in b)


def identities(events: list[Event]) -> list[tuple[str, int]]:
    return sorted((one.origin, one.sequence) for one in events)


async def test_what_happened_while_the_two_were_apart_is_at_both_afterwards(pair: Pair) -> None:
    pair.line.cut = True
    pair.line.break_now()
    await until(lambda: pair.a.link is pair.b.link is Link.GONE, "the cut")
    await pair.a.many(150, "seen by A")
    await pair.b.many(150, "seen by B")
    pair.line.cut = False
    await pair.met()
    await logs_are_equal(pair, count=300)
    assert set(pair.a.state.sessions) == set(pair.b.state.sessions)


async def test_a_line_that_breaks_in_the_middle_of_catching_up_leaves_no_gap(pair: Pair) -> None:
    pair.line.cut = True
    pair.line.break_now()
    await pair.a.many(800, "seen by A")
    pair.line.cut = False
    for _ in range(4):  # each time a little of it gets through
        passed = pair.line.passed
        await until(lambda: pair.line.passed > passed + 20_000, "some of it")  # noqa: B023  called in this round only
        pair.line.break_now()
    await logs_are_equal(pair, count=800)


async def test_a_server_that_was_down_catches_up_at_its_start(pair: Pair) -> None:
    await pair.b.stop()
    await pair.a.frame(MOTION)
    await pair.b.start()
    await until(lambda: pair.b.state.alarms, "the alarm")
    await pair.b.has_event("garden_gate")


async def test_who_comes_back_hears_the_peer_before_it_hears_its_devices(pair: Pair) -> None:
    await pair.b.stop()
    await pair.a.frame(MOTION)
    await pair.b.start()
    await pair.b.frame(MOTION)
    reader = pair.b.application._storage.reader
    alarms = await asyncio.to_thread(partial(reader.alarms, include_cleared=True))
    assert [one.alarm.identity.split(":")[1] for one in alarms] == ["A"]


async def test_whose_peer_is_away_opens_its_doors_all_the_same(pair: Pair) -> None:
    await pair.b.stop()
    await pair.a.stop()
    await pair.b.start()
    assert (await pair.b.frame(MOTION)).startswith(b"cam1,ACK,")


async def test_a_planned_stop_says_goodbye_and_is_no_loss(pair: Pair) -> None:
    await pair.b.many(50, "the last words of B")
    await pair.b.stop()
    assert pair.a.link is Link.LEFT
    assert len(await pair.a.events("log")) == 50
    await pair.a.has_event("a planned stop")
    assert await pair.a.events("peer_left")
    assert not pair.a.state.alarms


async def test_a_peer_that_is_silent_is_gone(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "SILENT", 0.5)
    monkeypatch.setattr(link, "LOOK", 0.1)
    pair.line.frozen = True
    await until(lambda: pair.a.link is pair.b.link is Link.GONE, "the silence to be heard")
    condition = pair.a.application._peer.condition()
    assert condition is not None
    assert condition.reason == "silent for 0 s"
    monkeypatch.setattr(link, "SILENT", 30.0)
    pair.line.frozen = False
    await pair.met()


async def test_a_new_connection_takes_the_place_of_one_that_only_seems_alive(pair: Pair) -> None:
    pair.line.frozen = True
    pair.line.break_far()
    await until(lambda: pair.b.link is Link.GONE, "B to see it")
    assert pair.a.link is Link.MET
    pair.line.frozen = False
    await until(lambda: pair.b.link is Link.MET, "B to be back")
    await pair.a.many(10, "after it")
    await logs_are_equal(pair, count=10)
    await until(lambda: len(pair.a.application._peer._station._meetings) == 1, "the old one to end")  # type: ignore[union-attr]


async def test_a_peer_that_does_not_keep_up_is_told_from_the_database(pair: Pair) -> None:
    pair.a.application._outflow._limit = 40
    pair.line.frozen = True
    await pair.a.many(300, "too much")
    assert pair.a.application._outflow.overflowed
    pair.line.frozen = False
    await logs_are_equal(pair, count=300)
    await until(lambda: pair.a.application._outflow.is_open and not len(pair.a.application._outflow), "all of it")
    await pair.a.many(10, "live again")
    await logs_are_equal(pair, count=310)


async def test_a_stranger_s_certificate_opens_nothing(
    tmp_path: Path, reactor: AsyncioSelectorReactor, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_pair(tmp_path, reactor) as pair:
        await pair.met()
        await pair.b.stop()
        write_pair(pair.b, issue(("A", "B"))[1], pair.line.address)
        await pair.b.start()
        await until(lambda: "certificate" in capsys.readouterr().out.lower(), "the complaint")
        assert pair.b.link is Link.GONE
        await pair.b.frame("cam9,LOG,secret,0,0,0,0,0")
        assert pair.a.link is Link.LEFT
        assert "cam9" not in pair.a.state.sessions


async def test_a_copy_of_the_same_server_is_not_its_peer(
    tmp_path: Path, reactor: AsyncioSelectorReactor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody put A's backup on the second machine."""
    async with a_pair(tmp_path, reactor) as pair:
        await pair.met()
        await pair.b.stop()
        double = Server(tmp_path / "double", "A", reactor)
        write_pair(double, pair.papers[0], pair.line.address)
        await double.start()
        said = "the other side is a.alarmd.internal by its certificate, not server B"
        await until(lambda: said in capsys.readouterr().out, "the complaint")
        assert pair.a.link is Link.LEFT
        await double.stop()


async def test_versions_that_have_nothing_in_common_are_refused_and_tried_again(
    tmp_path: Path,
    reactor: AsyncioSelectorReactor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(meeting, "OLDEST", 7)
    monkeypatch.setattr(meeting, "NEWEST", 9)
    async with a_pair(tmp_path, reactor) as pair:
        said = ""

        def both_said_so() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return said.count("install the same version of alarmd on both") >= 2

        await until(both_said_so, "the refusal")
        assert "the peer refuses" in said or "versions 7 to 9" in said
        assert pair.a.link is pair.b.link is Link.GONE
        monkeypatch.undo()
        await pair.met()


async def test_the_one_that_speaks_tells_and_the_other_one_knows(pair: Pair) -> None:
    await pair.a.frame(MOTION)
    await until(lambda: pair.b.state.alarms, "the alarm")
    async with asyncio.timeout(30):
        while {state for _, state in await pair.b.deliveries()} != {"delivered"}:
            await asyncio.sleep(0.02)
    assert await pair.a.deliveries() == await pair.b.deliveries()


async def test_each_server_knows_which_devices_the_other_one_hears(pair: Pair) -> None:
    await pair.a.request(DeviceAdopted("eve", "cam1"))
    await pair.a.frame("cam1,HEARTBEAT,0,0,0,26,0,0")
    await until(lambda: "cam1" in pair.b.state.peer_hears, "A's word")
    assert "cam1" not in pair.a.state.peer_hears


async def test_the_link_is_shown_in_the_metrics(pair: Pair) -> None:
    await pair.a.many(20, "to be counted")
    await logs_are_equal(pair, count=20)
    await until(lambda: pair.a.value("alarmd_peer_stored_seconds_count"), "the answers")
    assert pair.a.value("alarmd_peer_up") == 1
    assert pair.a.value("alarmd_peer_lag_seconds") < 30
    assert abs(pair.a.value("alarmd_peer_clock_offset_seconds")) < 5
    await until(lambda: pair.a.value("alarmd_replicated_records_total", direction="sent") >= 20, "the records sent")
    assert pair.b.value("alarmd_replicated_records_total", direction="received") >= 20
    await until(lambda: pair.a.value("alarmd_queue_length", queue="peer") == 0, "the queue")
    await pair.b.stop()
    assert pair.a.value("alarmd_peer_up") == 0
