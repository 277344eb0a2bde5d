"""Devices on their machine of a pair, talking to both servers: lfcp-device, and alarmd's device in Python."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.firmware.running_device import RunningDevice, running
from tests.pair.pair import LABELS, LFCP_PORT, Pair
from tests.python_device import PythonDevice, living

INTERVAL = 2  # s between heartbeats


def c_device(house: Pair, stack: ExitStack, program: Path, directory: Path, *options: str) -> RunningDevice:
    """It runs until the stack is closed. directory: its own; made if need be."""
    directory.mkdir(exist_ok=True)
    addresses = [f"{label}={house.lan.address(name)}:{LFCP_PORT}" for name, label in LABELS.items()]
    servers = [option for address in addresses for option in ("--server", address)]
    with house.lan["devices"].entered():
        return stack.enter_context(running(program, directory, *servers, "--interval", str(INTERVAL), *options))


@contextmanager
def python_device(house: Pair, name: str, key: bytes) -> Iterator[PythonDevice]:
    servers = {label: (house.lan.address(host), LFCP_PORT) for host, label in LABELS.items()}
    with living(PythonDevice(house.lan["devices"], name, servers, key, INTERVAL)) as made:
        yield made
