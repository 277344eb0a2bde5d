"""Whatever comes in whatever order: the promises hold, and a restart forgets nothing."""

import os
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from alarmd.core.command_lifecycle import FINAL
from alarmd.core.effects import Answer, RecordEvent, Refuse, RejectFrame, SaveCommand, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import BacklogDrained, BacklogFilled, FrameReceived, Input, ServerStopping, StorageFailed
from alarmd.core.records import Arming, Dialect, Presence
from alarmd.core.requests import (
    AlarmAcknowledged,
    AlarmCleared,
    ArmingRequested,
    CommandRequested,
    DeviceAdopted,
    DeviceChanged,
    DeviceForgotten,
    SiteRequested,
    ZoneRequested,
)
from lfcp.constants import VERBS
from tests.playbook import Playbook, frame, path

MESSAGES = (EventKind.LOG, EventKind.ERROR, EventKind.MOTION, EventKind.DEVICE_ASLEEP)
NAMES = st.sampled_from(["cam1", "cam2", "cam3", "..", "*"])
HOSTS = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
TEXTS = st.sampled_from(["0", "gate", "CAMERA_MOTION_DETECTED", "600", "\x1b[2J", "x" * 63, ""])
FRAMES = st.one_of(
    st.builds(
        lambda name, verb, texts, host, port: frame(f"{name},{verb},{','.join(texts)}".encode(), host, port),
        NAMES,
        st.sampled_from([*VERBS, "", "FLY"]),
        st.lists(TEXTS, max_size=8),
        HOSTS,
        st.integers(4000, 4002),
    ),
    st.builds(lambda name, port: frame(f"{name},HEARTBEAT,0,0,0,0,0,0", port=port), NAMES, st.integers(4000, 4002)),
    st.builds(
        lambda name, boot, flags: frame(f"{name},HEARTBEAT,2,20,{boot}.0,{flags}.0.0,0,0"),
        NAMES,
        st.sampled_from(["aa", "bb"]),
        st.sampled_from(["a", "-"]),
    ),
    st.builds(lambda payload: FrameReceived(payload, path(transport="tcp")), st.binary(max_size=200)),
)
OP = st.just("op")
ZONES = st.sampled_from(["home", "barn", "unassigned", "nowhere"])
REQUESTS = st.one_of(
    st.builds(
        CommandRequested,
        OP,
        st.sampled_from(["cam1", "cam2", "*", "@home", "@barn"]),
        st.sampled_from(list(VERBS)),
        st.sampled_from([(), ("token", "chat")]),
        st.sampled_from([None, 10.0]),
        st.booleans(),
    ),
    st.builds(DeviceAdopted, OP, NAMES, st.none() | ZONES),
    st.builds(DeviceForgotten, OP, NAMES),
    st.builds(
        DeviceChanged,
        OP,
        NAMES,
        st.none() | ZONES,
        st.none() | st.sampled_from(Dialect),
        st.none() | st.sampled_from([20.0, 40.0]),
        st.none() | st.booleans(),
        st.none() | st.booleans(),
    ),
    st.builds(ArmingRequested, OP, ZONES, st.sampled_from(Arming), st.sampled_from([None, "", "mo 10:00-11:00"])),
    st.builds(SiteRequested, OP, st.sampled_from(["home", "farm"]), st.sampled_from(["UTC", "Asia/Tokyo"])),
    st.builds(ZoneRequested, OP, ZONES, st.sampled_from(["home", "farm"])),
    st.builds(AlarmAcknowledged, OP, st.integers(1, 5)),
    st.builds(AlarmCleared, OP, st.integers(1, 5)),
)
SERVER: st.SearchStrategy[Input] = st.sampled_from(
    [StorageFailed("gone"), BacklogFilled(), BacklogDrained(), ServerStopping()]
)
WAITS = st.sampled_from([0.1, 5.0, 20.0, 61.0, 100.0])
STEPS = st.lists(
    st.one_of(FRAMES, FRAMES, REQUESTS, WAITS, SERVER, st.just("restart"), st.just("stand still")), max_size=60
)
EXAMPLES = 20_000 if os.environ.get("ALARMD_PROVE") else 150


def check_turn(play: Playbook) -> None:
    """What must be true of every turn."""
    for effect in play.effects:
        if isinstance(effect, SendFrame) and effect.promises:
            assert any(kind in MESSAGES for kind in play.kinds), "a promise without a stored message"
        assert not isinstance(effect, RejectFrame) or not play.sent, "garbage gets no reply"
    assert len(play.made(Answer)) + len(play.made(Refuse)) <= 1


def check_play(play: Playbook) -> None:
    """What must be true of the whole."""
    outcomes: Counter[int] = Counter()
    for effect in play.history:
        if isinstance(effect, SaveCommand) and effect.command.state in FINAL:
            outcomes[effect.command.id] += 1
    assert all(count <= 2 for count in outcomes.values()), "acked, and at most failed after that"
    sequences = [effect.event.sequence for effect in play.history if isinstance(effect, RecordEvent)]
    assert sequences == list(range(1, len(sequences) + 1)), "every event has its number"
    stamps = [effect.event.hlc for effect in play.history if isinstance(effect, RecordEvent)]
    assert stamps == sorted(stamps)


def check_stored(play: Playbook) -> None:
    """What storage would hand to the next process is what this one knows."""
    state, snapshot = play.engine.state, play.store.load()
    assert {device.name: device for device in snapshot.devices} == {
        name: session.device for name, session in state.sessions.items()
    }
    assert {alarm.id for alarm in snapshot.alarms} == set(state.alarms)
    assert {command.id for command in snapshot.commands} == set(state.open_commands)
    assert {zone.id: zone for zone in snapshot.zones} == state.zones
    assert state.total.present + state.total.late >= 0
    for presence, counts in ((Presence.ONLINE, state.present_at), (Presence.LATE, state.late_at)):
        hosts = [s.path.host for s in state.by_id.values() if s.presence is presence and s.path is not None]
        assert counts == Counter(hosts)
    for loss in state.losses.values():
        assert loss.members
        assert all(member in state.by_id for member in loss.members)


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_promises_hold_whatever_happens(steps: list[object]) -> None:
    play = Playbook().adopt("cam1", "cam2")
    for step in steps:
        if step == "restart":
            play = play.restart(after=1.0)
        elif step == "stand still":
            play.stand_still(50.0)
        elif isinstance(step, float):
            play.later(step)
            continue
        else:
            play << step  # type: ignore[operator]
        check_turn(play)
        check_stored(play)
    check_play(play)
