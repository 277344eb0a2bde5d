"""The promises, checked against the history of whole runs; `make simulate` runs more seeds."""

import os
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from alarmd.core import rebinding
from alarmd.core.effects import Effect, SendFrame
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import Input
from alarmd.core.records import Event, Presence
from alarmd.core.requests import CommandRequested, DeviceAdopted, KeyGiven
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.turn import Turn
from alarmd.storage.interface import DeliveryFilter, EventFilter, PictureFilter
from alarmd.storage.memory_reader import MemoryReader
from lfcp.constants import Verb
from tests.simulation.company import WaitingTurn
from tests.simulation.device import INTERVAL, SimulatedDevice
from tests.simulation.network import Weather
from tests.simulation.one_server import ATTACKER, OneServer
from tests.simulation.server import SimulatedServer

SEEDS = range(int(os.environ.get("ALARMD_SEEDS", "10")))
FINE = Weather()
BAD = Weather(loss=0.15, duplication=0.1, delay=0.4)
TERRIBLE = Weather(loss=0.15, duplication=0.1, delay=0.4, crashes=4)
HOSTILE = Weather(loss=0.15, duplication=0.1, delay=0.4, crashes=4, replays=0.5, reboots=2)
DEVICES = 6
BUSY = 600.0  # s in which things happen
HEALING = 400.0  # s in which nothing new does


def live(seed: int, weather: Weather, signed: bool = False) -> OneServer:
    """Devices report motion and are commanded; two lose their power; the server crashes as the weather says."""
    world = OneServer(seed, DEVICES, weather, signed)
    for device in world.devices:
        world.at(0.0, partial(world.server.handle, introduction(device)))
        for _ in range(weather.reboots):
            world.at(world.random.uniform(20, BUSY), device.reboot)
        for _ in range(6):
            verb = world.random.choice([Verb.MOAL, Verb.LOG])
            world.at(world.random.uniform(20, BUSY), partial(device.say, verb))
        for _ in range(2):
            request = CommandRequested("op", device.name, "TLGS")
            world.at(world.random.uniform(20, BUSY), partial(command, world, request))
    for device in world.devices[:2]:
        world.at(world.random.uniform(60, BUSY), device.switch_off)
    for _ in range(weather.crashes):
        down = world.random.uniform(0.1, 10)
        world.at(world.random.uniform(10, BUSY), partial(crash, world, down))
    world.run(BUSY + HEALING)
    return world


def introduction(device: SimulatedDevice) -> Input:
    if device.key is None:
        return DeviceAdopted("op", device.name)
    return KeyGiven("op", device.name, device.key)


def command(world: OneServer, request: CommandRequested) -> None:
    if world.server.up:
        world.server.handle(request)


def crash(world: OneServer, down: float) -> None:
    if world.server.up:
        world.server.crash()
        world.at(down, world.server.start)


def stored(world: OneServer, kind: EventKind | None = None) -> list[Event]:
    reader = MemoryReader(world.server.store)
    found = reader.events(EventFilter(kind=kind, after_row=0, limit=1000))
    return [one.event for one in found]


def names(world: OneServer) -> dict[int, str]:
    return {device.id: device.name for device in world.server.store.load().devices}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("weather", "signed"),
    [(FINE, False), (BAD, False), (TERRIBLE, False), (FINE, True), (TERRIBLE, True), (HOSTILE, True)],
    ids=["fine", "bad", "terrible", "fine-signed", "terrible-signed", "hostile-signed"],
)
def test_the_promises_hold_in_any_weather(seed: int, weather: Weather, signed: bool) -> None:
    world = live(seed, weather, signed)
    told = "\n".join(world.trace[-200:])
    texts = {event.text for event in stored(world)}
    for device in world.devices:
        assert set(device.acknowledged) <= texts, f"seed {seed}: acknowledged, but not stored\n{told}"
        if device.switched_off_at is None:
            assert set(device.sent) <= set(device.acknowledged), f"seed {seed}: not delivered in the end\n{told}"
    lost = Counter(names(world).get(event.device_id or 0) for event in stored(world, EventKind.CONTACT_LOST))
    presence = {contact.device_id: contact.presence for contact in world.server.store.load().contacts}
    ids = {name: number for number, name in names(world).items()}
    for device in world.devices:
        if device.switched_off_at is not None:
            assert presence[ids[device.name]] is Presence.LOST, f"seed {seed}: {device.name} is gone, silently\n{told}"
        if weather is FINE:  # in bad weather, four heartbeats in a row may well be lost
            wanted = int(device.switched_off_at is not None)
            assert lost[device.name] == wanted, f"seed {seed}: {lost[device.name]} losses of {device.name}\n{told}"
    outcomes = stored(world, EventKind.COMMAND_FINISHED)
    queued = [event for event in stored(world, EventKind.COMMAND_QUEUED) if event.text.startswith("TLGS")]
    alive = {device.name for device in world.devices if device.switched_off_at is None}
    finished = Counter(names(world).get(event.device_id or 0) for event in outcomes if event.text.startswith("TLGS"))
    for name, count in Counter(names(world).get(event.device_id or 0) for event in queued).items():
        assert finished[name] <= count, f"seed {seed}: {name} has more outcomes than commands\n{told}"
        assert name not in alive or finished[name] == count, f"seed {seed}: a command of {name} has no outcome\n{told}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("weather", [TERRIBLE, HOSTILE], ids=["terrible", "hostile"])
def test_with_keys_nothing_happens_twice_whatever_the_network_does(seed: int, weather: Weather) -> None:
    world = live(seed, weather, signed=True)
    told = "\n".join(world.trace[-200:])
    messages = [event for kind in (EventKind.MOTION, EventKind.LOG) for event in stored(world, kind)]
    copies = Counter((event.device_id, event.boot_id, event.boot_event) for event in messages)
    assert set(copies.values()) == {1}, f"seed {seed}: stored twice\n{told}"
    for device in world.devices:
        asked = sum(event.text.startswith("TLGS") for event in queued_for(world, device.name))
        assert executed(device) <= asked + weather.reboots, f"seed {seed}: done twice\n{told}"
    contacts = world.server.store.load().contacts
    assert str(ATTACKER) not in {contact.address for contact in contacts}, f"seed {seed}: a path was stolen\n{told}"
    assert stored(world, EventKind.CLONED) == [], f"seed {seed}: a reboot looked like a clone\n{told}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("weather", [FINE, BAD, TERRIBLE], ids=["fine", "bad", "terrible"])
def test_an_acknowledged_picture_is_in_the_index_and_on_its_way_exactly_once(seed: int, weather: Weather) -> None:
    world = live(seed, weather)
    told = "\n".join(world.trace[-200:])
    reader = MemoryReader(world.server.store)
    index = [stored.picture for stored in reader.pictures(PictureFilter(limit=1000))]
    times = Counter(picture.upload for picture in index)
    assert set(times.values()) <= {1}, f"seed {seed}: stored twice\n{told}"
    for device in world.devices:
        assert set(device.kept) <= set(times), f"seed {seed}: acknowledged, but not in the index\n{told}"
        if device.switched_off_at is None:
            assert device.kept == device.pictures, f"seed {seed}: not delivered in the end\n{told}"
    assert index, "nothing was tried"
    sent = [one.delivery.attachment for one in reader.deliveries(DeliveryFilter(destination="s3", limit=1000))]
    assert Counter(sent) == Counter(picture.key for picture in index), f"seed {seed}: not sent on once\n{told}"


def executed(device: SimulatedDevice) -> int:
    return sum(verb == "TLGS" for verb, _ in device.executed)


def queued_for(world: OneServer, name: str) -> list[Event]:
    found = stored(world, EventKind.COMMAND_QUEUED)
    return [event for event in found if names(world).get(event.device_id or 0) == name]


@pytest.mark.parametrize("seed", SEEDS)
def test_in_fine_weather_a_command_is_carried_out_once_and_a_loss_told_within_its_limit(seed: int) -> None:
    world = live(seed, FINE)
    for device in world.devices:
        if device.switched_off_at is None:
            assert executed(device) == 2, f"seed {seed}"
    for event in stored(world, EventKind.CONTACT_LOST):
        (device,) = (one for one in world.devices if one.name == names(world)[event.device_id or 0])
        assert device.switched_off_at is not None
        after = event.received_at / 1e6 - 1_795_262_400.0 - device.switched_off_at
        assert 90.0 - INTERVAL - 2 <= after <= 90.0, f"seed {seed}: told {after:.1f} s after the power went"


def test_a_seed_is_a_run() -> None:
    assert live(7, TERRIBLE).trace == live(7, TERRIBLE).trace


def test_a_server_that_acknowledges_before_it_stores_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker checks: the fault that alarmd must never have is planted, and found."""
    perform = SimulatedServer._perform

    def at_once(self: SimulatedServer, turn: WaitingTurn, effect: Effect) -> None:
        perform(self, turn, replace(effect, promises=False) if isinstance(effect, SendFrame) else effect)

    monkeypatch.setattr(SimulatedServer, "_perform", at_once)
    monkeypatch.setattr("tests.simulation.server.MAX_COMMIT", 2.0)
    lost = 0
    for seed in range(40):
        world = live(seed, Weather(crashes=12, delay=0.01))
        texts = {event.text for event in stored(world)}
        lost += sum(text not in texts for device in world.devices for text in device.acknowledged)
    assert lost


def test_a_server_that_forgets_which_pictures_it_has_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.core.galleries.Gallery.is_again", lambda *_: False)
    with pytest.raises(AssertionError, match="stored twice"):
        pictures_once_for_many_seeds()


def test_a_server_that_forgets_what_it_stored_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.core.boots.Boots.stored", lambda _boots, _event: False)
    with pytest.raises(AssertionError, match="stored twice"):
        nothing_twice_for_many_seeds()


def test_a_server_that_believes_any_echo_is_robbed_of_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alarmd.core.rebinding.locate", believe)
    with pytest.raises(AssertionError, match="a path was stolen"):
        nothing_twice_for_many_seeds()


def pictures_once_for_many_seeds() -> None:
    for seed in range(40):
        test_an_acknowledged_picture_is_in_the_index_and_on_its_way_exactly_once(seed, BAD)


def nothing_twice_for_many_seeds() -> None:
    for seed in range(40):
        test_with_keys_nothing_happens_twice_whatever_the_network_does(seed, HOSTILE)


def believe(turn: Turn, exchange: SignedExchange, _alive: bool, _echo: int) -> bool:
    rebinding._move(turn, exchange.session, exchange.signed, exchange.frame.path)
    return True
