"""What the simulation of two servers found, each as short as it can be told."""

from zoneinfo import ZoneInfo

from alarmd.core.engine import Engine
from alarmd.core.inputs import AlarmCleared, ServerStarted
from alarmd.core.records import AlarmState
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
