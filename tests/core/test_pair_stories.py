"""What the simulation of two servers found, each as short as it can be told."""

from zoneinfo import ZoneInfo

from alarmd.core.engine import Engine
from alarmd.core.inputs import ServerStarted
from alarmd.core.records import AlarmState, Arming, Standing
from alarmd.core.requests import AlarmCleared, ArmingRequested, CommandRequested, DeviceForgotten
from alarmd.core.state import MAX_ENDED
from tests.pair_playbook import PairPlaybook
from tests.playbook import frame

MOTION = frame("cam1,MOAL,gate,0,0,0,0,0")


def met(**settings: object) -> PairPlaybook:
    pair = PairPlaybook(**settings).meet()  # type: ignore[arg-type]
    pair.a.adopt("cam1")
    return pair.exchange()


def ended(pair: PairPlaybook) -> list[int | None]:
    """When the alarm that stays ended, at both."""
    kept = [one.store.tables.by_name["alarms"].kept for one in (pair.a, pair.b)]
    (stays,) = [alarm.id for alarm in kept[0].values() if alarm.state is not AlarmState.CLEARED]
    return [alarms[stays].ended_at for alarms in kept]


def test_the_end_that_both_see_at_once_is_the_later_one_at_both() -> None:
    pair = met()
    pair.a << MOTION
    pair.exchange()
    pair.b.later(2.0)
    pair.b << MOTION
    pair.exchange()
    pair.b.later(60.5)
    pair.exchange()  # its end is not believed while the incident goes on there
    for _ in range(3):
        pair.later(25.0).exchange()
    one, other = ended(pair)
    assert one is not None
    assert one == other


def test_an_incident_goes_on_where_its_own_alarm_was_absorbed() -> None:
    pair = met()
    pair.b << MOTION
    pair.a << MOTION
    pair.exchange()
    pair.later(5.0)
    pair.b << MOTION
    assert pair.b.alarms == []
    pair.exchange()
    assert len(pair.b.engine.state.alarms) == 1


def test_a_restart_does_not_forget_what_is_over() -> None:
    """News from before, told by the peer after the restart, brings no alarm back."""
    pair = met()
    pair.a << MOTION
    pair.exchange()
    (alarm,) = pair.a.engine.state.alarms.values()
    pair.part()
    pair.b.later(61.0)  # its version tells that the incident ended, and nothing else
    pair.a << AlarmCleared("op", alarm.id)
    pair.a.engine = Engine(pair.a.settings, pair.a.store.load(MAX_ENDED), ZoneInfo, pair.a.now)
    pair.a << ServerStarted("test")
    pair.carry(pair.b, pair.a)
    pair.meet()
    for one in (pair.a, pair.b):
        assert one.store.tables.by_name["alarms"].kept[alarm.id].state is AlarmState.CLEARED


def test_motion_that_was_not_counted_yet_outlives_a_version_that_says_nothing_new() -> None:
    """It is stored with the version that it was weighed against, or a restart would know less than the peer's word."""
    pair = met()
    pair.a << MOTION
    pair.exchange()
    (alarm,) = pair.a.engine.state.alarms.values()
    pair.later(50.0)
    pair.a << MOTION
    pair.b.later(11.0)  # where nobody heard of that motion the incident is over
    pair.carry(pair.b, pair.a)
    stored = pair.a.store.tables.by_name["alarms"].kept[alarm.id]
    assert (stored.event_count, stored.ended_at) == (2, None)
    assert stored == pair.a.engine.state.alarms[alarm.id]


def test_a_forgotten_device_is_not_brought_back_by_what_the_peer_changed_before_it_heard() -> None:
    pair = met()
    pair.part()
    pair.a << DeviceForgotten("op", "cam1")
    pair.later(1.0)
    pair.b << CommandRequested("op", "cam1", "ENAL")
    pair.meet()
    for one in (pair.a, pair.b):
        assert "cam1" not in one.engine.state.sessions
    pair.b << frame("cam1,HEARTBEAT,0,0,0,0,0,0")
    pair.exchange()
    for one in (pair.a, pair.b):
        assert one.engine.state.sessions["cam1"].device.standing is Standing.ADMITTED


def test_motion_joins_the_alarm_that_the_peer_raised_when_an_incident_told_nobody_ended() -> None:
    """Whose own incident went on, counted more and so did not end, raised an alarm of its own, and both were told."""
    pair = met()
    pair.a << ArmingRequested("op", "*", Arming.DISARMED)
    pair.exchange()
    pair.b << MOTION
    pair.exchange()
    pair.a << MOTION
    pair.a << ArmingRequested("op", "*", Arming.ARMED)
    pair.exchange()
    pair.b << MOTION
    pair.carry(pair.b, pair.a)
    pair.a << MOTION
    assert pair.a.told == []
    pair.exchange()
    raised = [alarm for alarm in pair.a.engine.state.alarms.values() if alarm.told]
    assert len(raised) == 1
