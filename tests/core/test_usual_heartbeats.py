"""The short cut for heartbeats that say what the last one said makes no difference to anybody."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core import signed_life
from alarmd.core.requests import CommandRequested, DeviceChanged
from lfcp.candidates import Mapping
from tests.playbook import Playbook, path
from tests.signed_camera import SignedCamera

KEY = bytes(range(32))
ELSEWHERE = path("198.51.100.9", 9999)


class Story:
    """One device, one server, and whatever happens to them."""

    def __init__(self) -> None:
        self.camera = SignedCamera("cam1", KEY)
        self.play = Playbook().give_key("cam1", KEY)
        self.last = self.camera.heartbeat()

    def happen(self, what: str) -> list[object]:
        STORIES[what](self)
        self.camera.hear(self.play)
        return [*self.play.effects]

    def beat(self) -> None:
        self.last = self.camera.heartbeat()
        self.play << self.last

    def beat_from_elsewhere(self) -> None:
        self.play << self.camera.heartbeat(ELSEWHERE)

    def beat_with_an_old_echo(self) -> None:
        self.camera.echo -= 200 << 20
        self.beat()

    def beat_with_a_strange_echo(self) -> None:
        self.play << self.camera.frame("HEARTBEAT", "2", "26", "b001.00", "c-.-.0")

    def move(self) -> None:
        """There and, as the play goes, back again."""
        self.camera.path = ELSEWHERE if self.camera.path == path() else path()
        self.beat()

    def report_another_life(self) -> None:
        life = 115 if self.camera.report.life == 25 else 25
        self.camera.report = self.camera.report._replace(mapping=Mapping.INDEPENDENT, life=life)
        self.beat()

    def acknowledge(self) -> None:
        """Whatever was heard last."""
        self.play << self.camera.frame("ACK", f"{self.camera.echo or 1:x}", "0", "0", "0")

    def report_otherwise(self) -> None:
        self.camera.report = self.camera.report._replace(detector=not self.camera.report.detector)
        self.beat()

    def beat_faster(self) -> None:
        self.camera.report = self.camera.report._replace(interval=(self.camera.report.interval or 0) - 1)
        self.beat()


STORIES: dict[str, Callable[[Story], object]] = {
    "beat": Story.beat,
    "beat again": Story.beat,
    "replay": lambda story: story.play << story.last,
    "elsewhere": Story.beat_from_elsewhere,
    "old echo": Story.beat_with_an_old_echo,
    "strange echo": Story.beat_with_a_strange_echo,
    "otherwise": Story.report_otherwise,
    "move": Story.move,
    "life": Story.report_another_life,
    "acknowledge": Story.acknowledge,
    "keep": lambda story: story.play << story.camera.frame("KEEP", "3000", at=ELSEWHERE),
    "faster": Story.beat_faster,
    "message": lambda story: story.play << story.camera.message("LOG", "x"),
    "reboot": lambda story: story.camera.reboot(f"b{story.camera.counter:x}"),
    "wish": lambda story: story.play << CommandRequested("op", "cam1", "ENAL"),
    "command": lambda story: story.play << CommandRequested("op", "cam1", "TLGS"),
    "limit": lambda story: story.play << DeviceChanged("op", "cam1", report_within=60.0),
    "2 s": lambda story: story.play.later(2),
    "25 s": lambda story: story.play.later(25),
    "100 s": lambda story: story.play.later(100),
}


@given(st.lists(st.sampled_from([*STORIES]), max_size=30))
def test_the_short_cut_changes_nothing(story: list[str]) -> None:
    quick, slow = Story(), Story()
    for what in ("beat", "beat", "beat", *story, "beat", "beat"):
        done = quick.happen(what)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(signed_life, "_is_as_usual", lambda *_: False)
            assert slow.happen(what) == done
    one, other = quick.play.engine.state.sessions["cam1"], slow.play.engine.state.sessions["cam1"]
    assert (one.seen, one.presence, one.path) == (other.seen, other.presence, other.path)


def test_the_short_cut_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    for _ in range(3):
        story.happen("beat")
    monkeypatch.setattr(signed_life, "read_report", lambda _message: pytest.fail("it was read whole"))
    story.happen("25 s")
    story.happen("beat")
