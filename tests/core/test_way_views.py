"""What people see of a device's way to the server."""

from alarmd.core import views
from alarmd.core.way_views import WayView, fits, mapping_counts
from lfcp.candidates import Mapping
from tests.playbook import Playbook, heartbeat, path
from tests.signed_camera import SignedCamera

HOME = path("203.0.113.7", 4000)


def shown(play: Playbook, name: str = "cam1") -> WayView:
    view = views.device(play.engine.state, name, play.now)
    assert view is not None
    return view.way


def keyed(**report: object) -> tuple[Playbook, SignedCamera]:
    camera = SignedCamera("cam1")
    camera.report = camera.report._replace(**report)
    play = Playbook().give_key("cam1", camera.key)
    camera.meet(play)
    return play, camera


def beats(play: Playbook, camera: SignedCamera, times: int) -> None:
    for _ in range(times):
        play.later(20)
        play << camera.heartbeat()
        camera.hear(play)


def test_of_a_device_that_reports_nothing_only_its_address_is_known() -> None:
    play = Playbook().adopt("cam1") << heartbeat()
    way = shown(play)
    assert (way.mapping, way.life, way.interval, way.safe_interval, way.round_trip) == (None,) * 5
    assert way.fits
    assert [str(stay.path) for stay in way.stays] == ["udp:192.0.2.1:4000"]
    assert way.stated_interval == 26


def test_of_one_that_was_never_seen_nothing_is_known() -> None:
    assert shown(Playbook().adopt("cam1")).stays == ()


def test_what_a_device_reports_of_its_nat_is_shown() -> None:
    play, _ = keyed(interval=26, mapping="s", life=40)
    way = shown(play)
    assert (way.mapping, way.life, way.interval, way.safe_interval) == (Mapping.SEQUENTIAL, 40, 26, 30)
    assert way.round_trip is not None
    assert mapping_counts(play.engine.state.by_id.values()) == {Mapping.SEQUENTIAL: 1}


def test_a_device_that_beats_too_seldom_for_its_mapping_does_not_fit() -> None:
    play, camera = keyed(interval=26, mapping="e", life=25)
    beats(play, camera, 3)
    assert not shown(play).fits


def test_a_device_whose_port_changes_each_time_does_not_fit_until_it_stays() -> None:
    play = Playbook().adopt("cam1")
    for port in range(4000, 4005):
        play << heartbeat(port=port)
        play.later(20)
    assert not shown(play).fits
    play << heartbeat(port=4004)
    assert fits(play.engine.state.sessions["cam1"])


def test_where_a_device_was_is_shown_with_the_present_address_last() -> None:
    play, camera = keyed()
    camera.path = HOME
    play << camera.heartbeat()
    camera.hear(play)
    play << camera.heartbeat()
    camera.hear(play)
    assert shown(play).disputed == str(HOME)
    play.later(5)
    way = shown(play)
    assert way.disputed == ""
    assert [str(stay.path) for stay in way.stays] == ["udp:192.0.2.1:4000", str(HOME)]
