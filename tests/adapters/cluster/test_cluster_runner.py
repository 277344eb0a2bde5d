import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from alarmd.adapters.cluster import cluster_runner, membership, waiting_room
from alarmd.adapters.reactor_clock import now
from alarmd.core.inputs import PictureFound, PictureReceived, TimerFired
from alarmd.core.records import Arming, Presence, Trigger
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import AlarmAcknowledged, ArmingRequested, CommandRequested, DeviceAdopted, DeviceForgotten
from tests.adapters.cluster.conftest import Join, Member
from tests.waiting import until

Sql = Callable[[str], list[tuple[Any, ...]]]

MOTION = "{},MOAL,gate,0,0,0,0,0"
BEAT = "{},HEARTBEAT,0,0,0,0,0,0"
ACK = b"cam1,ACK,0,0,0,0,0,0"


async def moved(motion_at: Member, name: str = "cam1") -> None:
    before = len(motion_at.peer.sent)
    motion_at.send(MOTION.format(name))
    await until(lambda: len(motion_at.peer.sent) > before, "the ACK")


async def test_a_device_goes_to_whoever_hears_it_and_leaves_the_other_without_a_word(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await moved(one)
    await moved(two)
    await until(lambda: not one.has("cam1"), "its release")
    assert two.peer.sent == [ACK]
    assert sql("SELECT count(*) FROM devices") == [(1,)]
    assert sql("SELECT count(*) FROM alarms") == [(1,)]
    assert {kind for (kind,) in sql("SELECT kind FROM events WHERE device_id IS NOT NULL")} == {
        "device_new",
        "alarm_raised",
        "motion",
    }


async def test_what_happens_to_one_device_keeps_its_order_while_it_is_taken(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await moved(one)
    two.send(*(f"cam1,LOG,{number},0,0,0,0,0" for number in range(1, 10)))
    await until(lambda: len(two.peer.sent) == 9, "the ACKs")
    assert [text for (text,) in sql("SELECT text FROM events WHERE kind = 'log' ORDER BY row")] == list("123456789")


async def test_two_that_admit_one_name_at_once_end_with_one_device(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    for member in (one, two):
        member.send(MOTION.format("cam1"))
    await until(lambda: one.peer.sent == [ACK] and two.peer.sent == [ACK], "both ACKs")
    assert sql("SELECT count(*) FROM devices") == [(1,)]
    assert sql("SELECT count(*) FROM alarms") == [(1,)]
    assert sql("SELECT count(*) FROM events WHERE kind = 'motion'") == [(2,)]
    assert sql("SELECT count(*) FROM quarantine") == [(0,)]


async def test_a_turn_that_the_other_overtook_is_decided_again_from_what_is_stored(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await moved(one)
    one.membership._notifications.stop()  # it does not hear that the device is gone
    await asyncio.to_thread(one.membership._notifications._thread.join)
    await moved(two)
    await moved(one)
    assert sql("SELECT count(*) FROM events WHERE kind = 'motion'") == [(3,)]
    assert sql("SELECT count(*) FROM alarms") == [(1,)]
    await until(lambda: not two.has("cam1"), "its release")


async def test_a_request_takes_its_device(join: Join) -> None:
    one, two = await join(), await join()
    await moved(one)
    (device,) = await two.runner.submit_request(DeviceAdopted("op", "cam1", "home"))
    assert device.name == "cam1"  # type: ignore[union-attr]  # it is one
    await until(lambda: not one.has("cam1"), "its release")


async def test_a_command_for_a_zone_gathers_its_devices(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    for name, member in (("cam1", one), ("cam2", two)):
        await member.runner.submit_request(DeviceAdopted("op", name, "home"))
    commands = await two.runner.submit_request(CommandRequested("op", "@home", "TLGS"))
    assert len(commands) == 2
    assert sql("SELECT count(*) FROM commands") == [(2,)]


async def test_a_command_for_more_than_one_server_should_gather_is_refused(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_runner, "MAX_GROUP", 1)
    one = await join()
    for name in ("cam1", "cam2"):
        await one.runner.submit_request(DeviceAdopted("op", name, "home"))
    with pytest.raises(RequestRefusedError, match="over 1 devices"):
        await one.runner.submit_request(CommandRequested("op", "*", "TLGS"))


async def test_an_alarm_is_acknowledged_at_any_member(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await moved(one)
    ((alarm_id,),) = sql("SELECT id FROM alarms")
    await two.runner.submit_request(AlarmAcknowledged("op", alarm_id))
    assert sql("SELECT state, acknowledged_by FROM alarms") == [("acknowledged", "op")]


async def test_an_alarm_about_no_single_device_is_for_the_judge(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await until(lambda: one.judging == [True] and two.judging == [False], "the judge")
    with pytest.raises(RequestRefusedError, match="ask the server that judges"):
        await two.runner.submit_request(AlarmAcknowledged("op", 1))
    with pytest.raises(RequestRefusedError, match="no open alarm"):
        await one.runner.submit_request(AlarmAcknowledged("op", 1))


async def test_a_name_that_was_forgotten_may_be_another_members_device(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await moved(one)
    await one.runner.submit_request(DeviceForgotten("op", "cam1"))
    await moved(two)
    assert sql("SELECT count(*) FROM devices WHERE forgotten_at IS NULL") == [(1,)]


async def test_there_is_an_end_to_what_waits(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_room, "MAX_HELD_EACH", 2)
    one = await join()
    one.send(*[MOTION.format("cam1")] * 3)
    assert one.counted.dropped("cluster", "held") == 1
    assert one.runner.waiting == 2
    await until(lambda: len(one.peer.sent) == 2, "the others")


async def test_what_nobody_can_read_is_asked_of_nobody(join: Join) -> None:
    one = await join()
    one.send(",,,,,,,,,,,,", "\x00\x01")
    assert one.runner.waiting == 0


async def test_what_one_arms_the_others_know(join: Join) -> None:
    one, two = await join(), await join()
    await one.runner.submit_request(ArmingRequested("op", "home", Arming.DISARMED))
    home = two.state.zone_named("home")
    assert home is not None
    await until(lambda: two.state.zones[home.id].arming is Arming.DISARMED, "the news")


async def test_the_others_hear_that_messages_wait(join: Join) -> None:
    one, two = await join(), await join()
    await until(lambda: two.outbox.stored_count == 1, "the look after connecting")
    await moved(one)
    await until(lambda: two.outbox.stored_count > 1, "the word")


async def test_a_picture_goes_to_the_member_that_has_its_device(join: Join) -> None:
    one, two = await join(), await join()
    await one.runner.submit_request(DeviceAdopted("op", "cam1", "home"))
    picture = PictureReceived("cam1", "cam1/1.jpg", None, now().wall, Trigger.DEVICE, "u", "d" * 64, 1, 64, 48)
    await two.runner.submit_request(picture)
    await until(lambda: not one.has("cam1"), "its release")
    two.runner.submit(PictureFound(picture), now())
    assert two.has("cam1")


async def test_a_device_that_is_late_goes_to_the_judge(join: Join) -> None:
    one, two = await join(), await join(report_within=20.0)
    await until(lambda: one.judging == [True] and two.judging == [False], "the judge")
    await two.runner.submit_request(DeviceAdopted("op", "cam1", "home"))
    two.send(BEAT.format("cam1"))
    await until(lambda: bool(two.peer.sent), "the answer")
    await until(lambda: one.has("cam1") and not two.has("cam1"), "the handing over")
    assert one.state.sessions["cam1"].presence is Presence.LATE


async def test_what_a_member_left_is_taken_at_once(join: Join, sql: Sql) -> None:
    one, two = await join(), await join()
    await moved(two)
    await two.membership.leave()
    await until(lambda: one.has("cam1"), "the taking over")
    await until(lambda: sql("SELECT count(*) FROM members") == [(1,)], "the end")


async def test_a_member_that_was_buried_ends(join: Join, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "RENEW", 0.05)
    one, two = await join(), await join()
    await until(lambda: two.judging == [False], "its start")
    one.store.bury([two.store.joined.incarnation])
    await until(lambda: two.expelled, "its end")
    assert not one.expelled


async def test_whoever_missed_the_news_asks_for_all_of_it(join: Join) -> None:
    one, two = await join(), await join()
    await moved(one)
    mine = await asyncio.to_thread(one.store.mine)
    (device_id,) = mine
    two.runner.given([(device_id, 1)])  # it is not its own: nothing comes of it
    one.runner.compare(one.runner.known(), {})
    assert not one.has("cam1")
    one.runner.compare({}, mine)
    await until(lambda: one.has("cam1"), "its return")


async def test_the_timer_of_a_member_stores_what_is_its_own(join: Join) -> None:
    one = await join()
    await moved(one)
    one.runner.submit(TimerFired(now().mono), now())
    await one.runner.commits.until_idle()
    assert one.has("cam1")


async def test_a_member_compares_what_it_has_with_what_is_stored_now_and_then(
    join: Join, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "RENEW", 0.05)
    monkeypatch.setattr(membership, "COMPARE", 1)
    one = await join()
    await moved(one)
    sql("UPDATE custodies SET member = 0, epoch = epoch + 1 RETURNING 1")  # without a word
    await until(lambda: sql("SELECT epoch FROM custodies") == [(3,)] and one.has("cam1"), "its return")
