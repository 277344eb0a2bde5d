"""Many homes, each with one device behind NATs of its own, and a server that commands them.

with street(directory, [Way("sym"), Way("pr", "symb")], python_device) as made:
    made.commanded()    # one command for each, and how they fared
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from lfcp import Verb
from lfcp.authenticator import key_as_text
from lfcp.client import Ladder
from tests.firmware.running_device import Camera, key_file, running
from tests.natlab.house import House, house
from tests.natlab.laboratory import Laboratory, laboratory
from tests.netlab.namespaces import Namespace
from tests.netlab.relay import Line
from tests.python_device import PythonDevice, living
from tests.waiting import wait_until

INTERVAL = 4  # s between heartbeats
UNANSWERED = 3  # s that a mapping lives before it was answered, where its life is not Linux's
FIRST = 3  # home of a street; the laboratory has two of its own


class Way(NamedTuple):
    """The types of NAT between a device and the server. life: of the home's mappings that were answered, s; None: as
    long as Linux's."""

    home: str
    carrier: str | None = None
    life: int | None = None

    def __str__(self) -> str:
        return self.home if self.carrier is None else f"{self.home} behind {self.carrier}"


class Setup(NamedTuple):
    """What a device is told. directory: its own. ladder: s; empty: it beats every INTERVAL and tries nothing out."""

    machine: Namespace
    name: str
    servers: dict[str, tuple[str, int]]
    key: bytes
    directory: Path
    ladder: Sequence[int]


Count = Callable[[], int]  # how often a device obeyed
Launch = Callable[[Setup], AbstractContextManager[Count]]


class Answer(NamedTuple):
    """To a command. seconds: from the operator's wish to the outcome. sent: how often it was."""

    way: Way
    seconds: float
    sent: int


@contextmanager
def python_device(setup: Setup) -> Iterator[Count]:
    ladder = Ladder(setup.ladder) if setup.ladder else None
    interval = None if ladder else INTERVAL
    with living(PythonDevice(setup.machine, setup.name, setup.servers, setup.key, interval, ladder)) as device:
        yield lambda: device.done[Verb.TLGS]


def c_device(program: Path) -> Launch:
    @contextmanager
    def launch(setup: Setup) -> Iterator[Count]:
        key = key_file(setup.directory, key_as_text(setup.key))
        options = ["--name", setup.name, "--key-file", str(key), "--state", "state", "--interval", str(INTERVAL)]
        for label, (host, port) in setup.servers.items():
            options += ["--server", f"{label}={host}:{port}"]
        if setup.ladder:
            options += ["--ladder", ",".join(map(str, setup.ladder))]
        options += Camera(setup.directory, "one.jpg").options
        with setup.machine.entered(), running(program, setup.directory, *options) as device:
            yield lambda: device.said("done TLGS")

    return launch


def in_turn(*launches: Launch) -> Launch:
    """The first device is launched by the first of them, and so on, again and again."""
    turns = cycle(launches)
    return lambda setup: next(turns)(setup)


@dataclass(frozen=True, slots=True)
class Home:
    """number: of its machines in the laboratory. obeyed: how often its device did."""

    way: Way
    number: int
    device: str
    obeyed: Count

    @property
    def machine(self) -> str:
        return f"dev{self.number}"

    @property
    def nat(self) -> str:
        return f"nat{self.number}"

    @property
    def outermost(self) -> str:
        """The NAT whose address the server sees."""
        return self.nat if self.way.carrier is None else f"carrier{self.number}"


@dataclass(frozen=True, slots=True)
class Street:
    lab: Laboratory
    house: House
    homes: Sequence[Home]

    def commanded(self, before: Callable[[Home], None] = lambda _: None) -> list[Answer]:
        """Each device is commanded once, `before` having happened to its home, and obeys once; one after the other
        until each is commanded, so that all of them wait at the same time."""
        obeyed = {home.device: home.obeyed() for home in self.homes}
        commands = []
        for home in self.homes:
            before(home)
            commands.append((home, self.house.command(home.device, "TLGS")))
        answers = [self._answer(home, command) for home, command in commands]
        assert {home.device: home.obeyed() - 1 for home in self.homes} == obeyed
        return answers

    def all_reached(self) -> None:
        for home in self.homes:
            reached = partial(self.house.is_reached, home.device)
            wait_until(reached, f"the device behind {home.way}", look_every=0.1)

    def _answer(self, home: Home, command: int) -> Answer:
        outcome = self.house.outcome(command)
        assert outcome["state"] == "acked", (home.way, outcome)
        seconds = (moment(outcome, "finished_at") - moment(outcome, "created_at")).total_seconds()
        return Answer(home.way, seconds, outcome["attempts"])


def moment(outcome: Mapping[str, Any], which: str) -> datetime:
    return datetime.fromisoformat(outcome[which])


@contextmanager
def street(
    directory: Path, ways: Sequence[Way], launch: Launch, *, ladder: Sequence[int] = (), line: Line | None = None
) -> Iterator[Street]:
    """ladder: of each device, s. line: of each. Returns when the server knows how to reach all of them."""
    lines = {} if line is None else {f"dev{FIRST + number}": line for number in range(len(ways))}
    with ExitStack() as stack:
        lab = stack.enter_context(laboratory(lines=lines))
        watching = stack.enter_context(house(lab, directory))
        homes = []
        for way in ways:
            number = lab.add_home(way.home, carrier=way.carrier)
            if way.life:
                lab.set_lives(f"nat{number}", UNANSWERED, way.life)
            (own := directory / f"cam{number}").mkdir()
            key = watching.add_device(own.name)
            setup = Setup(lab[f"dev{number}"], own.name, watching.servers, key, own, ladder)
            homes.append(Home(way, number, own.name, stack.enter_context(launch(setup))))
        made = Street(lab, watching, homes)
        made.all_reached()
        yield made
