"""While nobody acknowledges an alarm: reminders for those who know of it, and more people who hear of it."""

import pytest

from alarmd.core import follow_ups
from alarmd.core.effects import SaveAlarm
from alarmd.core.follow_ups import next_step
from alarmd.core.instant import SECOND
from alarmd.core.records import Arming
from alarmd.core.requests import AlarmAcknowledged, AlarmCleared, ArmingRequested
from alarmd.core.settings import Route, Settings
from tests.playbook import Playbook, frame

ROUTES = (Route("log"), Route("phone", "ann"), Route("phone", "bob", after=300))
MOTION = "MOAL,gate,0,0,0,0,0"


def playing(**settings: object) -> Playbook:
    return Playbook(**{"routes": ROUTES, "incident_quiet": 5.0} | settings).adopt("cam1", "cam2")


def motion(name: str = "cam1") -> object:
    return frame(f"{name},{MOTION}")


def told(play: Playbook) -> list[tuple[str, str, str]]:
    return [(one.destination, one.recipient, one.subject) for one in play.told]


def test_nobody_is_told_again_unless_that_is_configured() -> None:
    play = playing(routes=(Route("log"),)) << motion()
    assert play.alarms[0].follow_up_at is None
    play.later(86_400)
    assert told(play) == []
    assert play.engine.state.follow_ups == {}


def test_more_people_are_told_of_an_alarm_that_nobody_acknowledges_in_time() -> None:
    play = playing() << motion()
    assert told(play) == [("log", "", "raised"), ("phone", "ann", "raised")]
    assert play.alarms[-1].follow_up_at == play.now.wall + 300 * SECOND
    play.later(299.9)
    assert told(play) == []
    play.later(0.1)
    assert told(play) == [("phone", "bob", "raised")]
    assert play.told[0].urgent
    assert play.told[0].text == "cam1: motion: gate"
    assert [(one.followed_up, one.follow_up_at) for one in play.alarms] == [(300, None)]
    play << AlarmAcknowledged("bob", 1)
    assert told(play) == [(*one, "acknowledged") for one in (("log", ""), ("phone", "ann"), ("phone", "bob"))]


@pytest.mark.parametrize("request_", [AlarmAcknowledged("ann", 1), AlarmCleared("ann", 1)])
def test_once_somebody_knows_nobody_else_is_told(request_: AlarmAcknowledged | AlarmCleared) -> None:
    play = playing(remind_every=60) << motion()
    play.later(200)
    play << request_
    assert play.alarms[-1].follow_up_at is None
    assert ("phone", "bob", "acknowledged") not in told(play)
    assert ("phone", "bob", "cleared") not in told(play)
    play.later(86_400)
    assert play.told == []
    assert all(line == {} for line in play.engine.state.follow_ups.values()), "a line holds open alarms only"


def test_who_knows_of_an_alarm_is_reminded_until_somebody_acknowledges_it_but_not_for_ever() -> None:
    play = playing(routes=(Route("phone", "ann"),), remind_every=90, reminders=3) << motion()
    identities = []
    for number in range(1, 4):
        play.later(90)
        (reminder,) = play.told
        assert (reminder.subject, reminder.urgent) == ("reminder", False)
        assert reminder.text.endswith("cam1: motion: gate")
        identities.append(reminder.identity)
        assert number * 90 == play.alarms[-1].followed_up
    assert len(set(identities)) == 3
    play.later(86_400)
    assert play.told == []


def test_who_is_told_late_is_not_reminded_of_what_he_just_heard() -> None:
    play = playing(remind_every=150, reminders=2) << motion()
    play.later(150)
    assert told(play) == [("log", "", "reminder"), ("phone", "ann", "reminder")]
    assert play.told[0].text == "nobody has acknowledged this for 2 min: cam1: motion: gate"
    play.later(150)
    assert told(play) == [("phone", "bob", "raised"), ("log", "", "reminder"), ("phone", "ann", "reminder")]


def test_a_reminder_within_the_minute_says_so() -> None:
    play = playing(remind_every=30, reminders=1) << motion()
    play.later(30)
    assert play.told[0].text.startswith("nobody has acknowledged this for 30 s: ")
    play.later(270)
    assert told(play) == [("phone", "bob", "raised")], "no reminders are left"


def test_what_is_told_nobody_is_not_told_later_either() -> None:
    play = playing(remind_every=60) << ArmingRequested("op", "home", Arming.DISARMED)
    play << motion()
    play.later(86_400)
    assert play.told == []


def test_each_alarm_has_its_own_age() -> None:
    play = playing() << motion("cam1")
    play.later(100)
    play << motion("cam2")
    play.later(200)
    assert [one.alarm_id for one in play.told] == [1]
    play.later(100)
    assert [one.alarm_id for one in play.told] == [2]


def test_an_alarm_that_was_acknowledged_leaves_the_others_their_appointment() -> None:
    play = playing() << motion("cam1")
    play.later(100)
    play << motion("cam2")
    play << AlarmAcknowledged("ann", 1)
    play.later(299)
    assert play.told == []
    play.later(1)
    assert [one.alarm_id for one in play.told] == [2]
    assert play.engine.state.follow_ups_expected == {}


def test_alarms_come_and_go_without_leaving_appointments_behind() -> None:
    play = playing()
    for number in range(1, 20):
        play << motion()
        play << AlarmCleared("ann", number)
    steps = [subject for _, kind, subject in play.engine.state.agenda._heap if kind == follow_ups.FOLLOW_UP]
    assert steps == [300]


def test_many_are_followed_up_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_ups, "AT_ONCE", 2)
    names = [f"cam{number}" for number in range(1, 6)]
    play = playing().adopt(*names)
    for name in names:
        play << motion(name)
    play.later(300)
    assert len(play.told) == 2
    play.later(follow_ups.BREATH)
    assert len(play.told) == 2
    play.later(follow_ups.BREATH)
    assert len(play.told) == 1


def test_a_restart_neither_forgets_a_deadline_nor_begins_it_anew() -> None:
    play = playing() << motion()
    play.later(100)
    play = play.restart(after=100)
    play.later(99.9)
    assert ("phone", "bob", "raised") not in told(play)
    play.later(0.1)
    assert told(play) == [("phone", "bob", "raised")]
    play = play.restart(after=1000)
    play.later(1000)
    assert play.told == [], "and nobody hears of it twice"


def test_what_came_due_while_the_server_was_down_comes_once_and_what_follows_keeps_its_distance() -> None:
    play = playing(routes=(Route("phone", "ann"),), remind_every=60) << motion()
    play = play.restart(after=10_000)
    play.later(1)
    assert told(play) == [("phone", "ann", "reminder")]
    play.later(58)
    assert play.told == []
    play.later(2)
    assert told(play) == [("phone", "ann", "reminder")]


def test_a_clock_set_back_while_the_server_was_down_makes_nobody_wait_longer() -> None:
    play = playing() << motion()
    play = play.restart(after=-86_400)
    play.later(300)
    assert told(play) == [("phone", "bob", "raised")]


def test_alarms_are_told_in_their_order_after_a_restart() -> None:
    play = playing() << motion("cam2")
    play.later(10)
    play << motion("cam1")
    play = play.restart()
    play.later(290)
    assert [one.alarm_id for one in play.told] == [1]
    play.later(10)
    assert [one.alarm_id for one in play.told] == [2]


def test_an_open_alarm_is_followed_up_when_that_is_configured_later_and_an_acknowledged_one_is_not() -> None:
    play = playing(routes=(Route("log"),)) << motion("cam1")
    play << motion("cam2")
    play << AlarmAcknowledged("ann", 2)
    play.settings = Settings(routes=ROUTES)
    play = play.restart(after=1000)
    play.later(300)
    assert [(one.recipient, one.alarm_id) for one in play.told] == [("bob", 1)]


def test_nothing_is_followed_up_that_is_configured_no_longer() -> None:
    play = playing() << motion()
    play.settings = Settings()
    play = play.restart(after=1000)
    play.later(1000)
    assert play.told == []
    play << AlarmAcknowledged("ann", 1)
    assert play.made(SaveAlarm)[-1].alarm.follow_up_at is None


@pytest.mark.parametrize(
    ("age", "step"), [(0, 100), (100, 200), (199, 200), (200, 250), (250, 300), (300, 1000), (1000, None)]
)
def test_the_plan_has_every_age_once(age: int, step: int | None) -> None:
    routes = (
        Route("log"),
        Route("a", after=250),
        Route("b", after=1000),
        Route("c", after=1000),
        Route("d", after=200),
    )
    assert next_step(Settings(routes=routes, remind_every=100, reminders=3), age) == step
