"""What was promised to devices and what the operator heard: counted, printed, and held against the promises."""

import time
from collections import Counter
from typing import NamedTuple

from alarmd.core.records import Event
from alarmd.storage.interface import MAX_PAGE, EventFilter
from alarmd.storage.opening import open_reader
from tests.machine_server import MachineServer
from tests.pair.pair import Pair
from tests.waiting import LIMIT, wait_until

LOOK_EVERY = 0.2  # s between two looks at both logs
TAKEOVER = 10.0  # s from an alarm's ACK within which it is told, whoever died, by the default settings
PEER_LOST = 15.0  # s from a server's end within which that is told


class Reckoning(NamedTuple):
    """Alarms that a server acknowledged, those of them that were told, and that were told more than once. longest: s
    from the first ACK to the telling; told before the ACK counts as 0."""

    acknowledged: int
    told: int
    twice: int
    longest: float

    @property
    def lost(self) -> int:
        return self.acknowledged - self.told

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} alarms acknowledged, {self.told} told, {self.lost} lost, "
            f"{self.twice} told more than once, longest {self.longest:.1f} s"
        )


def reckon(house: Pair) -> Reckoning:
    raised = house.operator.about("motion")
    times = Counter(message.device for message in raised)
    first = {message.device: message.at for message in reversed(raised)}
    acknowledged = dict(house.fleet.acknowledged)
    waits = [max(0.0, first[device] - acks[0].at) for device, acks in acknowledged.items() if device in first]
    twice = sum(times[device] > 1 for device in acknowledged)
    return Reckoning(len(acknowledged), len(waits), twice, max(waits, default=0.0))


def all_told(house: Pair, what: str) -> Reckoning:
    """Waits until every alarm that a server acknowledged was told; prints the counts."""
    wait_until(lambda: reckon(house).lost == 0, f"every alarm to be told; {reckon(house)}")
    found = reckon(house)
    print(f"{what}: {found}")  # noqa: T201 - shown by pytest -s
    assert found.acknowledged > 0
    return found


def nothing_waits(*servers: MachineServer) -> None:
    """Waits until these have told everything that they had to tell."""
    for server in servers:
        wait_until(lambda server=server: _waiting(server) == 0, "the outbox to be empty")  # type: ignore[misc]


def _waiting(server: MachineServer) -> int:
    outbox = server.ask_api("/status")["outbox"]
    return int(outbox["pending"]) + int(outbox["leased"])


def peer_lost_after(house: Pair, since: float, what: str) -> float:
    """Waits until the operator is told that a server is lost; s since then (monotonic)."""
    wait_until(lambda: house.operator.about("peer_lost"), "the loss of the peer to be told")
    seconds = house.operator.about("peer_lost")[0].at - since
    print(f"{what}: the loss of the peer told after {seconds:.1f} s")  # noqa: T201
    return seconds


def logs_alike(house: Pair) -> None:
    """Waits until both servers have the same events and alarms."""
    deadline = time.monotonic() + LIMIT
    while differing := _log(house.a) ^ _log(house.b):
        assert time.monotonic() < deadline, f"only one of them has this, after {LIMIT:.0f} s: {differing}"
        time.sleep(LOOK_EVERY)


def _log(server: MachineServer) -> set[tuple[str | None, ...]]:
    reader = open_reader(server.database_url)
    found: set[tuple[str | None, ...]] = set()
    try:
        after = 0
        while page := reader.events(EventFilter(after_row=after, limit=MAX_PAGE)):
            found |= {(*_identity(one.event), one.event.kind, one.event.text) for one in page}
            after = page[-1].row
        alarms = [one.alarm for one in reader.alarms(include_cleared=True, limit=MAX_PAGE)]
        found |= {(one.identity, one.state, one.acknowledged_by, one.cleared_by) for one in alarms}
    finally:
        reader.close()
    return found


def _identity(event: Event) -> tuple[str, str]:
    """What a device numbered itself is one event, whoever of the two recorded it."""
    if event.boot_id is not None:
        return event.boot_id, str(event.boot_event)
    return event.origin, str(event.sequence)
