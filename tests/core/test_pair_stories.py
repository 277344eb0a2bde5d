"""What the simulation of two servers found, each as short as it can be told."""

from alarmd.core.records import AlarmState
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
