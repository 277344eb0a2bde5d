"""Two servers that watch together, each on a machine of its own, with devices and an operator on two more.

with pair(tmp_path) as house:
    house.fleet.motion("cam1")
    wait_until(lambda: house.operator.about("motion"))
    house.a.stop(signal.SIGKILL)
    house.lan.cut("b", "operator")
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.machine_server import MachineServer
from tests.netlab.namespaces import Namespace
from tests.netlab.network import Network, network
from tests.netlab.relay import Line
from tests.pair.fleet import Fleet
from tests.pair.operator import Operator, operator
from tests.serving import LIMIT, alarmd
from tests.waiting import wait_until

LABELS = {"a": "A", "b": "B"}
LFCP_PORT, PAIR_PORT = 8443, 8446
EAGER = {"DEVICES_STRANGER_RATE": "1000", "DEVICES_STRANGER_BURST": "10000"}  # new devices are no attack here


class Pair(NamedTuple):
    """a is the preferred one."""

    lan: Network
    a: MachineServer
    b: MachineServer
    fleet: Fleet
    operator: Operator

    def met(self) -> bool:
        """Whether both know each other now."""
        return all(server.ask_api("/peer")["standing"] == "met" for server in (self.a, self.b))


@contextmanager
def pair(
    directory: Path,
    bad: Mapping[str, Line] = MappingProxyType({}),
    storage_urls: Mapping[str, str] = MappingProxyType({}),
    **settings: str,
) -> Iterator[Pair]:
    """bad: as for a network of a, b, devices and operator. storage_urls: of a and b; else SQLite. settings: of both, as
    of `served`. Returns once they met."""
    with ExitStack() as stack:
        lan = stack.enter_context(network("a", "b", "devices", "operator", bad=bad))
        told = stack.enter_context(operator(lan["operator"], lan.address("operator")))
        both = {name: _settings(lan, name, told) | settings for name in LABELS}
        for name, url in storage_urls.items():
            both[name]["STORAGE_URL"] = url
        _join(lan, directory, both)
        servers = [stack.enter_context(_launched(lan[name], directory / name, both[name])) for name in LABELS]
        for server in servers:
            server.wait_until_started()
        addresses = {label: (lan.address(name), LFCP_PORT) for name, label in LABELS.items()}
        fleet = stack.enter_context(closing(Fleet(lan["devices"], addresses)))
        fleet.start()
        made = Pair(lan, servers[0], servers[1], fleet, told)
        wait_until(made.met, "the first meeting")
        yield made


@contextmanager
def _launched(machine: Namespace, directory: Path, settings: Mapping[str, str]) -> Iterator[MachineServer]:
    server = MachineServer(machine, directory, settings)
    server.launch()
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(LIMIT)


def _settings(lan: Network, name: str, told: Operator) -> dict[str, str]:
    address = lan.address(name)
    return EAGER | {
        "SERVER_LABEL": LABELS[name],
        "LFCP_ADDRESSES": address,
        "LFCP_PORT": str(LFCP_PORT),
        "INGEST_ADDRESSES": address,
        "PAIR_ADDRESSES": address,
        "PAIR_PORT": str(PAIR_PORT),
        "ALARMS_DESTINATIONS": "log,hook",
        "DESTINATIONS_HOOK_KIND": "webhook",
        "DESTINATIONS_HOOK_URL": told.url,
        "DESTINATIONS_HOOK_SECRET": "the receiver and we know it",
    }


def _join(lan: Network, directory: Path, both: Mapping[str, dict[str, str]]) -> None:
    for name in both:
        (directory / name).mkdir()
    invitation = directory / "invitation"
    invite(directory / "a", lan.address("a"), invitation, **both["a"])
    accept(directory / "b", invitation, **both["b"])


def invite(directory: Path, address: str, invitation: Path, *options: str, **settings: str) -> None:
    """The server there asks another one to join."""
    there = f"{address}:{PAIR_PORT}"
    done = alarmd(directory, "peer", "init", "--address", there, "--output", str(invitation), *options, **settings)
    assert done.returncode == 0, done.stderr


def accept(directory: Path, invitation: Path, **settings: str) -> None:
    done = alarmd(directory, "peer", "join", str(invitation), **settings)
    assert done.returncode == 0, done.stderr
