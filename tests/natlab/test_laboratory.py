"""The laboratory itself: who reaches whom, over how many hops, and what happens to it is what a test asked for."""

import socket

import pytest

from tests.natlab.laboratory import Laboratory, laboratory
from tests.natlab.sockets import arrives, udp_socket

PORT = 4000


def hops_to(lab: Laboratory, target: str, most: int = 8) -> int:
    """The smallest time to live with which dev1's datagrams get there."""
    with udp_socket(lab["dev1"]) as dev1, udp_socket(lab[target], PORT) as there:
        for hops in range(1, most):
            dev1.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
            if arrives(b"x", dev1, (lab.address(target), PORT), there):
                return hops
    raise AssertionError(f"not within {most} hops")


@pytest.mark.parametrize("carrier", [None, "pr"])
def test_three_hops_leave_a_home_and_its_carrier_and_end_before_the_other_side(carrier: str | None) -> None:
    further = 1 if carrier else 0
    with laboratory("pr", "pr", carrier1=carrier, carrier2=carrier) as lab:
        assert hops_to(lab, "srvA") == 2 + further
        assert hops_to(lab, "srvB") == 4 + further
