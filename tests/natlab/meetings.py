"""Operators behind NATs who connect with cameras behind others: `alarmd connect` in processes of its own, servers, and
a camera in each home.

with neighbourhood(directory, operators=["sym"], cameras=["pr"]) as made:
    met = made.meet("sym", "pr", "--birthday", patience=30)
"""

import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lfcp import Verb
from tests.end_to_end.connecting import Connected, connected
from tests.natlab.house import House, house
from tests.natlab.laboratory import FAR, Laboratory, laboratory
from tests.natlab.street import Count, Launch, Setup
from tests.netlab.namespaces import DIES_WITH_US
from tests.netlab.relay import Line
from tests.python_device import PythonDevice, living
from tests.waiting import wait_until

INTERVAL = 2.0  # s between heartbeats of a camera
FIRST = 3  # home of a neighbourhood; the laboratory has two of its own


class Met(NamedTuple):
    """first, direct: s from the request to the first path, which is the relay if nothing was lost, and to the first
    direct one; None: there was none. kind: of the address that was direct. answered: the camera acknowledged an LFCP
    heartbeat that came through."""

    first: float
    direct: float | None
    kind: str | None
    answered: bool


@contextmanager
def python_camera(setup: Setup) -> Iterator[Count]:
    device = PythonDevice(setup.machine, setup.name, setup.servers, setup.key, INTERVAL, allow=())
    with living(device):
        yield lambda: device.done[Verb.TLGS]


class Neighbourhood:
    """Use `neighbourhood`."""

    def __init__(self, lab: Laboratory, watching: House, directory: Path) -> None:
        self.lab = lab
        self.house = watching
        self._directory = directory
        self._machines: dict[str, str] = {}  # of operators, by what they are called here
        self.machine_of_camera: dict[str, str] = {}
        self._asked = 0

    def move_in(self, kind: str) -> None:
        """An operator, behind a NAT of this type, which is what he is called."""
        self._machines[kind] = f"dev{self.lab.add_home(kind)}"

    def move_in_with(self, camera: str) -> None:
        """An operator who is called `inside`, in the camera's home."""
        home = self.lab.place(self.machine_of_camera[camera])
        self._machines["inside"] = "inside"
        self.lab.add_host("inside", home)

    def machine_of(self, operator: str) -> str:
        """Its name in the laboratory."""
        return self._machines[operator]

    def meet(self, operator: str, camera: str, *options: str, patience: float = 0.0) -> Met:
        """camera: the type of its NAT. patience: s that a direct path is waited for."""
        name = camera_of(camera)
        with self.connecting(operator, name, *options) as connection:
            first = connection.wait_for_any_path()["after"]
            if patience:
                wait_for(connection, patience)
            direct = next(iter(connection.of("direct")), {"after": None, "kind": None})
            answer = connection.say(f"{name},HEARTBEAT,0,0,0,0,0,0")
            assert connection.stop(signal.SIGINT) == 0
        return Met(first, direct["after"], direct["kind"], answer.startswith(f"{name},ACK,"))

    @contextmanager
    def connecting(self, operator: str, device: str, *options: str) -> Iterator[Connected]:
        """`alarmd connect`, by an operator who never asked before: nobody may ask often."""
        self._asked += 1
        name = f"operator{self._asked}"
        (home := self._directory / name).mkdir()
        command = [*DIES_WITH_US, sys.executable, "-m", "alarmd", "connect", device, *options, "--name", name]
        command += ["--key-file", str(self._key(name, home))]
        for label, (host, port) in self.house.servers.items():
            command += ["--server", f"{label}={host}:{port}"]
        with self.lab[self.machine_of(operator)].entered(), connected(command, home) as connection:
            yield connection

    def _key(self, name: str, home: Path) -> Path:
        file = home / "key"
        file.touch(0o600)
        file.write_text(f"{self.house.add_operator(name)}\n")
        return file


def camera_of(kind: str) -> str:
    return f"cam-{kind}"


def wait_for(connection: Connected, patience: float) -> None:
    """A direct path; none is no failure here."""
    try:
        wait_until(lambda: connection.of("direct"), "a direct path", patience)
    except AssertionError:
        return


@contextmanager
def neighbourhood(
    directory: Path,
    operators: Collection[str],
    cameras: Collection[str],
    line: Line | None = None,
    *,
    launch: Launch = python_camera,
    pair: bool = True,
    ipv6: bool = False,
    **settings: str,
) -> Iterator[Neighbourhood]:
    """operators, cameras: types of their NATs, on either side of the public network. line: of everybody's home.
    launch: of the cameras. pair: two servers, so that everybody knows what his NAT does; else one. ipv6: in the homes
    and between them. settings: of the servers. Returns when they know how to reach the cameras."""
    homes = range(FIRST, FIRST + len(operators) + len(cameras))
    lines = {} if line is None else {f"dev{number}": line for number in homes}
    with ExitStack() as stack:
        lab = stack.enter_context(laboratory(lines=lines, ipv6=ipv6))
        watching = stack.enter_context(house(lab, directory, pair=pair, **settings))
        made = Neighbourhood(lab, watching, directory)
        for kind in cameras:
            home, name = f"dev{lab.add_home(kind, FAR)}", camera_of(kind)
            made.machine_of_camera[kind] = home
            (own := directory / name).mkdir()
            setup = Setup(lab[home], name, watching.servers, watching.add_device(name), own, ladder=())
            stack.enter_context(launch(setup))
        for kind in operators:
            made.move_in(kind)
        known = watching.knows_the_mapping if pair else watching.is_reached
        for kind in cameras:
            wait_until(partial(known, camera_of(kind)), f"the camera behind {kind}")
        yield made
