"""Who may meet whom, as docs/protocol.md has it, "Rendezvous"."""

from dataclasses import replace

import pytest

from alarmd.core import meeting_views
from alarmd.core.device_session import DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import BacklogFilled, DevicesReleased, PeerTold, ServerStopping
from alarmd.core.meetings import MAX_MEETINGS, MAX_OF_DEVICE, MAX_OF_OPERATOR, MAX_REMEMBERED, REQUESTS_BURST, Meeting
from alarmd.core.records import Standing, Told
from alarmd.core.requests import DeviceChanged, DeviceForgotten, OperatorRemoved
from alarmd.core.settings import Pair, Rendezvous
from lfcp.authenticator import Purpose, Way, derive, key_as_text
from lfcp.candidates import Mapping
from lfcp.constants import PNCH_RESENDS, RELAY_IDLE_MS, RendezvousReason, Verb
from lfcp.tunnel import Kind, session_key
from tests.cluster_playbook import ClusterPlaybook
from tests.core.meeting import HOME, Party, Scene, is_stored_first
from tests.playbook import Playbook, heartbeat, path
from tests.signed_camera import SignedCamera

GIVEN_UP = 60.0  # s in which who does not answer an invitation is given up


def refused(scene: Scene) -> str:
    """Why the last CONN was; nothing else was sent."""
    (ack,) = scene.laptop.hear(scene.play)
    assert (ack.verb, ack.params[1], ack.params[3]) == ("ACK", "1", "0")
    return ack.params[2]


def session_of(scene: Scene) -> DeviceSession:
    return scene.play.engine.state.sessions["cam1"]


class TestARequest:
    def test_both_sides_are_invited_with_one_key_and_the_others_address(self) -> None:
        scene = Scene()
        scene.play << scene.laptop.conn(port="8554")
        assert is_stored_first(scene.play, scene.laptop.answers(scene.play, Verb.PNCH))
        ack = scene.laptop.answers(scene.play, Verb.ACK)
        asked, invited = (party.answers(scene.play, Verb.PNCH) for party in scene.parties)
        assert ack.params == (f"{scene.laptop.counter:x}", "0", "0", asked.params[0], *ack.params[4:])
        assert invited.params[0] == asked.params[0]
        assert (asked.params[2], invited.params[2]) == ("192.0.2.1:4000/u", "198.51.100.7:6000/u")
        assert (asked.params[3], invited.params[3]) == ("0.8554.-.0.cam1", "1.8554.-.0.laptop")
        halves = (derive(party.key, Purpose.SEAL, Way.DOWN, "A") for party in scene.parties)
        key = key_as_text(session_key(*halves, int(asked.params[0], 16)))
        assert [party.open(one, 2) for party, one in zip(scene.parties, (asked, invited), strict=True)] == [key, key]

    def test_a_repeated_one_gets_the_same_session(self) -> None:
        scene = Scene()
        invitation, _ = scene.invite(again="b001.77")
        scene.play.later(0.1)
        scene.play << scene.laptop.conn(again="b001.77")
        (ack,) = scene.laptop.hear(scene.play)
        assert (ack.verb, ack.params[1], ack.params[3]) == ("ACK", "0", invitation.params[0])
        assert len(scene.play.engine.state.meetings.by_id) == 1

    def test_repeated_after_the_end_it_hears_why(self) -> None:
        scene = Scene()
        _, invited = scene.invite(again="b001.77")
        scene.play << scene.camera.take(invited, "not_allowed")
        scene.play << scene.laptop.conn(again="b001.77")
        (ack,) = scene.laptop.hear(scene.play)
        assert (ack.params[1], ack.params[2], ack.params[3]) == ("1", "not_allowed", invited.params[0])

    def test_only_the_latest_are_remembered(self) -> None:
        scene = Scene()
        for number in range(MAX_REMEMBERED + 1):
            scene.play.later(7)
            scene.camera.beat(scene.play)
            _, invited = scene.invite(again=f"b001.{number + 1:x}")
            scene.play << scene.camera.take(invited, "refused")
        (asker,) = scene.play.engine.state.meetings.askers.values()
        assert len(asker.requests) == MAX_REMEMBERED
        scene.play << scene.laptop.conn(again="b001.1")
        assert scene.laptop.answers(scene.play, Verb.ACK).params[1] == "0"

    def test_what_their_nats_do_is_told(self) -> None:
        scene = Scene()
        for party, mapping in zip(scene.parties, ("e", "h"), strict=True):
            party.report = party.report._replace(mapping=Mapping(mapping), life=30)
            party.beat(scene.play)
        asked, invited = scene.invite()
        assert (asked.params[2][-2:], invited.params[2][-2:]) == ("/h", "/e")

    def test_who_is_nearer_begins_later(self) -> None:
        scene = Scene()
        for session, seconds in ((scene.play.engine.state.operators["laptop"], 0.02), (session_of(scene), 0.1)):
            assert session.signed is not None
            session.signed.round_trip = seconds
        asked, invited = scene.invite()
        assert (asked.params[3], invited.params[3]) == ("0.0.-.40.cam1", "1.0.-.0.laptop")
        scene.play.later(0.3)
        assert scene.laptop.answers(scene.play, Verb.PNCH).params[3] == "0.0.-.0.cam1"

    def test_whose_distance_is_not_known_waits_for_nothing(self) -> None:
        scene = Scene()
        signed = session_of(scene).signed
        assert signed is not None
        signed.round_trip = None
        asked, invited = scene.invite()
        assert (asked.params[3], invited.params[3]) == ("0.0.-.0.cam1", "1.0.-.0.laptop")

    @pytest.mark.parametrize(("allowed", "option"), [(True, "b"), (False, "-")])
    def test_a_birthday_attempt_needs_the_servers_permission(self, allowed: bool, option: str) -> None:
        scene = Scene(Playbook(rendezvous=Rendezvous(birthday=allowed)))
        scene.play.give_key("cam1", scene.camera.key)
        scene.camera.meet(scene.play)
        asked, invited = scene.invite(options="b")
        assert (asked.params[3], invited.params[3]) == (f"0.0.{option}.0.cam1", f"1.0.{option}.0.laptop")

    def test_every_session_has_a_number_of_its_own(self) -> None:
        scene = Scene()
        other = Scene(scene.play, "desk", path("203.0.113.5", 7000))
        other.camera = scene.camera
        state = scene.play.engine.state
        first = scene.connect()
        signed = state.operators["desk"].signed
        assert signed is not None
        signed._base, signed.down = -(1 << 62), first - 1
        assert other.connect() == first + 1


class TestARefusal:
    @pytest.mark.parametrize(
        ("params", "what"),
        [
            (("cam1", "x", "b001.1", "-"), "a port that is none"),
            (("cam1", "65536", "b001.1", "-"), "a port beyond all"),
            (("cam1", "0", "b001", "-"), "a request without a number"),
            (("cam1", "0", "b001.1", "B"), "options that are none"),
        ],
    )
    def test_what_cannot_be_read_is_not_answered(self, params: tuple[str, ...], what: str) -> None:
        scene = Scene()
        scene.play << scene.laptop.frame("CONN", *params)
        assert (scene.play.rejected, scene.play.sent) == (["bad_fields"], []), what

    def test_a_device_may_not_ask(self) -> None:
        scene = Scene()
        scene.play << scene.camera.frame("CONN", "cam1", "0", "b001.1", "-")
        (ack,) = scene.camera.hear(scene.play)
        assert ack.params[1:4] == ("1", "not_operator", "0")
        assert scene.play.kinds == ["connection_refused"]

    def test_who_is_not_proven_here_has_to_beat_first(self) -> None:
        scene = Scene()
        scene.laptop.path = path("203.0.113.66", 6000)
        scene.play << scene.laptop.conn()
        assert refused(scene) == "unproven"
        fresh = scene.play.restart()
        scene.laptop.path = HOME
        fresh << scene.laptop.conn()
        scene.play = fresh
        assert refused(scene) == "unproven"

    def test_nobody_meets_over_tcp(self) -> None:
        scene = Scene()
        scene.laptop.path = path("198.51.100.7", 6000, "tcp")
        scene.laptop.meet(scene.play)
        scene.play.later(5)
        scene.play << scene.laptop.conn()
        assert refused(scene) == "unproven"

    @pytest.mark.parametrize("name", ["nobody", "laptop", "stranger", "keyless"])
    def test_a_device_is_the_operators_own_and_has_a_key(self, name: str) -> None:
        scene = Scene()
        scene.play.adopt("keyless") << heartbeat("stranger")
        scene.play << scene.laptop.conn(name)
        assert refused(scene) == "unknown_device"

    def test_a_device_that_is_not_proven_is_not_reached(self) -> None:
        scene = Scene(Playbook())
        scene.play.give_key("cam1", scene.camera.key)
        scene.play << scene.laptop.conn()
        assert refused(scene) == "unreachable"

    def test_nor_is_one_that_is_lost(self) -> None:
        scene = Scene()
        for _ in range(6):
            scene.play.later(20)
            scene.laptop.beat(scene.play)
        scene.play << scene.laptop.conn()
        assert refused(scene) == "unreachable"

    def test_nor_one_of_another_member_of_the_cluster(self) -> None:
        scene = Scene(Playbook(member=1))
        scene.play << scene.laptop.conn("cam1")
        assert refused(scene) == "unreachable"

    def test_a_device_has_to_know_how(self) -> None:
        scene = Scene()
        scene.camera.report = scene.camera.report._replace(tunnels=False)
        scene.camera.beat(scene.play)
        scene.play << scene.laptop.conn()
        assert refused(scene) == "not_able"

    def test_a_server_may_connect_nobody(self) -> None:
        scene = Scene(Playbook(rendezvous=Rendezvous(enabled=False)))
        scene.play << scene.laptop.conn()
        assert refused(scene) == "disabled"

    def test_refusals_are_told_once_in_a_while_and_counted(self) -> None:
        scene = Scene()
        told = []
        for _ in range(3):
            scene.play << scene.laptop.conn("nobody")
            told.append(scene.play.kinds)
        assert told == [["connection_refused"], [], []]
        assert scene.play.engine.state.meetings.refusals == {RendezvousReason.UNKNOWN_DEVICE: 3}


class TestLimits:
    def test_ten_requests_a_minute(self) -> None:
        scene = Scene()
        for _ in range(int(REQUESTS_BURST)):
            scene.play << scene.laptop.conn("nobody")
            assert refused(scene) == "unknown_device"
        scene.play << scene.laptop.conn("nobody")
        assert refused(scene) == "too_many"
        scene.play.later(6)
        scene.laptop.beat(scene.play)
        scene.play << scene.laptop.conn("nobody")
        assert refused(scene) == "unknown_device"

    def test_two_sessions_of_a_device(self) -> None:
        scene = Scene()
        for _ in range(MAX_OF_DEVICE):
            scene.connect()
        scene.play << scene.laptop.conn()
        assert refused(scene) == "too_many"

    def test_four_of_an_operators_machine(self) -> None:
        scene = Scene()
        for number in range(MAX_OF_OPERATOR + 1):
            camera = scene.camera = Party(f"cam{number + 2}", path("192.0.2.9", 4001 + number), 1)
            scene.play.give_key(camera.name, camera.key)
            camera.meet(scene.play)
            if number < MAX_OF_OPERATOR:
                scene.connect(device=camera.name)
        scene.play << scene.laptop.conn(camera.name)
        assert refused(scene) == "too_many"

    def test_an_end_to_all_together(self) -> None:
        scene = Scene()
        scene.connect()
        (meeting,) = scene.play.engine.state.meetings.by_id.values()
        others: dict[int, Meeting] = dict.fromkeys(range(1, MAX_MEETINGS), meeting)
        scene.play.engine.state.meetings.by_id.update(others)
        scene.play << scene.laptop.conn()
        assert refused(scene) == "too_many"

    def test_nobody_is_invited_while_the_database_lags_behind(self) -> None:
        scene = Scene()
        scene.play << BacklogFilled() << scene.laptop.conn()
        assert refused(scene) == "too_many"


class TestAnInvitation:
    def test_each_side_is_invited_until_it_takes_it(self) -> None:
        scene = Scene()
        asked, invited = scene.invite()
        scene.play << scene.laptop.take(asked)
        scene.play.later(0.3)
        assert scene.laptop.heard(scene.play, Verb.PNCH) == []
        again = scene.camera.answers(scene.play, Verb.PNCH)
        assert again.params[0] == invited.params[0]
        assert scene.camera.open(again, 2) == scene.camera.open(invited, 2)
        assert again.params[1] != invited.params[1], "sealed by another counter"
        assert is_stored_first(scene.play, again)
        scene.play << scene.camera.take(invited)
        assert scene.play.kinds == ["connected"]
        scene.play.later(0.6)
        assert scene.play.sent == []

    def test_a_second_copy_of_the_acknowledgement_changes_nothing(self) -> None:
        scene = Scene()
        asked, _ = scene.invite()
        for _ in range(2):
            scene.play << scene.laptop.take(asked)
        assert scene.play.rejected == scene.play.events == []

    def test_unanswered_it_is_given_up_in_time(self) -> None:
        scene = Scene()
        asked, _ = scene.invite()
        began = scene.play.now.mono
        scene.play << scene.laptop.take(asked)
        seen = 0
        while not (over := scene.over(scene.laptop)):
            scene.play.later(0.25)
            seen += sum(one.params[1] != "0" for one in scene.camera.heard(scene.play, Verb.PNCH))
        assert (over, seen) == (["unanswered"], PNCH_RESENDS)
        assert scene.play.now.mono - began <= GIVEN_UP
        assert scene.play.count(EventKind.CONNECTION_REFUSED) == 1
        assert scene.play.engine.state.meetings.by_id == {}

    @pytest.mark.parametrize(("said", "told"), [("not_allowed", "not_allowed"), ("anything", "refused")])
    def test_a_device_may_refuse_and_say_why(self, said: str, told: str) -> None:
        scene = Scene()
        _, invited = scene.invite()
        scene.play << scene.camera.take(invited, said)
        assert scene.over(scene.laptop) == [told]
        assert scene.camera.heard(scene.play, Verb.PNCH) == []
        assert scene.play.kinds == ["connection_refused"]

    def test_only_the_acknowledgement_of_one_that_was_sent_to_this_side_counts(self) -> None:
        scene = Scene()
        asked, invited = scene.invite()
        for frame in (
            scene.camera.frame("ACK", f"{asked.signature.counter:x}", "0", "0", asked.params[0]),
            scene.camera.frame("ACK", "1", "0", "0", asked.params[0]),
            scene.camera.frame("ACK", f"{invited.signature.counter:x}", "0", "0", "abc"),
        ):
            scene.play << frame
            assert (scene.play.sent, scene.play.events) == ([], [])
        (meeting,) = scene.play.engine.state.meetings.by_id.values()
        assert meeting.state == "invited"

    def test_a_third_party_takes_nothing(self) -> None:
        scene = Scene()
        asked, _ = scene.invite()
        third = SignedCamera("cam3")
        scene.play.give_key("cam3", third.key)
        third.meet(scene.play)
        scene.play << third.frame("ACK", f"{asked.signature.counter:x}", "1", "refused", asked.params[0])
        assert len(scene.play.engine.state.meetings.by_id) == 1

    def test_none_goes_where_a_side_is_not_proven_any_more(self) -> None:
        scene = Scene()
        scene.invite()
        signed = session_of(scene).signed
        assert signed is not None
        signed.proven = False
        scene.play.later(0.3)
        assert scene.camera.heard(scene.play, Verb.PNCH) == []
        assert len(scene.laptop.heard(scene.play, Verb.PNCH)) == 1


class TestTheEnd:
    def test_a_session_that_is_used_stays(self) -> None:
        scene = Scene()
        scene.connect()
        for _ in range(20):
            scene.beat(60)
            assert all(scene.passes(party, b"", Kind.HELLO) for party in scene.parties)

    @pytest.mark.parametrize("role", [0, 1])
    def test_one_of_which_a_side_is_silent_is_over(self, role: int) -> None:
        scene = Scene()
        scene.connect()
        for _ in range(RELAY_IDLE_MS // 20_000 - 1):
            scene.beat(20)
            assert scene.passes(scene.parties[role], b"hello")
        scene.play.later(21)
        assert [scene.over(party) for party in scene.parties] == [["ended"], ["ended"]]
        (event,) = (one for one in scene.play.events if one.kind == "connection_ended")
        assert event.text.endswith("is over: ended; 304 bytes were relayed")
        assert event.device_id == session_of(scene).device.id

    def test_who_says_goodbye_ends_it_for_the_other(self) -> None:
        scene = Scene()
        scene.connect()
        assert scene.passes(scene.laptop, b"", Kind.BYE)
        assert "connection_ended" in scene.play.kinds
        assert not scene.passes(scene.camera, b"late")
        assert scene.play.rejected == ["no_session"]

    def test_of_two_sessions_the_other_one_goes_on(self) -> None:
        scene = Scene()
        scene.connect()
        first = scene.laptop.seal(b"", Kind.BYE)
        scene.connect()
        scene.play << first
        assert len(scene.play.engine.state.meetings.by_id) == 1
        assert scene.passes(scene.laptop)

    def test_a_forgotten_device_ends_its_sessions(self) -> None:
        scene = Scene()
        scene.connect()
        scene.play << DeviceForgotten("op", "cam1")
        assert scene.over(scene.laptop) == ["ended"]
        assert scene.camera.heard(scene.play, Verb.PNCH) == []

    def test_so_does_a_removed_operators_machine(self) -> None:
        scene = Scene()
        scene.connect()
        scene.play << OperatorRemoved("op", "laptop")
        assert [scene.over(party) for party in scene.parties] == [["ended"], ["ended"]]
        assert scene.play.engine.state.meetings.askers == {}
        scene.play << scene.laptop.seal()
        assert (scene.play.rejected, scene.play.sent) == (["no_session"], [])

    def test_so_does_a_device_in_quarantine(self) -> None:
        scene = Scene()
        scene.connect()
        scene.play << DeviceChanged("op", "cam1", quarantined=True)
        assert scene.over(scene.laptop) == ["ended"]

    def test_so_does_one_that_the_peers_person_put_there(self) -> None:
        scene = Scene(Playbook(pair=Pair(peer="B", preferred="A")))
        scene.play.give_key("cam1", scene.camera.key)
        scene.camera.meet(scene.play)
        scene.connect()
        mine = session_of(scene).device
        theirs = replace(mine, standing=Standing.QUARANTINED, origin="B", hlc=mine.hlc + (1 << 30))
        scene.play << PeerTold((Told(theirs, None, "unassigned", None),))
        assert scene.over(scene.laptop) == ["ended"]

    def test_a_device_that_is_given_another_key_ends_them_when_it_uses_it(self) -> None:
        scene = Scene()
        scene.connect()
        newer = SignedCamera("cam1")
        scene.play.give_key("cam1", newer.key, renew=True)
        assert scene.passes(scene.laptop)
        scene.play << newer.heartbeat()
        assert scene.over(scene.laptop) == ["ended"]

    @pytest.mark.parametrize("role", [0, 1])
    def test_who_starts_anew_has_lost_its_key(self, role: int) -> None:
        scene = Scene()
        scene.connect()
        scene.parties[role].reboot("b002")
        scene.play << scene.parties[role].heartbeat()
        assert scene.over(scene.parties[1 - role]) == ["ended"]
        assert scene.play.engine.state.meetings.by_id == {}

    def test_a_second_program_of_an_operator_ends_what_the_first_one_holds_and_is_no_reboot(self) -> None:
        scene = Scene()
        scene.connect()
        second = SignedCamera("laptop", scene.laptop.key, "b002", scene.laptop.counter)
        scene.play << second.heartbeat(at=path("198.51.100.7", 6001))
        scene.laptop.left = path("198.51.100.7", 6001)
        assert [scene.over(party) for party in scene.parties] == [["ended"], ["ended"]]
        assert scene.play.kinds == ["connection_ended"]

    def test_a_program_that_is_started_again_and_again_is_not_in_its_own_way(self) -> None:
        scene = Scene()
        for number in range(6):
            scene.laptop.reboot(f"b{number:03}")
            for _ in range(2):
                scene.play << scene.laptop.heartbeat()
                scene.laptop.heard(scene.play, Verb.ACK)
            scene.connect()
            scene.play.later(6)
        assert len(scene.play.engine.state.meetings.by_id) == 1

    def test_a_program_that_is_started_again_elsewhere_connects_at_once(self) -> None:
        scene = Scene()
        scene.connect()
        scene.laptop.reboot("b002")
        scene.laptop.left, scene.laptop.path = scene.laptop.path, path("198.51.100.7", 6001)
        for proven in ("1", "0"):
            scene.play << scene.laptop.heartbeat()
            assert scene.laptop.answers(scene.play, Verb.ACK).params[1] == proven
        scene.connect()
        assert scene.passes(scene.laptop)
        assert scene.passes(scene.camera)

    def test_one_that_another_member_watches_from_now_on_is_not_met_here(self) -> None:
        scene = Scene()
        scene.connect()
        scene.play << DevicesReleased((session_of(scene).device.id,))
        assert scene.over(scene.laptop) == ["ended"]

    def test_a_planned_stop_leaves_those_alone_who_reach_each_other_directly(self) -> None:
        scene = Scene()
        scene.connect()
        scene.play << ServerStopping()
        assert "connection_ended" in scene.play.kinds
        assert [scene.over(party) for party in scene.parties] == [[], []]

    def test_a_restart_knows_none_of_them(self) -> None:
        scene = Scene()
        before = scene.connect()
        scene.play = scene.play.restart()
        scene.play << scene.camera.seal()
        assert scene.play.rejected == ["no_session"]
        for party in scene.parties:
            party.beat(scene.play)
            party.beat(scene.play)
        assert scene.connect() > before

    def test_it_shows_its_key_nowhere(self) -> None:
        scene = Scene()
        scene.connect()
        (meeting,) = scene.play.engine.state.meetings.by_id.values()
        key = meeting.key
        assert repr(meeting) == f"Meeting({meeting.id:x}, met)"
        scene.play << ServerStopping()
        assert meeting.key == b""
        assert key not in repr(scene.play.history).encode()


class TestOfACluster:
    def test_both_have_to_be_at_one_member_and_stay_there(self) -> None:
        cluster = ClusterPlaybook()
        one, two = cluster.members
        scene = Scene(one)
        one.give_key("cam1", scene.camera.key)
        scene.play = two
        scene.camera.meet(two)
        scene.play = one
        one << scene.laptop.conn()
        assert refused(scene) == "unreachable"
        scene.camera.meet(one)
        scene.connect()
        assert scene.passes(scene.laptop)
        assert scene.passes(scene.camera)
        two << scene.camera.heartbeat()
        assert one.engine.state.meetings.by_id == {}
        one << scene.laptop.seal()
        assert one.rejected == ["no_session"]


def test_live_sessions_are_shown() -> None:
    scene = Scene()
    scene.invite(port="8554")
    (shown,) = meeting_views.connections(scene.play.engine.state)
    assert (shown.operator, shown.device, shown.port, shown.established) == ("laptop", "cam1", 8554, False)
    assert (shown.since, shown.relayed_bytes) == (scene.play.now.wall, 0)
    scene.passes(scene.laptop, b"12345")
    (shown,) = meeting_views.connections(scene.play.engine.state)
    assert shown.relayed_bytes == 38
