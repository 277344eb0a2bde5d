"""Servers on srvA, and on srvB if asked, which watch over the devices of the laboratory.

with laboratory("sym") as lab, house(lab, tmp_path) as watching:
    key = watching.add_device("cam1")
    number = watching.command("cam1", "TLGS")
    watching.outcome(number)["attempts"]
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lfcp.authenticator import key_from_text
from tests.machine_server import MachineServer
from tests.natlab.laboratory import Laboratory
from tests.pair.pair import EAGER, LABELS, LFCP_PORT, PAIR_PORT, accept, invite
from tests.serving import LIMIT
from tests.waiting import wait_until

MACHINES = {"a": "srvA", "b": "srvB"}  # of the servers of a pair


@dataclass(frozen=True, slots=True)
class House:
    """b: None if there is one server. servers: as a device is told them, by label."""

    a: MachineServer
    b: MachineServer | None
    servers: dict[str, tuple[str, int]]

    def add_device(self, name: str) -> bytes:
        """Its key."""
        with self.a.api() as api:
            made = api.post(f"/devices/{name}/key", json={}).raise_for_status().json()
        if self.b is not None:
            other = self.b
            wait_until(lambda: name in {one["name"] for one in other.ask_api("/devices")["devices"]}, "the copied key")
        return key_from_text(made["key"])

    def add_operator(self, name: str) -> str:
        """The key of its machine, as text; both servers know it."""
        made = self.a.tell_api(f"/operators/{name}/key")
        if self.b is not None:
            other = self.b
            wait_until(lambda: name in {one["name"] for one in other.ask_api("/operators")["operators"]}, "the copy")
        return str(made["key"])

    def knows_the_mapping(self, name: str) -> bool:
        """Of a device's NAT; every server of the house reaches it."""
        shown = [server.ask_api(f"/devices/{name}")["live"] for server in (self.a, self.b) if server is not None]
        return all(live["path_proven"] and live["way"]["mapping"] not in (None, "u") for live in shown)

    def is_reached(self, name: str) -> bool:
        """Whether commands go to it at once."""
        live = self.device(name)["live"]
        return bool(live and live["path_proven"])

    def device(self, name: str) -> Any:
        return self.a.ask_api(f"/devices/{name}")

    def command(self, name: str, verb: str, *params: str) -> int:
        """Its number."""
        (queued,) = self.a.tell_api("/commands", target=name, verb=verb, params=params)["commands"]
        return int(queued["id"])

    def outcome(self, command: int, wait: float = LIMIT) -> Any:
        """As the API shows it; it may be open still when the time is over."""
        return self.a.ask_api(f"/commands/{command}", wait=wait)


@contextmanager
def house(lab: Laboratory, directory: Path, *, pair: bool = False, **settings: str) -> Iterator[House]:
    """settings: of every server, as of `served`."""
    names = ("a", "b") if pair else ("a",)
    with ExitStack() as stack:
        for name in names:
            (directory / name).mkdir()
        chosen = {name: _settings(lab, name, pair) | settings for name in names}
        if pair:
            invitation = directory / "invitation"
            invite(directory / "a", lab.address(MACHINES["a"]), invitation, **chosen["a"])
            accept(directory / "b", invitation, **chosen["b"])
        servers = [stack.enter_context(_launched(lab, name, directory / name, chosen[name])) for name in names]
        for server in servers:
            server.wait_until_started()
        addresses = {LABELS[name]: (lab.address(MACHINES[name]), LFCP_PORT) for name in names}
        made = House(servers[0], servers[1] if pair else None, addresses)
        if pair:
            wait_until(lambda: all(one.ask_api("/peer")["standing"] == "met" for one in servers), "the first meeting")
        yield made


@contextmanager
def _launched(lab: Laboratory, name: str, directory: Path, settings: dict[str, str]) -> Iterator[MachineServer]:
    server = MachineServer(lab[MACHINES[name]], directory, settings)
    server.launch()
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(LIMIT)


def _settings(lab: Laboratory, name: str, pair: bool) -> dict[str, str]:
    address = lab.address(MACHINES[name])
    joint = {"PAIR_ADDRESSES": address, "PAIR_PORT": str(PAIR_PORT)} if pair else {}
    own = {"SERVER_LABEL": LABELS[name], "LFCP_ADDRESSES": address, "LFCP_PORT": str(LFCP_PORT)}
    return EAGER | own | {"INGEST_ADDRESSES": address} | joint
