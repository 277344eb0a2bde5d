"""The laboratory itself: who reaches whom, and what happens to it is what a test asked for."""

import socket
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

import pytest

from tests.natlab.datagram_frames import Datagram, datagram_in, packet, with_datagram
from tests.natlab.laboratory import Laboratory, laboratory
from tests.natlab.sockets import NOT_COMING, Address, came, is_shut_out, seen_from, spoofing, udp_socket
from tests.netlab.relay import Line, Passing
from tests.waiting import wait_until

PORT = 4000
SENT = 200


class Known:
    """A socket of dev1 that is known to one of srvA's, which sees it at `outer`."""

    def __init__(self, lab: Laboratory) -> None:
        self._to = (lab.address("srvA"), PORT)
        self.server = udp_socket(lab["srvA"], PORT)
        self.device = udp_socket(lab["dev1"])
        self.inner = self.device.getsockname()[1]
        self.outer = self.tell()

    def tell(self) -> Address:
        return seen_from(b"here", self.device, self._to, self.server)

    def push(self) -> None:
        """It comes through."""
        assert seen_from(b"push", self.server, self.outer, self.device) == self._to

    def is_lost(self) -> bool:
        return is_shut_out(b"lost", self.server, self.outer, self.device)

    def close(self) -> None:
        self.server.close()
        self.device.close()


def hops_to(lab: Laboratory, target: str, most: int = 8) -> int:
    """The smallest time to live with which dev1's datagrams get there."""
    with udp_socket(lab["dev1"]) as dev1, udp_socket(lab[target], PORT) as there:
        for hops in range(1, most):
            dev1.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
            dev1.sendto(b"%d" % hops, (lab.address(target), PORT))
        heard = came(there)
    assert heard is not None
    return int(heard[0])


@pytest.mark.parametrize("carrier", [None, "pr"])
def test_three_hops_leave_a_home_and_its_carrier_and_end_before_the_other_side(carrier: str | None) -> None:
    further = 1 if carrier else 0
    with laboratory("pr", "prx", carrier1=carrier) as lab:
        assert hops_to(lab, "srvA") == 2 + further
        assert hops_to(lab, "srvB") == 4 + further
        with udp_socket(lab["dev1"]) as dev1, udp_socket(lab["dev2"]) as dev2, udp_socket(lab["srvB"], PORT) as server:
            outer = seen_from(b"here", dev2, (lab.address("srvB"), PORT), server)
            dev1.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
            dev1.sendto(b"opens its own side only", outer)
            assert came(dev2, NOT_COMING) is None
            assert lab.mapped("nat1", dev1.getsockname()[1])
            if carrier:
                assert lab.mapped("carrier1", dev1.getsockname()[1])
            assert lab.address("nat1") not in lab["nat2"].run("conntrack", "-L")


@pytest.mark.parametrize("kind", ["ar", "sym"])
def test_a_mapping_that_expired_or_that_a_reboot_forgot_lets_nothing_in_until_the_device_speaks(kind: str) -> None:
    with laboratory(kind) as lab, closing(Known(lab)) as known:
        known.push()
        for loses_it in (partial(lab.expire, "nat1", known.inner), partial(lab.reboot, "nat1")):
            assert lab.mapped("nat1", known.inner)
            loses_it()
            assert not lab.mapped("nat1", known.inner)
            assert known.is_lost()
            known.outer = known.tell()
            known.push()


def test_what_began_outside_expires_with_the_mapping() -> None:
    with laboratory("fc") as lab, closing(Known(lab)) as known, udp_socket(lab["srvB"]) as stranger:
        assert seen_from(b"let in", stranger, known.outer, known.device)[0] == lab.address("srvB")
        lab.expire("nat1", known.inner)
        assert is_shut_out(b"shut out", stranger, known.outer, known.device)
        with pytest.raises(LookupError):
            lab.expire("nat1", known.inner)


@pytest.mark.parametrize("kind", ["prh", "adm", "sym", "symb"])
def test_a_nat_that_chooses_ports_chooses_others_after_its_reboot(kind: str) -> None:
    with laboratory(kind) as lab, closing(Known(lab)) as known:
        before = known.outer
        lab.reboot("nat1")
        assert known.tell()[1] != before[1]


def test_a_router_that_rebooted_may_have_got_another_address() -> None:
    with laboratory("fc") as lab, closing(Known(lab)) as known:
        before = known.outer
        lab.reboot("nat1", new_address=True)
        known.outer = known.tell()
        assert known.outer == (lab.address("nat1"), before[1]) != before
        known.push()


def test_a_mapping_lives_as_long_as_was_asked_for() -> None:
    with laboratory("fc") as lab:
        lab.set_lives("nat1", unanswered=1, answered=60)
        with closing(Known(lab)) as known:
            wait_until(lambda: not lab.mapped("nat1", known.inner), "the end of the mapping")
            assert known.is_lost()


def test_an_answered_mapping_of_a_map_lives_longer() -> None:
    with laboratory("fc") as lab:
        lab.set_lives("nat1", unanswered=60, answered=2000)

        def answered() -> bool:
            known.push()
            known.tell()
            return "expires 33m" in lab["nat1"].run("nft", "list", "map", "ip", "nat", "learned")

        with closing(Known(lab)) as known:
            assert not answered()
            wait_until(answered, "what Linux calls assured, 2 s of packets both ways")


def test_sequential_ports_follow_one_another_and_a_carriers_stay_in_its_block() -> None:
    def ports(lab: Laboratory) -> list[int]:
        with udp_socket(lab["srvA"], PORT) as server, udp_socket(lab["srvA"], PORT + 1) as other:
            found = []
            for there in (server, other) * 4:
                with udp_socket(lab["dev1"]) as device:
                    to = (lab.address("srvA"), there.getsockname()[1])
                    found.append(seen_from(b"x", device, to, there)[1])
            return found

    with laboratory("syms") as lab:
        found = ports(lab)
        assert found == list(range(found[0], found[0] + 8))
    with laboratory("symb") as lab:
        found = ports(lab)
        assert set(found) <= set(range(40_000, 40_512))
        assert found != sorted(found)


@pytest.mark.parametrize("lines", [{}, {"dev1": Line()}], ids=["cable", "relay"])
def test_a_device_that_moves_is_reached_at_its_new_place_and_no_more_at_the_old_one(lines: dict[str, Line]) -> None:
    with laboratory("fc", nat3="sym", lines=lines) as lab, closing(Known(lab)) as known:
        before = known.outer
        for place in ("nat3", "nat1"):
            lab.move("dev1", place)
            assert lab.place("dev1") == place
            assert known.is_lost()
            known.outer = known.tell()
            assert known.outer[0] == lab.address(place)
            known.push()
        lab.leave("dev1")
        assert known.is_lost()
        assert before[0] == lab.address("nat1")


def test_homes_of_one_carrier_share_its_address_and_reach_each_other_by_its_hairpin_only() -> None:
    for carrier, hairpin in (("fc", False), ("fch", True)):
        with laboratory("fc", "fc", shared_carrier=carrier) as lab, closing(Known(lab)) as known:
            assert known.outer[0] == lab.address("carrier")
            with udp_socket(lab["dev2"]) as dev2:
                assert is_shut_out(b"neighbour", dev2, known.outer, known.device) != hairpin


def test_two_devices_of_a_home_reach_each_other_without_their_router() -> None:
    with laboratory("sym", dev1b=True) as lab, udp_socket(lab["dev1b"]) as one, udp_socket(lab["dev1"], PORT) as other:
        lab.routers["nat1"].stop()
        there = (lab.address("dev1"), PORT)
        assert seen_from(b"x", one, there, other) == (lab.address("dev1b"), one.getsockname()[1])


def test_ipv6_is_routed_and_a_home_lets_in_what_it_asked_for() -> None:
    six = socket.AF_INET6
    with ExitStack() as stack:
        lab = stack.enter_context(laboratory(carrier1="sym", ipv6=True, nat3="pr"))
        dev1, dev2 = (stack.enter_context(udp_socket(lab[name], PORT, six)) for name in ("dev1", "dev2"))
        for _ in range(2):
            one, two = (lab.address6("dev1"), PORT), (lab.address6("dev2"), PORT)
            assert is_shut_out(b"uninvited", dev2, one, dev1)
            dev1.sendto(b"opens", two)
            assert seen_from(b"invited", dev2, one, dev1) == two
            assert seen_from(b"answer", dev1, two, dev2) == one
            lab.move("dev1", "nat3")


def test_a_bad_line_of_a_machine_is_bad_both_ways() -> None:
    with laboratory("pr", lines={"dev1": Line()}) as lab, closing(Known(lab)) as known:
        lab.lines["dev1"].line = Line(loss=0.3, delay=0.01, jitter=0.02, duplicates=0.1)
        for number in range(SENT):
            known.server.sendto(b"%d" % number, known.outer)
            known.device.sendto(b"%d" % number, (lab.address("srvA"), PORT))
        for receiver in (known.device, known.server):
            order = []
            while heard := came(receiver, NOT_COMING):
                order.append(int(heard[0]))
            assert 0.5 * SENT < len(set(order)) < 0.9 * SENT
            assert len(order) > len(set(order))
            assert order != sorted(order)


def test_who_is_in_the_middle_of_a_line_drops_changes_delays_and_adds() -> None:
    def man(passing: Passing) -> list[Passing]:
        seen = datagram_in(passing.frame)
        if seen is None:
            return [passing]
        tapped.append(seen)
        if seen.payload == b"lost":
            return []
        if seen.payload == b"held":
            return [replace(passing, late=0.05)]
        if seen.payload == b"true":
            lie = replace(seen, payload=b"untrue")
            return [replace(passing, frame=with_datagram(passing.frame, lie))]
        return [passing, passing]

    tapped: list[Datagram] = []
    with laboratory("pr", lines={"dev1": Line()}) as lab, closing(Known(lab)) as known:
        lab.lines["dev1"].man = man
        for word in (b"lost", b"held", b"true", b"twice"):
            known.device.sendto(word, (lab.address("srvA"), PORT))
        heard = []
        while (got := came(known.server, NOT_COMING)) is not None:
            heard.append(got[0])
        assert heard == [b"untrue", b"twice", b"twice", b"held"]
        assert tapped[0] == Datagram((lab.address("dev1"), known.inner), (lab.address("srvA"), PORT), b"lost")


def test_frames_can_be_put_on_a_line_at_any_time() -> None:
    captured: list[Passing] = []

    def listen(passing: Passing) -> list[Passing]:
        captured.append(passing)
        return [passing]

    with laboratory("pr", lines={"dev1": Line()}) as lab, closing(Known(lab)) as known:
        relay = lab.lines["dev1"]
        relay.man = listen
        known.push()
        to_the_device = next(one for one in captured if one.towards == 0 and datagram_in(one.frame))
        relay.inject(to_the_device)
        assert came(known.device) == (b"push", (lab.address("srvA"), PORT))
        relay.inject(replace(to_the_device, late=0.02))
        assert came(known.device) is not None


def test_a_forger_far_away_gets_a_datagram_through_under_anothers_name() -> None:
    with laboratory("pr") as lab, closing(Known(lab)) as known, spoofing(lab["open"]) as forger:
        forged = Datagram((lab.address("srvA"), PORT), known.outer, b"it was me")
        forger.sendto(packet(forged), (known.outer[0], 0))
        assert came(known.device) == (b"it was me", forged.source)
