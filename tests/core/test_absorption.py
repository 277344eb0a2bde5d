"""One incident, one alarm, also when both servers raised one before they heard of the other's."""

from collections.abc import Callable
from typing import Any

import pytest

from alarmd.core.effects import CopyDelivery, HushAlarm
from alarmd.core.event_kinds import EventKind
from alarmd.core.records import Alarm, AlarmKind, AlarmState, Arming
from alarmd.core.requests import AlarmAcknowledged, AlarmCleared, ArmingRequested
from tests.pair_playbook import PairPlaybook
from tests.playbook import Playbook, frame, heartbeat
from tests.signed_camera import SignedCamera

MOTION = frame("cam1,MOAL,gate,0,0,0,0,0")


def apart(**settings: Any) -> PairPlaybook:
    """Both know the devices; neither hears of the other."""
    pair = PairPlaybook(**settings).meet()
    pair.a.adopt("cam1", "cam2")
    return pair.exchange().part()


def both_see(pair: PairPlaybook) -> tuple[Alarm, Alarm]:
    raised = []
    for play in (pair.a, pair.b):
        play << MOTION
        raised += [alarm for alarm in play.alarms if alarm.state is AlarmState.RAISED and alarm.ended_at is None]
    one, other = raised
    return one, other


def of_kind(play: Playbook, kind: AlarmKind) -> list[Alarm]:
    return [alarm for alarm in play.engine.state.alarms.values() if alarm.kind is kind]


def stored(play: Playbook, alarm_id: int) -> Alarm:
    alarm: Alarm = play.store.tables.by_name["alarms"].kept[alarm_id]
    return alarm


@pytest.mark.parametrize("hear", [PairPlaybook.exchange, PairPlaybook.meet])
def test_of_two_alarms_of_one_incident_the_preferred_servers_stays(hear: Callable[[PairPlaybook], Any]) -> None:
    pair = apart()
    stays, gone = both_see(pair)
    hear(pair)
    for play in (pair.a, pair.b):
        assert of_kind(play, AlarmKind.MOTION) == [stays]
        assert stored(play, gone.id).cleared_by == "alarmd"
        assert play.count(EventKind.ALARM_CLEARED) == 0, "without a word"
    assert [effect.alarm_id for effect in pair.b.history if isinstance(effect, HushAlarm)] == [gone.id]
    copies = [effect.delivery.alarm_id for effect in pair.a.history if isinstance(effect, CopyDelivery)]
    assert gone.id not in copies
    pair.b << MOTION
    assert pair.b.kinds == [EventKind.MOTION], "motion goes on in the one that stayed"
    pair.later(120)
    assert stored(pair.b, stays.id).ended_at is not None


def test_who_acknowledged_the_one_that_goes_acknowledged_the_one_that_stays() -> None:
    pair = apart()
    stays, gone = both_see(pair)
    pair.b << AlarmAcknowledged("ann", gone.id)
    pair.meet()
    for play in (pair.a, pair.b):
        (alarm,) = of_kind(play, AlarmKind.MOTION)
        assert (alarm.id, alarm.state, alarm.acknowledged_by) == (stays.id, AlarmState.ACKNOWLEDGED, "ann")


@pytest.mark.parametrize(
    ("request_of", "state"), [(AlarmAcknowledged, AlarmState.ACKNOWLEDGED), (AlarmCleared, AlarmState.CLEARED)]
)
def test_what_is_done_about_the_one_that_goes_while_it_goes_counts_for_the_one_that_stays(
    request_of: Any, state: AlarmState
) -> None:
    pair = apart()
    stays, gone = both_see(pair)
    pair.carry(pair.b, pair.a)
    pair.b << request_of("ann", gone.id)
    pair.meet()
    for play in (pair.a, pair.b):
        assert stored(play, stays.id).state is state


def test_an_operator_who_names_the_one_that_is_gone_means_the_one_that_stayed() -> None:
    pair = apart()
    stays, gone = both_see(pair)
    pair.meet()
    pair.b << AlarmAcknowledged("ann", gone.id)
    assert pair.b.answer[0].id == stays.id


def test_one_incident_ends_when_it_has_ended_at_both() -> None:
    pair = apart()
    stays, _ = both_see(pair)
    pair.a.later(70)
    pair.b.later(30)
    pair.b << MOTION
    pair.b.later(40)
    pair.meet()
    assert stored(pair.a, stays.id).ended_at is None
    pair.later(120)
    pair.exchange()
    assert stored(pair.a, stays.id).ended_at == stored(pair.b, stays.id).ended_at is not None


def test_of_two_that_both_ended_the_later_end_counts() -> None:
    pair = apart()
    stays, _ = both_see(pair)
    pair.a.later(70)
    pair.b.later(30)
    pair.b << MOTION
    pair.b.later(70)
    pair.a.later(30)
    pair.meet()
    assert stored(pair.a, stays.id).ended_at == stored(pair.b, stays.id).ended_at == stays.raised_at + 90_000_000


def test_incidents_at_different_times_are_two() -> None:
    pair = apart()
    pair.a << MOTION
    pair.later(300)
    pair.b << MOTION
    pair.meet()
    assert [len(of_kind(play, AlarmKind.MOTION)) for play in (pair.a, pair.b)] == [2, 2]


def test_one_that_is_told_is_not_absorbed_by_one_that_is_told_nobody() -> None:
    pair = apart()
    pair.a << ArmingRequested("op", "home", Arming.DISARMED)
    both_see(pair)
    pair.meet()
    assert sorted(alarm.told for alarm in of_kind(pair.b, AlarmKind.MOTION)) == [False, True]


def test_a_loss_that_both_told_of_is_one_loss_that_ends_at_both() -> None:
    pair = apart()
    for play in (pair.a, pair.b):
        play << heartbeat("cam1", "192.0.2.1") << heartbeat("cam2", "192.0.2.2")
    for _ in range(6):
        pair.later(20)
        for play in (pair.a, pair.b):
            play << heartbeat("cam2", "192.0.2.2")
    losses = [of_kind(play, AlarmKind.CONTACT_LOST) for play in (pair.a, pair.b)]
    assert [len(found) for found in losses] == [1, 1]
    pair.exchange()
    stays = losses[0][0].id
    for play in (pair.a, pair.b):
        (alarm,) = of_kind(play, AlarmKind.CONTACT_LOST)
        assert alarm.id == stays
        assert play.engine.state.sessions["cam1"].loss_alarm == stays
        assert list(play.engine.state.losses[stays].members) == [play.engine.state.sessions["cam1"].device.id]
    pair.b << heartbeat("cam1", "192.0.2.1")
    assert [alarm.state for alarm in pair.b.alarms] == [AlarmState.CLEARED]
    pair.exchange()
    assert of_kind(pair.a, AlarmKind.CONTACT_LOST) == []


def lost_site(pair: PairPlaybook) -> None:
    """Two of three devices fall silent at both."""
    pair.a.adopt("cam3")
    pair.exchange()
    for play in (pair.a, pair.b):
        play << heartbeat("cam1") << heartbeat("cam2") << heartbeat("cam3", "192.0.2.3")
    for _ in range(6):
        pair.later(20)
        for play in (pair.a, pair.b):
            play << heartbeat("cam3", "192.0.2.3")


def test_the_devices_of_two_losses_of_a_site_are_lost_together_and_told_apart_when_a_person_says_it_is_over() -> None:
    pair = apart()
    lost_site(pair)
    pair.exchange()
    (alarm,) = of_kind(pair.b, AlarmKind.SITE_LOST)
    assert len(pair.b.engine.state.losses[alarm.id].members) == 2
    pair.a << AlarmCleared("ann", alarm.id)
    pair.exchange()
    assert of_kind(pair.b, AlarmKind.SITE_LOST) == []
    assert len(pair.b.engine.state.losses[alarm.id].members) == 2, "who stays away when the line is back is news"


@pytest.mark.parametrize("restarts", [False, True])
def test_a_loss_that_the_peer_told_of_takes_what_is_lost_here_later(restarts: bool) -> None:
    pair = apart()
    for play in (pair.a, pair.b):
        play << heartbeat("cam1", "192.0.2.1") << heartbeat("cam2", "192.0.2.2")
    for _ in range(6):
        pair.later(20)
        pair.a << heartbeat("cam2", "192.0.2.2")
        pair.b << heartbeat("cam2", "192.0.2.2") << heartbeat("cam1", "192.0.2.1")
    pair.exchange()
    (alarm,) = of_kind(pair.b, AlarmKind.CONTACT_LOST)
    late = pair.b.restart() if restarts else pair.b
    for _ in range(6):
        late.later(20) << heartbeat("cam2", "192.0.2.2")
    assert late.engine.state.sessions["cam1"].loss_alarm == alarm.id
    assert of_kind(late, AlarmKind.CONTACT_LOST) == [alarm]


def test_two_that_saw_one_clone_tell_of_it_once() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    pair.exchange().part()
    for label, play in (("A", pair.a), ("B", pair.b)):
        for boot in ("b001", "b002", "b001"):
            camera.boot = boot
            play << camera.frame("LOG", "x", "0", f"{boot}.{camera.counter + 1:x}", "0", label=label)
    assert [len(of_kind(play, AlarmKind.TAMPER)) for play in (pair.a, pair.b)] == [1, 1]
    pair.exchange()
    for play in (pair.a, pair.b):
        (alarm,) = of_kind(play, AlarmKind.TAMPER)
        signed = play.engine.state.sessions["cam1"].signed
        assert signed is not None
        assert alarm.identity.startswith("tamper:A:")
        assert signed.tamper_alarm == alarm.id


def test_a_clone_that_only_the_peer_saw_is_told_no_second_time() -> None:
    pair, camera = PairPlaybook().meet(), SignedCamera()
    pair.a.give_key(camera.name, camera.key)
    for boot in ("b001", "b002", "b001"):
        camera.boot = boot
        pair.a << camera.frame("LOG", "x", "0", f"{boot}.{camera.counter + 1:x}", "0")
    pair.exchange()
    (alarm,) = of_kind(pair.b, AlarmKind.TAMPER)
    signed = pair.b.engine.state.sessions["cam1"].signed
    assert signed is not None
    assert signed.tamper_alarm == alarm.id


def test_the_loss_of_the_peer_is_each_servers_own() -> None:
    pair = apart().later(60)
    pair.exchange()
    assert [len(of_kind(play, AlarmKind.PEER_LOST)) for play in (pair.a, pair.b)] == [2, 2]
