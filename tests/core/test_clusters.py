"""Several servers share the work: a device's state follows its datagrams, and one of them judges silence."""

from alarmd.core.effects import HandOver, SaveAlarm, SaveCommand, SendFrame
from alarmd.core.inputs import DevicesReleased, JudgeChosen, LinesSeen, PlacesTold
from alarmd.core.instant import SECOND
from alarmd.core.records import AlarmKind, AlarmState, Arming, CommandState, Presence
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    CommandRequested,
    DeviceAdopted,
    SiteRequested,
)
from alarmd.core.snapshot import part_of
from tests.cluster_playbook import ClusterPlaybook, Member
from tests.playbook import frame, heartbeat
from tests.signed_camera import SignedCamera

MOTION = "{},MOAL,gate,0,0,0,0,0"
ACK = "{},ACK,0,0,0,0,0,0"
HERE, THERE = "192.0.2.1", "198.51.100.1"


def beat(cluster: ClusterPlaybook, seconds: float, *names: str, at: Member, host: str = HERE) -> None:
    """Heartbeats every ten seconds."""
    for _ in range(round(seconds / 10)):
        cluster.later(10.0)
        for name in names:
            at << heartbeat(name, host)


def adopted(*names: str, members: int = 2, host: str = HERE) -> tuple[ClusterPlaybook, list[Member]]:
    """Heard by the last member."""
    cluster = ClusterPlaybook(members)
    for name in names:
        cluster.members[-1] << DeviceAdopted("op", name)
        cluster.members[-1] << heartbeat(name, host)
    return cluster, cluster.members


def test_an_incident_goes_on_at_whichever_member_hears_the_next_motion() -> None:
    cluster = ClusterPlaybook()
    one, two = cluster.members
    one << frame(MOTION.format("cam1"))
    two << frame(MOTION.format("cam1"))
    assert not one.has("cam1")
    assert two.has("cam1")
    assert len(cluster.alarms()) == 1
    assert not [effect for effect in two.effects if isinstance(effect, SaveAlarm)]


def test_members_never_give_out_the_same_number() -> None:
    cluster = ClusterPlaybook(3)
    for number, member in enumerate(cluster.members):
        member << frame(MOTION.format(f"cam{number}"))
    found = cluster.store.load()
    assert len({device.id for device in found.devices}) == 3
    assert len({alarm.id for alarm in found.alarms}) == 3
    assert len({alarm.hlc for alarm in found.alarms}) == 3


def test_a_command_is_sent_by_whichever_member_hears_the_device_and_has_one_outcome() -> None:
    cluster, (one, two) = adopted("cam1")
    two << CommandRequested("op", "cam1", "TLGS")
    one << heartbeat("cam1")
    assert any(b",TLGS," in effect.payload for effect in one.effects if isinstance(effect, SendFrame))
    two << frame(ACK.format("cam1"))
    assert [effect.command.state for effect in two.made(SaveCommand)] == [CommandState.ACKED]
    assert cluster.store.load().commands == ()


def test_a_device_that_is_late_is_handed_over_and_its_loss_is_told_within_the_limit() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    beat(cluster, 60.0, "cam2", at=two)
    assert one.has("cam1")
    assert not two.has("cam1")
    beat(cluster, 30.0, "cam2", at=two)
    (alarm,) = cluster.alarms()
    assert alarm.kind is AlarmKind.CONTACT_LOST
    assert alarm.raised_at - cluster.store.load().contacts[0].last_contact <= 90 * SECOND


def test_the_loss_ends_where_the_device_is_heard_again() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    beat(cluster, 100.0, "cam2", at=two)
    assert one.has("cam1")
    two << heartbeat("cam1")
    assert cluster.alarms() == []
    assert two.engine.state.sessions["cam1"].presence is Presence.ONLINE


def test_devices_behind_one_address_are_one_loss_whoever_heard_them() -> None:
    cluster, (one, two) = adopted("cam1")
    one << DeviceAdopted("op", "cam2") << heartbeat("cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    (alarm,) = cluster.alarms()
    assert alarm.kind is AlarmKind.SITE_LOST
    assert alarm.event_count == 2


def test_one_device_of_a_line_that_another_member_hears_is_no_site() -> None:
    cluster, (_one, two) = adopted("cam1", "cam2", "cam3")
    beat(cluster, 120.0, "cam3", at=two)
    assert {alarm.kind for alarm in cluster.alarms()} == {AlarmKind.CONTACT_LOST}


def test_a_site_that_is_back_at_another_member_ends_its_one_alarm() -> None:
    cluster, (_one, two) = adopted("cam1", "cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    two << heartbeat("cam1") << heartbeat("cam2")
    cluster.later(2.0)
    assert cluster.alarms() == []


def test_everything_at_once_is_the_own_uplink_and_one_alarm() -> None:
    cluster, (one, _two) = adopted("cam1", "cam2")
    for name in ("cam3", "cam4"):
        one << DeviceAdopted("op", name) << heartbeat(name, THERE)
    cluster.later(110.0)
    (alarm,) = cluster.alarms()
    assert alarm.kind is AlarmKind.UPLINK_LOST
    assert alarm.event_count == 4


def test_neighbours_at_other_members_watch_for_a_lost_device_and_stop_when_it_is_back() -> None:
    cluster, (_one, two) = adopted("cam1", "cam2")
    beat(cluster, 90.0, "cam2", at=two)
    assert two.engine.state.sessions["cam2"].device.wanted_detector is True
    two << heartbeat("cam1")
    beat(cluster, 70.0, "cam1", "cam2", at=two)
    assert two.engine.state.sessions["cam2"].device.wanted_detector is False
    assert cluster.causes == {}


def test_what_a_member_that_died_watched_is_watched_by_another_with_one_interval_of_grace() -> None:
    cluster, (one, two) = adopted("cam1")
    cluster.later(60.0)
    cluster.die(one)
    assert two.has("cam1")
    cluster.later(20.0)
    assert cluster.alarms() == []
    cluster.later(20.0)
    assert [alarm.kind for alarm in cluster.alarms()] == [AlarmKind.CONTACT_LOST]


def test_the_alarm_of_a_site_goes_on_at_the_next_judge() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    cluster.die(one)
    cluster.later(1.0)
    (alarm,) = cluster.alarms()
    two << AlarmAcknowledged("op", alarm.id)
    assert cluster.alarms()[0].state is AlarmState.ACKNOWLEDGED
    two << heartbeat("cam1") << heartbeat("cam2")
    cluster.later(1.0)
    assert cluster.alarms() == []


def test_who_ceases_to_judge_lets_go_of_what_is_about_no_single_device() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    one << JudgeChosen(judges=False)
    assert one.engine.state.alarms == {}
    assert one.engine.state.losses == {}


def test_a_signed_device_lives_at_whichever_member_hears_it() -> None:
    """It echoes what another member sent it: that proves its life here too, though not yet its address."""
    cluster = ClusterPlaybook()
    one, two = cluster.members
    camera = SignedCamera("cam1")
    one.give_key(camera.name, camera.key)
    camera.meet(one)
    for number in range(12):
        cluster.later(9.0)
        camera.beat((two, one)[number % 2])
    assert cluster.alarms() == []
    assert one.engine.state.sessions["cam1"].presence is Presence.ONLINE
    assert not [effect for member in (one, two) for effect in member.history if isinstance(effect, HandOver)]


def test_a_message_that_proves_no_life_does_not_make_a_device_late_that_was_heard_elsewhere() -> None:
    cluster = ClusterPlaybook()
    one, two = cluster.members
    camera = SignedCamera("cam1")
    one.give_key(camera.name, camera.key)
    camera.meet(one)
    for number in range(12):
        cluster.later(9.0)
        camera.beat((two, one)[number % 2])
    two << camera.moal()
    cluster.later(15.0)
    assert two.engine.state.sessions["cam1"].presence is Presence.ONLINE


def test_an_echo_of_what_a_member_sent_long_ago_proves_no_life() -> None:
    cluster = ClusterPlaybook()
    one, two = cluster.members
    camera = SignedCamera("cam1")
    one.give_key(camera.name, camera.key)
    camera.meet(one)
    cluster.later(100.0)
    assert [alarm.kind for alarm in cluster.alarms()] == [AlarmKind.CONTACT_LOST]
    two << camera.heartbeat()
    assert two.engine.state.sessions["cam1"].presence is Presence.LOST


def test_a_device_that_was_never_heard_is_taken_like_any_other() -> None:
    cluster = ClusterPlaybook()
    one, two = cluster.members
    one << DeviceAdopted("op", "cam1")
    two << heartbeat("cam1")
    assert two.engine.state.sessions["cam1"].presence is Presence.ONLINE
    assert not one.has("cam1")
    one << DevicesReleased((999,))
    assert one.effects == []


def test_the_follow_up_of_an_alarm_goes_with_its_device_and_with_the_judge() -> None:
    cluster = ClusterPlaybook(2, remind_every=60)
    one, two = cluster.members
    one << frame(MOTION.format("cam1"))
    two << frame(MOTION.format("cam1"))
    assert not any(one.engine.state.follow_ups.values())
    assert [list(line) for line in two.engine.state.follow_ups.values()] == [[alarm.id for alarm in cluster.alarms()]]


def test_a_site_that_is_lost_is_reminded_of_by_the_judge_alone() -> None:
    cluster = ClusterPlaybook(2, remind_every=600)
    one, two = cluster.members
    for name, host in (("cam1", HERE), ("cam2", HERE), ("cam3", THERE)):
        two << DeviceAdopted("op", name) << heartbeat(name, host)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    (alarm,) = cluster.alarms()
    one << JudgeChosen(judges=False)
    two << JudgeChosen(judges=True, alarms=(alarm,))
    assert not any(one.engine.state.follow_ups.values())
    assert [list(line) for line in two.engine.state.follow_ups.values()] == [[alarm.id]]


def test_a_line_that_another_member_hears_again_takes_no_more_members() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    assert one.engine.state.loss_alarms
    one << LinesSeen(frozenset({HERE}), anybody=True)
    assert not one.engine.state.loss_alarms


def test_the_next_judge_ends_the_causes_of_failover_mode() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    beat(cluster, 90.0, "cam2", at=two)
    two << heartbeat("cam1")
    cluster.die(one)
    beat(cluster, 70.0, "cam1", "cam2", at=two)
    assert cluster.causes == {}
    assert two.engine.state.sessions["cam2"].device.wanted_detector is False


def test_older_news_of_a_place_changes_nothing() -> None:
    cluster = ClusterPlaybook()
    (one, _) = cluster.members
    state = one.engine.state
    old = PlacesTold(tuple(state.sites.values()), tuple(state.zones.values()))
    one << ArmingRequested("op", "home", Arming.DISARMED) << SiteRequested("op", "home", "Europe/Prague")
    one << old
    assert {zone.arming for zone in state.zones.values() if zone.name == "home"} == {Arming.DISARMED}
    assert [site.time_zone for site in state.sites.values()] == ["Europe/Prague"]


def test_of_a_part_only_what_concerns_some_devices_is_kept() -> None:
    cluster, _ = adopted("cam1", "cam2")
    found = cluster.store.load()
    (first, second) = found.devices
    kept = part_of(found, {first.id})
    assert kept.devices == (first,)
    assert [contact.device_id for contact in kept.contacts] == [first.id]
    assert part_of(found, {first.id, second.id}) is found


def test_a_device_of_a_lost_site_that_comes_back_by_way_of_another_member_leaves_the_loss() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    for name in ("cam1", "cam2"):
        two << heartbeat(name)
        one << heartbeat(name)
    assert cluster.alarms() == []


def test_an_alarm_of_a_site_whose_devices_are_not_here_yet_is_let_go_again() -> None:
    cluster, (one, two) = adopted("cam1", "cam2")
    two << DeviceAdopted("op", "cam3") << heartbeat("cam3", THERE)
    beat(cluster, 120.0, "cam3", at=two, host=THERE)
    two << JudgeChosen(judges=True, alarms=tuple(cluster.alarms()))
    two << JudgeChosen(judges=False)
    assert two.engine.state.alarms == {}
    assert one.engine.state.alarms


def test_of_several_alarms_of_a_device_one_that_is_cleared_leaves_the_others() -> None:
    cluster, (_, two) = adopted("cam1")
    two << frame(MOTION.format("cam1"))
    cluster.later(90.0)
    two << frame(MOTION.format("cam1"))
    first, second = (alarm.id for alarm in cluster.alarms() if alarm.kind is AlarmKind.MOTION)
    two << AlarmCleared("op", first)
    device = two.engine.state.sessions["cam1"].device.id
    assert two.engine.state.device_alarms[device] >= {second}
    assert first not in two.engine.state.device_alarms[device]
