"""A device behind any NAT is commanded at any time: while it says nothing, after its NAT forgot it, and once."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import PROVE
from tests.natlab.nat_types import NAT_TYPES
from tests.natlab.street import INTERVAL, Answer, Home, Launch, Street, Way, street

CARRIERS = ("pr", "symb")
ALL = [way for carrier in (None, *CARRIERS) for home in NAT_TYPES for way in (Way(home, carrier),) * 2]
SAMPLE = [*(Way(home) for home in NAT_TYPES), Way("pr", "symb"), Way("sym", "pr"), Way("fc", "symb")]
ROUNDS = 10 if PROVE else 2
AT_ONCE = 1.0  # s
PROOF = 3.0  # s that the challenge, its proof and the command take, on a machine that is busy; less than a heartbeat


def said(what: str, answers: Sequence[Answer], limit: float) -> None:
    """Counts for who runs the tests with -rP, and the proof."""
    in_time = [answer for answer in answers if answer.seconds < limit]
    slowest = max(answers, key=lambda answer: answer.seconds)
    at_first = sum(answer.sent == 1 for answer in answers)
    report = (
        f"{what}: {len(in_time)} of {len(answers)} within {limit:.0f} s, {at_first} by the first datagram, "
        f"the slowest after {slowest.seconds:.2f} s behind {slowest.way}"
    )
    sys.stdout.write(report + "\n")
    assert in_time == answers, report


def test_commands_reach_devices_that_say_nothing_and_that_their_nats_forgot(tmp_path: Path, both: Launch) -> None:
    with street(tmp_path, ALL if PROVE else SAMPLE, both) as homes:
        idle_devices_obey_at_once(homes)
        after_a_reboot_they_obey_within_a_heartbeat(homes)
        at_another_address_they_obey_within_a_heartbeat(homes)
        with_an_expired_mapping_they_obey_within_a_heartbeat(homes)


def idle_devices_obey_at_once(homes: Street) -> None:
    said("idle devices", [answer for _ in range(ROUNDS) for answer in homes.commanded()], AT_ONCE)


def after_a_reboot_they_obey_within_a_heartbeat(homes: Street) -> None:
    def reboot(home: Home) -> None:
        homes.lab.reboot(home.nat)

    said("rebooted homes", homes.commanded(reboot), INTERVAL + PROOF)


def at_another_address_they_obey_within_a_heartbeat(homes: Street) -> None:
    def reboot(home: Home) -> None:
        homes.lab.reboot(home.outermost, new_address=True)

    said("other addresses", homes.commanded(reboot), INTERVAL + PROOF)


def with_an_expired_mapping_they_obey_within_a_heartbeat(homes: Street) -> None:
    def expire(home: Home) -> None:
        for port in homes.lab.ports(home.nat):
            homes.lab.expire(home.nat, port)

    said("expired mappings", homes.commanded(expire), INTERVAL + PROOF)
