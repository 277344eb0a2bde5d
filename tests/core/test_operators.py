"""Operators' machines: parties with a key that are no devices."""

from dataclasses import replace

import pytest

from alarmd.core import views
from alarmd.core.effects import SaveDevice, TellPeer
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import PeerMet, PeerTold, PictureFound
from alarmd.core.records import DeviceKey, Presence, Standing, Told
from alarmd.core.requests import (
    CommandRequested,
    DeviceAdopted,
    DeviceChanged,
    DeviceForgotten,
    OperatorAdded,
    OperatorRemoved,
)
from alarmd.core.settings import Pair
from alarmd.core.state import MAX_OPERATORS
from tests.core.pictures import arrives
from tests.playbook import Playbook, frame, heartbeat, path
from tests.signed_camera import SignedCamera

PAIR = Pair(peer="B", preferred="A")


def laptop(play: Playbook, name: str = "laptop") -> SignedCamera:
    machine = SignedCamera(name)
    play << OperatorAdded("op", name, machine.key)
    return machine


def met(play: Playbook) -> SignedCamera:
    machine = laptop(play)
    machine.meet(play)
    return machine


def told_of(play: Playbook, name: str, **changes: object) -> Told:
    """Its record as the peer would tell it after another change."""
    party = play.engine.state.party(name)
    assert party is not None
    theirs = replace(party.device, origin="B", hlc=party.device.hlc + (1 << 30), **changes)  # type: ignore[arg-type]
    return Told(theirs, None, "unassigned", None)


def test_an_operators_machine_has_a_name_and_a_key() -> None:
    play = Playbook()
    laptop(play)
    assert play.kinds == ["operator_added"]
    assert play.answer[0].standing is Standing.OPERATOR
    (shown,) = views.operators(play.engine.state, play.now)
    assert (shown.device.name, shown.key_epochs, shown.path_proven) == ("laptop", (1,), False)


def test_it_is_listed_with_no_device_and_is_never_supervised() -> None:
    play = Playbook()
    machine = met(play)
    for _ in range(10):
        play.later(20)
        assert machine.beat(play).params[1] == "0"
    assert views.devices(play.engine.state, play.now) == []
    assert views.device(play.engine.state, "laptop", play.now) is None
    assert not any(views.presence_counts(play.engine.state).values())
    play.later(3600)
    assert play.alarms == []
    assert views.operators(play.engine.state, play.now)[0].contact.presence is Presence.NEW


def test_a_restart_knows_it_and_its_counters_again() -> None:
    play = Playbook()
    machine = met(play)
    play.later(200)
    used = machine.heartbeat()
    play << used
    again = play.restart()
    assert machine.beat(again).params[1] == "1"
    assert machine.beat(again).params[1] == "0"
    assert views.operators(again.engine.state, again.now)[0].path_proven


@pytest.mark.parametrize("verb", ["MOAL", "LOG", "ERR", "SLEP", "FRAM", "TLGS", "SYNC"])
def test_it_says_nothing_that_only_a_device_may(verb: str) -> None:
    play = Playbook()
    machine = met(play)
    play << machine.frame(verb)
    assert (play.rejected, play.sent, play.events) == (["not_of_operator"], [], [])


def test_nobody_speaks_in_its_name_without_its_key() -> None:
    play = Playbook()
    laptop(play)
    play << heartbeat("laptop")
    assert (play.rejected, play.sent) == (["unsigned"], [])
    assert "laptop" not in play.engine.state.sessions


def test_a_name_is_a_devices_or_an_operators_machines() -> None:
    play = Playbook().adopt("cam1")
    laptop(play)
    key = bytes(32)
    play << OperatorAdded("op", "cam1", key)
    assert (play.refusal.reason, play.refusal.field) == ("is_device", "machine")
    assert "alarmd device forget cam1" in play.refusal.message
    play << OperatorRemoved("op", "cam1")
    assert play.refusal.reason == "is_device"
    play << OperatorRemoved("op", "nobody")
    assert (play.refusal.reason, play.refusal.field) == ("unknown_operator", "machine")
    play << OperatorAdded("op", "laptop", key)
    assert play.refusal.reason == "is_operator"
    assert "alarmd operator rekey laptop" in play.refusal.message
    play << OperatorAdded("op", "no name", key)
    assert play.refusal.reason == "invalid"
    for request in (
        DeviceAdopted("op", "laptop"),
        DeviceForgotten("op", "laptop"),
        DeviceChanged("op", "laptop", report_within=60.0),
        CommandRequested("op", "laptop", "TLGS"),
    ):
        play << request
        assert (play.refusal.reason, play.refusal.field) == ("is_operator", "device")
    play.give_key("laptop", key)
    assert play.refusal.reason == "is_operator"
    play << PictureFound(arrives(play, "laptop"))
    assert play.refusal.reason == "is_operator"


def test_commands_for_all_devices_leave_it_out() -> None:
    play = Playbook().adopt("cam1")
    laptop(play)
    play << CommandRequested("op", "*", "TLGS")
    assert [command.device_id for command in play.commands] == [play.engine.state.sessions["cam1"].device.id]


def test_a_removed_one_is_nobody() -> None:
    play = Playbook()
    machine = met(play)
    play << OperatorRemoved("op", "laptop")
    assert play.kinds == ["operator_removed"]
    assert play.made(SaveDevice)[0].device.forgotten_at is not None
    play << machine.heartbeat()
    assert play.rejected == ["no_key"]
    laptop(play)
    assert play.kinds == ["operator_added"]


def test_another_key_is_good_beside_the_old_one_until_it_is_used() -> None:
    play = Playbook()
    machine = met(play)
    newer = SignedCamera("laptop", boot="b002")
    play.give_key("laptop", newer.key, renew=True)
    assert play.kinds == ["key_given"]
    assert machine.beat(play).params[1] == "0"
    newer.beat(play)
    play << machine.heartbeat()
    assert play.rejected == ["bad_tag"]


def test_one_whose_key_was_dropped_is_let_in_by_a_new_one_only() -> None:
    play = Playbook()
    machine = met(play)
    play.engine.state.operators["laptop"].signed = None
    assert views.operators(play.engine.state, play.now)[0].key_epochs == ()
    play << machine.heartbeat()
    assert play.rejected == ["no_key"]
    play.give_key("laptop", bytes(32), renew=True)
    assert play.refusal.reason == "no_key"
    assert "alarmd operator add laptop" in play.refusal.message
    newer = laptop(play)
    newer.meet(play)
    assert play.sent


def test_two_machines_with_one_key_are_told_as_tampering() -> None:
    play = Playbook()
    machine = met(play)
    for boot in ("b002", "b001"):
        machine.reboot(boot)
        play << machine.heartbeat()
        machine.hear(play)
    (alarm,) = play.alarms
    assert alarm.kind == "tamper"


def test_there_is_an_end_to_them() -> None:
    play = Playbook()
    session = play.adopt("cam1").engine.state.sessions["cam1"]
    play.engine.state.operators.update({f"m{number}": session for number in range(MAX_OPERATORS)})
    play << OperatorAdded("op", "laptop", bytes(32))
    assert play.refusal.reason == "table_full"


class TestOfAPair:
    def test_the_peers_operators_machines_and_keys_are_taken_over(self) -> None:
        theirs = Playbook(label="B", pair=Pair(peer="A", preferred="A"))
        machine = laptop(theirs)
        (record,) = (effect.device for effect in theirs.made(SaveDevice)[-1:])
        play = Playbook(pair=PAIR)
        key = DeviceKey(record.id, 1, machine.key, 0, "B", record.hlc + 1)
        play << PeerTold((Told(record, None, "unassigned", None), Told(key, "laptop")))
        machine.meet(play)
        assert list(play.engine.state.operators) == ["laptop"]
        assert "laptop" not in play.engine.state.sessions

    def test_the_peer_removes_one(self) -> None:
        play = Playbook(pair=PAIR)
        met(play)
        play << PeerTold((told_of(play, "laptop", forgotten_at=play.now.wall),))
        assert play.engine.state.operators == {}

    def test_the_peer_is_never_told_that_one_is_heard(self) -> None:
        play = Playbook(pair=PAIR)
        play << PeerMet("test", 0, 0, 0.0)
        met(play)
        assert not [effect for effect in play.history if isinstance(effect, TellPeer)]

    def test_a_device_that_the_peers_person_made_an_operators_machine_is_watched_no_more(self) -> None:
        play = Playbook(pair=PAIR).adopt("cam1")
        play << heartbeat() << CommandRequested("op", "cam1", "TLGS")
        play << PeerTold((told_of(play, "cam1", standing=Standing.OPERATOR),))
        assert list(play.engine.state.operators) == ["cam1"]
        assert play.engine.state.open_commands == {}
        play.later(3600)
        assert play.count(EventKind.CONTACT_LOST) == 0

    def test_there_is_an_end_to_the_peers_too(self) -> None:
        play = Playbook(pair=PAIR)
        laptop(play)
        session = play.engine.state.operators["laptop"]
        play.engine.state.operators.update({f"m{number}": session for number in range(MAX_OPERATORS)})
        record = replace(session.device, id=99, name="another", origin="B", hlc=session.device.hlc + 1)
        play << PeerTold((Told(record, None, "unassigned", None),))
        assert play.kinds == ["peer_refused"]
        assert "another" not in play.engine.state.operators


def test_a_frame_without_a_signature_from_elsewhere_says_nothing_of_it() -> None:
    play = Playbook()
    met(play)
    play << frame("laptop,LOG,hello,0,0,0,0,0", host="203.0.113.9")
    assert play.rejected == ["unsigned"]
    session = play.engine.state.operators["laptop"]
    assert session.path == path()
