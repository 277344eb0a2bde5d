"""coturn as the judge of the laboratory: its STUN server, and its client that finds out what a NAT does (RFC 5780)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.natlab.laboratory import PORT, Laboratory
from tests.natlab.nat_types import Dependence
from tests.natlab.probes import STUN
from tests.natlab.sockets import came, udp_socket
from tests.needs import need_program
from tests.netlab.namespaces import DIES_WITH_US
from tests.netlab.wiring import ip
from tests.waiting import LIMIT, wait_until

BINDING_REQUEST = bytes.fromhex("000100002112a442") + bytes(12)  # RFC 8489 section 5, without attributes
SECOND_ADDRESS = "198.51.100.200"  # of srvA; RFC 5780 section 3 asks for two
WORDS = {
    "Endpoint Independent": Dependence.NONE,
    "Address Dependent": Dependence.ADDRESS,
    "Address and Port Dependent": Dependence.PORT,
}


@contextmanager
def stun_server(lab: Laboratory, directory: Path) -> Iterator[None]:
    """On srvA. directory: for its files."""
    program = need_program("turnserver", "coturn")
    ip(lab["srvA"], f"addr add {SECOND_ADDRESS}/24 dev {PORT}")
    addresses = ("-L", lab.address("srvA"), "-L", SECOND_ADDRESS)
    only_udp = ("--no-tls", "--no-dtls", "--no-tcp", "--no-cli")
    files = ("--log-file", "stdout", "--pidfile", str(directory / "pid"), "--userdb", str(directory / "database"))
    command = [*DIES_WITH_US, program, "-n", "--stun-only", *addresses, *only_udp, *files]
    with lab["srvA"].entered():
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(lab), "coturn's start")
        yield
    finally:
        server.kill()
        server.wait(LIMIT)


def _answers(lab: Laboratory) -> bool:
    with udp_socket(lab["srvB"]) as asking:
        asking.sendto(BINDING_REQUEST, (lab.address("srvA"), STUN))
        return came(asking, 0.05) is not None


class Discovery:
    """One that is under way."""

    def __init__(self, lab: Laboratory, device: str, what: str) -> None:
        """what: "m" for its mapping, "f" for its filter."""
        program = need_program("turnutils_natdiscovery", "coturn")
        with lab[device].entered():
            self._client = subprocess.Popen(
                [*DIES_WITH_US, program, f"-{what}", lab.address("srvA")], stdout=subprocess.PIPE, text=True
            )

    def result(self) -> Dependence:
        said, _ = self._client.communicate(timeout=LIMIT)
        found = [meaning for words, meaning in WORDS.items() if f"NAT with {words} " in said]
        assert len(found) == 1, said
        return found[0]
