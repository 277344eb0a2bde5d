"""Who stands on the path of a device, sees, copies, holds up and repeats, or forges from afar, and has no key: he moves
no path, keeps no command, opens no session, uses no relay, and gets no more bytes out of the server than allowed."""

import random
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lfcp import Verb
from lfcp.constants import TUNNEL_DATA
from tests.conftest import PROVE
from tests.natlab.attacker import Attacker
from tests.natlab.house import House, house
from tests.natlab.laboratory import Laboratory, laboratory
from tests.natlab.meetings import Neighbourhood, camera_of, neighbourhood
from tests.netlab.relay import Line
from tests.python_device import PythonDevice, living
from tests.waiting import wait_until

INTERVAL = 1.0  # s between heartbeats
HELD = 0.3  # s that the attacker holds the device's own datagrams up, while his copies are there at once
COMMANDS = 20 if PROVE else 3
BEATS = 60 if PROVE else 6
FORGED = 5000 if PROVE else 500
AMPLIFICATION = 3  # bytes to an address that is not proven, for each byte of a valid frame from there
CAMERA = "cam1"


class Scene:
    def __init__(self, lab: Laboratory, watching: House, device: PythonDevice) -> None:
        self.lab, self.house, self.device = lab, watching, device

    @property
    def address(self) -> str:
        """Where the server believes the device to be."""
        return str(self.house.device(CAMERA)["address"])

    def beat(self, times: int) -> None:
        wanted = self.device.answers + times
        wait_until(lambda: self.device.answers >= wanted, f"{times} answered heartbeats")


@contextmanager
def scene(directory: Path, kind: str = "pr") -> Iterator[Scene]:
    with laboratory(kind, lines={"dev1": Line()}) as lab, house(lab, directory) as watching:
        key = watching.add_device(CAMERA)
        with living(PythonDevice(lab["dev1"], CAMERA, watching.servers, key, INTERVAL)) as device:
            wait_until(lambda: watching.is_reached(CAMERA), "the device")
            yield Scene(lab, watching, device)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def test_who_is_faster_than_the_device_moves_no_path_and_keeps_no_command(tmp_path: Path) -> None:
    with scene(tmp_path) as made, closing(Attacker(made.lab, "dev1", made.house.servers["A"])) as attacker:
        attacker.copy_at_once(HELD)
        places = set()
        for number in range(COMMANDS):
            made.beat(1)
            places.add(made.address)
            outcome = made.house.outcome(made.house.command(CAMERA, "TLGS"))
            assert outcome["state"] == "acked", outcome
            assert made.device.done[Verb.TLGS] == number + 1
        made.beat(BEATS)
        places.add(made.address)
        obeyed = f"{COMMANDS} of {COMMANDS} commands obeyed once"
        say(f"{len(attacker.heard)} frames copied, {attacker.answers} answered, {obeyed}, the device was at {places}")
        assert attacker.answers > 0
        assert not any(attacker.address in place for place in places)


def test_what_is_repeated_from_elsewhere_moves_nothing_and_is_hardly_answered(tmp_path: Path) -> None:
    with scene(tmp_path) as made, closing(Attacker(made.lab, "dev1", made.house.servers["A"])) as attacker:
        before = made.address
        for _ in range(BEATS):
            made.beat(1)
            attacker.replay()
        made.house.outcome(made.house.command(CAMERA, "TLGS"))
        attacker.replay()
        made.beat(2)
        say(f"{attacker.spent} bytes repeated, {attacker.gained} came back; obeyed {made.device.done[Verb.TLGS]} times")
        assert attacker.spent > 0
        assert attacker.gained <= AMPLIFICATION * sum(map(len, set(attacker.heard)))
        assert made.address == before
        assert made.device.done[Verb.TLGS] == 1


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Neighbourhood]:
    with neighbourhood(tmp_path, ["sym"], ["sym"], Line(), pair=False) as made:
        yield made


def test_who_has_no_key_opens_no_session_and_uses_no_relay(street: Neighbourhood) -> None:
    """Both sides are behind hard NATs, so that all of it goes over the relay."""
    server, name = street.house.servers["A"], camera_of("sym")
    with closing(Attacker(street.lab, street.machine_of("sym"), server)) as attacker:
        with street.connecting("sym", name) as connection:
            connection.wait_for_path("relay")
            said = connection.say(f"{name},HEARTBEAT,0,0,0,0,0,0")
            assert said.startswith(f"{name},ACK,")
            open_sessions, relayed = sessions(street), relayed_bytes(street)
            attacker.replay()
            for forged in forgeries(attacker.heard):
                attacker.send(forged)
            assert connection.say(f"{name},HEARTBEAT,0,0,0,0,0,0") == said
            more = relayed_bytes(street) - relayed
            assert sessions(street) == open_sessions == 1
            assert connection.stop(signal.SIGINT) == 0
        wait_until(lambda: sessions(street) == 0, "the end of the session")
        attacker.replay()
        connects = sum(b",CONN," in payload for payload in attacker.heard)
        spent = f"{attacker.spent} bytes forged or repeated, {connects} times CONN"
        say(f"{spent}: {attacker.gained} came back, {more} bytes were relayed meanwhile")
        assert connects > 0
        assert more < 10_000
        assert sessions(street) == 0
        assert attacker.gained <= AMPLIFICATION * sum(map(len, set(attacker.heard)))


def forgeries(heard: list[bytes]) -> Iterator[bytes]:
    """Tunnel datagrams of guessed sessions, and of this one with what he makes up; frames with a bit turned."""
    dice = random.Random(1)
    tunnel = [payload for payload in heard if payload[0] >= TUNNEL_DATA]
    frames = [payload for payload in heard if payload[0] < TUNNEL_DATA]
    for _ in range(FORGED):
        yield bytes([TUNNEL_DATA]) + dice.randbytes(60)
        yield dice.choice(tunnel)[:9] + dice.randbytes(60)
        frame = bytearray(dice.choice(frames))
        frame[dice.randrange(len(frame))] ^= 1 << dice.randrange(7)
        yield bytes(frame)


def sessions(street: Neighbourhood) -> int:
    return round(metric(street, "alarmd_rendezvous_sessions"))


def relayed_bytes(street: Neighbourhood) -> int:
    return round(metric(street, "alarmd_relayed_bytes_total"))


def metric(street: Neighbourhood, name: str) -> float:
    with street.lab["srvA"].entered():
        lines = street.house.a.get("/metrics").splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))
