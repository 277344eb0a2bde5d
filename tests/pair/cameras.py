"""lfcp-device on the devices' machine of a pair, talking to both servers."""

from contextlib import ExitStack
from pathlib import Path

from tests.firmware.running_device import RunningDevice, running
from tests.pair.pair import LABELS, LFCP_PORT, Pair

INTERVAL = "2"  # s between heartbeats


def c_device(house: Pair, stack: ExitStack, program: Path, directory: Path, *options: str) -> RunningDevice:
    """It runs until the stack is closed. directory: its own; made if need be."""
    directory.mkdir(exist_ok=True)
    addresses = [f"{label}={house.lan.address(name)}:{LFCP_PORT}" for name, label in LABELS.items()]
    servers = [option for address in addresses for option in ("--server", address)]
    with house.lan["devices"].entered():
        return stack.enter_context(running(program, directory, *servers, "--interval", INTERVAL, *options))
