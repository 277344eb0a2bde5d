"""How pictures come from a device: set up by an operator, found by secret or address, gone with the device."""

from typing import Any

import pytest

from alarmd.core import cameras
from alarmd.core.cameras import MAX_BY_ADDRESS, MAX_INFO, MAX_NETWORKS, MAX_URL
from alarmd.core.effects import SaveCamera
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import CameraIntroduced
from alarmd.core.records import Camera
from alarmd.core.requests import CameraChanged, DeviceForgotten
from tests.core.pictures import PULL, SECRET, arrives
from tests.playbook import Playbook

HERE, V6 = "192.0.2.0/24", "2001:db8::/32"
OTHER = "cd" * 32


@pytest.fixture
def play() -> Playbook:
    return Playbook().adopt("cam1", "cam2", "cam3")


def change(play: Playbook, name: str = "cam1", **settings: Any) -> Playbook:
    return play << CameraChanged("op", name, **settings)


def saved(play: Playbook) -> list[Camera]:
    return [effect.camera for effect in play.made(SaveCamera)]


def found(play: Playbook, host: str) -> str | None:
    session = cameras.by_address(play.engine.state, host)
    return session.device.name if session else None


def owner(play: Playbook, digest: str) -> str | None:
    session = cameras.by_upload_digest(play.engine.state, digest)
    return session.device.name if session else None


def test_a_camera_is_set_up_bit_by_bit(play: Playbook) -> None:
    change(play, every=30)
    (camera,) = saved(play)
    assert play.answer == (camera,)
    assert (camera.device_id, camera.every, camera.on_alarm, camera.by_address) == (1, 30, True, False)
    assert (camera.source_networks, camera.upload_digest, camera.pull_url, camera.info) == ((), "", "", "")
    change(play, source_networks=("192.0.2.7", V6), by_address=True, on_alarm=False)
    change(play, pull_url=PULL, upload_digest=SECRET)
    (camera,) = saved(play)
    assert (camera.every, camera.on_alarm, camera.by_address) == (30, False, True)
    assert (camera.source_networks, camera.upload_digest, camera.pull_url) == (("192.0.2.7/32", V6), SECRET, PULL)
    again = play.restart()
    assert again.engine.state.cameras == {1: camera}
    assert (owner(again, SECRET), found(again, "192.0.2.7")) == ("cam1", "cam1")
    change(again, pull_url="", upload_digest="", source_networks=(), by_address=False, every=0)
    (camera,) = saved(again)
    assert (camera.pull_url, camera.upload_digest, camera.source_networks, camera.every) == ("", "", (), 0)
    assert (owner(again, SECRET), owner(again, ""), found(again, "192.0.2.7")) == (None, None, None)


def test_what_is_changed_is_an_event_without_secrets(play: Playbook) -> None:
    change(play, pull_url=PULL, upload_digest=SECRET, source_networks=(HERE, V6), by_address=True, every=5)
    (event,) = play.events
    assert (event.kind, event.device_id) == (EventKind.CAMERA_CHANGED, 1)
    assert event.text == (
        f"source_networks={HERE} {V6}, by_address=True, upload_digest=set, pull_url=set, every=5 by op"
    )
    change(play, pull_url="", upload_digest="", on_alarm=False)
    assert play.events[0].text == "upload_digest=none, pull_url=none, on_alarm=False by op"


def test_secrets_are_in_no_repr(play: Playbook) -> None:
    request = CameraChanged("op", "cam1", pull_url=PULL)
    assert "password" not in repr(request)
    play << request
    assert "password" not in repr(play.effects)
    play << CameraChanged("op", "cam1", pull_url=f"{PULL} ")
    assert "password" not in repr(play.effects)


@pytest.mark.parametrize(
    ("settings", "field", "fix"),
    [
        ({"every": 4}, "every", "5 to 86400 seconds, or 0"),
        ({"every": 86_401}, "every", "5 to 86400 seconds, or 0"),
        ({"every": -1}, "every", "5 to 86400 seconds, or 0"),
        ({"source_networks": ("192.0.2.7/24",)}, "source_networks", "for example 192.0.2.0/24"),
        ({"source_networks": ("gate",)}, "source_networks", "for example 192.0.2.0/24"),
        ({"source_networks": (HERE,) * (MAX_NETWORKS + 1)}, "source_networks", f"at most {MAX_NETWORKS}"),
        ({"by_address": True}, "by_address", "say its address too"),
        ({"by_address": True, "source_networks": ()}, "by_address", "say its address too"),
        *(
            ({"pull_url": url}, "pull_url", f"write http://host/path, {MAX_URL} characters")
            for url in (
                "ftp://192.0.2.7/a",
                "http:///a",
                "http://192.0.2.7:0/",
                "http://192.0.2.7:99999/",
                "http://[::1/a",
                "http://192.0.2.7/a b",
                "http://192.0.2.7/\r\nHost: x",
                "http://192.0.2.7/" + "a" * MAX_URL,
            )
        ),
    ],
)
def test_a_mistake_is_refused_whole_with_field_limit_and_fix(
    play: Playbook, settings: dict[str, Any], field: str, fix: str
) -> None:
    change(play, **{"on_alarm": False} | settings)
    assert (play.refusal.reason, play.refusal.field) == ("invalid", field)
    assert fix in play.refusal.message
    assert play.effects == [play.refusal]
    assert (play.engine.state.cameras, play.engine.state.captures) == ({}, {})


def test_a_device_that_nobody_knows_is_refused(play: Playbook) -> None:
    change(play, "cam9", every=30)
    assert (play.refusal.reason, play.refusal.field) == ("unknown_device", "device")
    play << CameraIntroduced("cam9", "f" * 16)
    assert play.refusal.reason == "unknown_device"


def test_networks_cannot_be_taken_from_a_camera_that_is_known_by_them(play: Playbook) -> None:
    change(play, source_networks=(HERE,), by_address=True)
    change(play, source_networks=())
    assert play.refusal.field == "by_address"


def test_a_secret_belongs_to_one_camera(play: Playbook) -> None:
    change(play, upload_digest=SECRET)
    change(play, "cam2", upload_digest=SECRET)
    assert (play.refusal.field, owner(play, SECRET)) == ("upload_digest", "cam1")
    change(play, upload_digest=SECRET)
    assert len(saved(play)) == 1
    change(play, upload_digest=OTHER)
    assert (owner(play, SECRET), owner(play, OTHER)) == (None, "cam1")


def test_a_camera_is_found_by_its_address_if_it_is_the_only_one_there(play: Playbook) -> None:
    assert found(play, "192.0.2.7") is None
    change(play, source_networks=(HERE, V6), by_address=True)
    change(play, "cam3", source_networks=("192.0.2.99",))
    assert [found(play, host) for host in ("192.0.2.7", "2001:db8::1", "198.51.100.1")] == ["cam1", "cam1", None]
    assert found(play, "192.0.2.99") == "cam1", "cam3 is known by its secret"
    change(play, "cam2", source_networks=("192.0.2.7",), by_address=True)
    assert found(play, "192.0.2.7") is None, "two could be meant"
    change(play, "cam2", by_address=False)
    assert found(play, "192.0.2.7") == "cam1"


@pytest.mark.parametrize("host", ["::ffff:192.0.2.7", "", "gate"])
def test_an_address_that_is_not_plain_is_nobodys(play: Playbook, host: str) -> None:
    """web/ingest/sources.py writes one of IPv4 as such."""
    change(play, source_networks=(HERE,), by_address=True)
    assert found(play, host) is None
    assert not cameras.allows(play.engine.state.cameras[1], host)


def test_uploads_come_from_anywhere_unless_an_address_is_said(play: Playbook) -> None:
    change(play, on_alarm=True)
    assert all(cameras.allows(play.engine.state.cameras[1], host) for host in ("192.0.2.7", "2001:db8::1", ""))
    change(play, source_networks=(HERE,))
    assert [cameras.allows(play.engine.state.cameras[1], host) for host in ("192.0.2.7", "192.0.3.7")] == [True, False]


def test_only_so_many_cameras_are_known_by_address() -> None:
    names = [f"cam{number}" for number in range(MAX_BY_ADDRESS + 1)]
    play = Playbook().adopt(*names)
    for number, name in enumerate(names):
        change(play, name, source_networks=(f"192.0.2.{number}",), by_address=True)
    assert (play.refusal.reason, play.refusal.field) == ("table_full", "by_address")
    assert str(MAX_BY_ADDRESS) in play.refusal.message
    change(play, names[0], by_address=True, every=30)
    assert len(saved(play)) == 1


def test_a_camera_introduces_itself_once_and_its_fingerprint_stays(play: Playbook) -> None:
    change(play, upload_digest=SECRET)
    play << CameraIntroduced("cam1", "f" * 16, "i" * (MAX_INFO + 1))
    (camera,) = saved(play)
    assert play.answer == (camera,)
    assert (camera.fingerprint, len(camera.info), play.kinds) == ("f" * 16, MAX_INFO, [EventKind.CAMERA_INTRODUCED])
    play << CameraIntroduced("cam1", "f" * 16)
    assert (play.answer, len(play.effects)) == ((camera,), 1)
    play << CameraIntroduced("cam1", "f" * 16, "news")
    assert saved(play)[0].info == "news"
    play << CameraIntroduced("cam1", "0" * 16)
    assert (play.refusal.reason, play.refusal.field) == ("wrong_fingerprint", "fingerprint")


def test_what_a_camera_says_anew_of_itself_counts_among_its_messages() -> None:
    play = Playbook(message_burst=1.0, message_rate=0.001).adopt("cam1")
    change(play, upload_digest=SECRET)
    for _ in range(3):
        play << CameraIntroduced("cam1", "f" * 16, "info")
        assert play.answer == (play.engine.state.cameras[1],)
    play << CameraIntroduced("cam1", "f" * 16, "news")
    assert (play.refusal.reason, play.effects) == ("device_rate", [play.refusal])


def test_a_new_secret_is_free_for_another_camera_of_that_kind(play: Playbook) -> None:
    change(play, upload_digest=SECRET)
    play << CameraIntroduced("cam1", "f" * 16, "info")
    change(play, upload_digest=OTHER)
    assert (saved(play)[0].fingerprint, saved(play)[0].info) == ("", "")
    play << CameraIntroduced("cam1", "0" * 16)
    assert saved(play)[0].fingerprint == "0" * 16


def test_who_was_never_set_up_cannot_introduce_itself(play: Playbook) -> None:
    play << CameraIntroduced("cam1", "f" * 16)
    assert play.refusal.reason == "wrong_fingerprint"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_forgotten_device_takes_its_secrets_and_its_gallery_with_it(play: Playbook, restarted: bool) -> None:
    change(play, upload_digest=SECRET, pull_url=PULL, source_networks=(HERE,), by_address=True, every=30)
    play << CameraIntroduced("cam1", "f" * 16, "info") << arrives(play)
    if restarted:
        play = play.restart()
    play << DeviceForgotten("op", "cam1")
    (camera,) = saved(play)
    assert (camera.upload_digest, camera.pull_url, camera.fingerprint, camera.info) == ("", "", "", "")
    assert (owner(play, SECRET), found(play, "192.0.2.7")) == (None, None)
    state = play.engine.state
    assert (state.cameras, state.galleries, state.captures, state.by_address) == ({}, {}, {}, set())
    again = play.restart()
    assert (again.engine.state.cameras, again.engine.state.galleries, owner(again, SECRET)) == ({}, {}, None)
    again.adopt("cam1")
    change(again, "cam1", upload_digest=SECRET)
    assert owner(again, SECRET) == "cam1"
    again << arrives(again)
    assert again.answer[0].sequence == 1, "another device of that name"
