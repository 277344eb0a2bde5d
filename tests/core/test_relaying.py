"""The relay between two sides that met, and who may not use it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alarmd.core.effects import DURABLE, CloseConnection, SendFrame
from alarmd.core.inputs import FrameReceived
from alarmd.core.paths import Path
from alarmd.core.settings import Rendezvous
from lfcp.constants import TUNNEL_BODY, Verb
from lfcp.tunnel import MAX_TUNNEL_DATAGRAM, Kind, Tunnel
from tests.core.meeting import GARDEN, HOME, Party, Scene
from tests.playbook import Playbook, path

STRANGER = path("203.0.113.66", 666)
RATE = Rendezvous().relay_bytes_per_second


def met() -> Scene:
    scene = Scene()
    scene.connect()
    return scene


def forwarded(scene: Scene) -> list[bytes]:
    """Tunnel datagrams that the last input made the server send."""
    return [payload for payload in scene.play.sent if payload[0] >= 0x80]


def test_what_one_side_seals_comes_out_at_the_other_unchanged() -> None:
    scene = met()
    for party in scene.parties:
        for kind in Kind:
            if kind is not Kind.BYE:
                assert scene.passes(party, b"body", kind)
    state = scene.play.engine.state
    assert (state.meetings.relayed_datagrams, state.meetings.relayed_bytes) == (10, 10 * 37)


def test_it_begins_with_the_invitation_and_waits_for_no_commit() -> None:
    scene = Scene()
    scene.invite()
    assert scene.passes(scene.laptop, b"first")
    assert not [effect for effect in scene.play.effects if isinstance(effect, DURABLE)]


def test_the_longest_one_passes() -> None:
    scene = met()
    assert scene.passes(scene.camera, bytes(TUNNEL_BODY))
    assert len(forwarded(scene)[0]) == MAX_TUNNEL_DATAGRAM


def test_order_does_not_matter_but_each_passes_once() -> None:
    scene = met()
    first, second = scene.laptop.seal(b"1"), scene.laptop.seal(b"2")
    for frame in (second, first):
        scene.play << frame
        assert forwarded(scene) == [frame.payload]
    for frame in (second, first):
        scene.play << frame
        assert (scene.play.sent, scene.play.rejected) == ([], ["replayed"])


@pytest.mark.parametrize("at", [STRANGER, path("198.51.100.7", 6001), HOME._replace(socket=2), GARDEN])
def test_nothing_passes_from_another_address(at: Path) -> None:
    scene = met()
    frame = FrameReceived(scene.laptop.seal().payload, at)
    scene.play << frame
    assert scene.play.sent == []
    assert scene.play.rejected == ["bad_seal" if at == GARDEN else "no_session"]


def test_nothing_passes_that_the_side_did_not_seal() -> None:
    scene = met()
    assert scene.laptop.tunnel is not None
    number = scene.laptop.tunnel.inbound._session
    payload = scene.laptop.seal(b"body").payload
    forged = [
        payload[:-1] + bytes((payload[-1] ^ 1,)),
        bytes((Kind.HELLO,)) + payload[1:],
        payload[:16] + bytes((payload[16] ^ 1,)) + payload[17:],
        payload[:30],
        Tunnel(number, bytes(32), 0).outbound.seal(Kind.DATA, b"body"),
        b"\xff" + payload[1:],
        payload + b"\0",
    ]
    for one in forged:
        scene.play << FrameReceived(one, HOME)
        assert (scene.play.sent, scene.play.rejected) == ([], ["bad_seal"])
    scene.play << FrameReceived(payload, HOME)
    assert forwarded(scene) == [payload]


def test_a_session_is_not_guessed() -> None:
    scene = met()
    (number,) = scene.play.engine.state.meetings.by_id
    for guess in (0, 1, number - 1, number + 1, (1 << 64) - 1):
        scene.play << FrameReceived(Tunnel(guess, bytes(32), 0).outbound.seal(Kind.DATA), HOME)
        assert (scene.play.sent, scene.play.rejected) == ([], ["no_session"])
    for short in (b"\x80", b"\x80\0\0", b"\xff" * 3):
        scene.play << FrameReceived(short, HOME)
        assert (scene.play.sent, scene.play.rejected) == ([], ["no_session"])


def test_one_session_opens_nothing_in_another() -> None:
    scene = met()
    desk = Scene(scene.play, "desk", STRANGER)
    desk.camera = Party("cam2", path("192.0.2.2"), 1)
    scene.play.give_key("cam2", desk.camera.key)
    desk.camera.meet(scene.play)
    desk.connect(device="cam2")
    assert scene.laptop.tunnel is not None
    scene.play << FrameReceived(scene.laptop.seal().payload, STRANGER)
    assert scene.play.rejected == ["no_session"]
    payload = bytearray(desk.laptop.seal().payload)
    payload[1:9] = scene.laptop.tunnel.inbound._session.to_bytes(8, "big")
    scene.play << FrameReceived(bytes(payload), STRANGER)
    assert scene.play.rejected == ["no_session"]
    assert scene.passes(scene.laptop)
    assert desk.passes(desk.camera)


def test_over_tcp_it_is_a_malformed_line() -> None:
    scene = met()
    scene.play << FrameReceived(scene.laptop.seal().payload, HOME._replace(transport="tcp"))
    assert scene.play.rejected == ["bad_name"]
    assert scene.play.made(CloseConnection)


def test_more_than_a_session_may_have_is_dropped() -> None:
    scene = met()
    passed = 0
    for _ in range(2 * RATE // MAX_TUNNEL_DATAGRAM):
        scene.play << scene.laptop.seal(bytes(TUNNEL_BODY))
        passed += sum(map(len, forwarded(scene)))
    assert RATE - MAX_TUNNEL_DATAGRAM < passed <= RATE
    assert (scene.play.sent, scene.play.rejected) == ([], ["relay_rate"])
    scene.play.later(0.5)
    assert scene.passes(scene.camera, bytes(TUNNEL_BODY))


def test_the_rate_is_the_operators() -> None:
    scene = Scene(Playbook(rendezvous=Rendezvous(relay_bytes_per_second=2048)))
    scene.play.give_key("cam1", scene.camera.key)
    scene.camera.meet(scene.play)
    scene.connect()
    assert scene.passes(scene.laptop, bytes(TUNNEL_BODY))
    assert not scene.passes(scene.laptop, bytes(TUNNEL_BODY))
    assert scene.play.rejected == ["relay_rate"]


class TestWhoMoves:
    NEW = path("192.0.2.77", 4321)

    def test_the_relay_follows_a_side_whose_nat_forgot_it_once_it_is_proven_there(self) -> None:
        scene = met()
        scene.camera.path = self.NEW
        scene.camera.beat(scene.play)
        scene.play << scene.camera.seal()
        assert scene.play.rejected == ["no_session"], "it is not proven yet"
        scene.play << scene.camera.heartbeat()
        scene.play.later(5)
        scene.camera.beat(scene.play)
        assert scene.passes(scene.camera)
        assert scene.passes(scene.laptop)

    def test_while_two_addresses_compete_it_uses_the_one_that_was(self) -> None:
        scene = met()
        for _ in range(2):
            scene.play << scene.camera.heartbeat(at=self.NEW)
            for effect in scene.play.made(SendFrame):
                scene.camera.read(effect.payload)
        signed = scene.play.engine.state.sessions["cam1"].signed
        assert signed is not None
        assert signed.doubt is not None
        scene.play << scene.laptop.seal()
        assert [effect.path for effect in scene.play.made(SendFrame)] == [GARDEN]
        scene.play << scene.camera.seal(at=self.NEW)
        assert scene.play.rejected == ["no_session"]
        assert scene.passes(scene.camera)

    def test_nothing_goes_to_a_side_that_is_not_proven_any_more(self) -> None:
        scene = met()
        signed = scene.play.engine.state.sessions["cam1"].signed
        assert signed is not None
        signed.proven = False
        assert not scene.passes(scene.laptop)
        assert scene.play.rejected == ["unreached"]


class TestAttackers:
    def test_a_recorded_request_opens_nothing(self) -> None:
        scene = Scene()
        recorded = scene.laptop.conn()
        scene.play << recorded
        for at in (HOME, STRANGER):
            scene.play << FrameReceived(recorded.payload, at)
            assert (scene.play.sent, scene.play.rejected) == ([], ["replayed"])
        assert len(scene.play.engine.state.meetings.by_id) == 1

    def test_a_request_that_he_was_faster_with_opens_nothing_for_him(self) -> None:
        scene = Scene()
        held_back = scene.laptop.conn()
        scene.play << FrameReceived(held_back.payload, STRANGER)
        (effect,) = scene.play.made(SendFrame)
        assert scene.laptop.read(effect.payload).params[1:3] == ("1", "unproven")
        assert len(effect.payload) <= 3 * len(held_back.payload)
        assert scene.play.engine.state.meetings.by_id == {}

    def test_a_forged_acknowledgement_takes_nothing(self) -> None:
        scene = Scene()
        _, invited = scene.invite()
        genuine = scene.camera.take(invited).payload
        scene.play << FrameReceived(genuine[:-1] + b"A", GARDEN)
        assert scene.play.rejected == ["bad_tag"]
        scene.play << FrameReceived(b"cam1,ACK,1,0,0,%s,1,AAAAAAAAAAAAAAAA" % invited.params[0].encode(), GARDEN)
        assert scene.play.rejected == ["bad_tag"]
        (meeting,) = scene.play.engine.state.meetings.by_id.values()
        assert meeting.state == "invited"

    def test_the_relay_is_closed_after_the_end(self) -> None:
        scene = met()
        kept = [party.seal() for party in scene.parties]
        scene.play.later(200)
        assert scene.play.engine.state.meetings.by_id == {}
        for frame in kept:
            scene.play << frame
            assert (scene.play.sent, scene.play.rejected) == ([], ["no_session"])

    def test_a_flood_ends_neither_the_session_nor_the_others(self) -> None:
        scene = met()
        for number in range(1000):
            scene.play << FrameReceived(scene.laptop.seal().payload[:17] + number.to_bytes(40, "big"), HOME)
            assert scene.play.sent == []
        assert scene.passes(scene.laptop)


PATHS = (HOME, GARDEN, STRANGER)


class Attack:
    """Whoever sees everything and sends what he likes from wherever he likes, but for the two genuine addresses'
    packets, which he can only repeat, change and redirect."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.seen: list[bytes] = []
        self.came: dict[Path, int] = {}
        self.left: dict[Path, int] = {}

    def send(self, frame: FrameReceived, genuine: bool) -> None:
        scene = self.scene
        if genuine:
            self.seen.append(frame.payload)
        scene.play << frame
        for effect in scene.play.made(SendFrame):
            self.seen.append(effect.payload)
            if effect.path == STRANGER:
                assert effect.payload[0] < 0x80, "nothing is relayed to somebody else"
                assert b",PNCH," not in effect.payload
                assert len(effect.payload) <= 3 * len(frame.payload)
        if not genuine:
            relayed = [effect for effect in scene.play.made(SendFrame) if effect.payload[0] >= 0x80]
            assert all(effect.payload == frame.payload for effect in relayed), "nothing else than what a side sealed"
            self.came[frame.path] = self.came.get(frame.path, 0) + len(frame.payload)
            for effect in scene.play.made(SendFrame):
                if effect.path == STRANGER:
                    self.left[STRANGER] = self.left.get(STRANGER, 0) + len(effect.payload)

    def check(self) -> None:
        assert self.left.get(STRANGER, 0) <= 3 * self.came.get(STRANGER, 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_attacker_makes_the_server_amplify_or_relay_for_him(data: st.DataObject) -> None:
    attack = Attack()
    scene = attack.scene
    laptop = scene.laptop
    attack.send(laptop.conn(), genuine=True)
    asked, invited = (party.answers(scene.play, Verb.PNCH) for party in scene.parties)
    for party, invitation in zip(scene.parties, (asked, invited), strict=True):
        party.join(invitation)
        attack.send(party.take(invitation), genuine=True)
    delivered: dict[bytes, int] = {}
    for _ in range(data.draw(st.integers(1, 30))):
        act = data.draw(st.sampled_from(["replay", "change", "genuine", "beat", "garbage", "wait"]))
        if act == "genuine":
            frame = data.draw(st.sampled_from(scene.parties)).seal(data.draw(st.binary(max_size=40)))
            attack.send(frame, genuine=True)
        elif act == "beat":
            attack.send(data.draw(st.sampled_from(scene.parties)).heartbeat(), genuine=True)
        elif act == "wait":
            scene.play.later(data.draw(st.floats(0.1, 30)))
            assert all(effect.path != STRANGER for effect in scene.play.made(SendFrame))
        else:
            payload = data.draw(st.sampled_from(attack.seen)) if act != "garbage" else data.draw(st.binary(min_size=1))
            if act == "change":
                at = data.draw(st.integers(0, len(payload) - 1))
                payload = payload[:at] + bytes((payload[at] ^ data.draw(st.integers(1, 255)),)) + payload[at + 1 :]
            attack.send(FrameReceived(payload, data.draw(st.sampled_from(PATHS))), genuine=False)
        for payload in forwarded(scene):
            delivered[payload] = delivered.get(payload, 0) + 1
    attack.check()
    assert all(times == 1 for times in delivered.values()), "each passes once"
