"""Devices that lose their access point and join the next one, behind a NAT of another type: they are soon heard again,
and what they were told to do is done once, also what was on its way when the access point went."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.conftest import PROVE
from tests.natlab.street import INTERVAL, Launch, Street, Way, moment, street
from tests.netlab.relay import Line, Passing
from tests.waiting import wait_until

WAYS = [Way("pr"), Way("sym"), Way("fc", "symb"), Way("prx"), Way("adm"), Way("pr", "pr")]
ROUNDS = 20 if PROVE else 2
SOON = 2 * INTERVAL  # s
PROOF = 3.0  # s that the challenge, its proof and the command take, on a machine that is busy; less than a heartbeat
OUTWARDS = 1  # of a device's line
COMMAND = b",TLGS,"


def test_who_changes_networks_is_soon_heard_again_and_does_each_command_once(tmp_path: Path, both: Launch) -> None:
    with street(tmp_path, WAYS, both, line=Line()) as homes:
        contacts = [seconds for number in range(ROUNDS) for seconds in all_move_on(homes, number + 1)]
        obeyed = [home.obeyed() for home in homes.homes]
    report = f"{len(contacts)} moves, {sum(obeyed)} commands obeyed of {3 * len(contacts)} sent; heard again after "
    report += f"{median(contacts):.1f} s (median), {max(contacts):.1f} s at most"
    sys.stdout.write(report + "\n")
    assert obeyed == [3 * ROUNDS] * len(WAYS), report
    assert max(contacts) < SOON + PROOF, report


def all_move_on(homes: Street, steps: int) -> list[float]:
    """To the home so many further on. Each device is commanded three times: its ACK is lost, it is nowhere, it is back.
    How soon it is heard again, s."""
    commands = [commanded_in_vain(homes)]
    left = time.monotonic()
    for home in homes.homes:
        homes.lab.leave(home.machine)
        homes.lab.lines[home.machine].man = None
    commands.append(commanded(homes))
    wait_until(lambda: time.monotonic() > left + INTERVAL, "a heartbeat that nobody hears")
    back = {}
    for at, home in enumerate(homes.homes):
        homes.lab.join(home.machine, homes.homes[(at + steps) % len(homes.homes)].nat)
        back[home.device] = datetime.now(UTC)
    commands.append(commanded(homes))
    outcomes = {device: [homes.house.outcome(each[device]) for each in commands] for device in back}
    assert {outcome["state"] for each in outcomes.values() for outcome in each} == {"acked"}, outcomes
    return [(moment(outcomes[device][0], "finished_at") - since).total_seconds() for device, since in back.items()]


def commanded(homes: Street) -> dict[str, int]:
    return {home.device: homes.house.command(home.device, "TLGS") for home in homes.homes}


def commanded_in_vain(homes: Street) -> dict[str, int]:
    """The devices obey, and nobody hears of it."""
    before = {home.device: home.obeyed() for home in homes.homes}
    for home in homes.homes:
        homes.lab.lines[home.machine].man = MuteFromThen()
    commands = commanded(homes)
    for home in homes.homes:
        wait_until(lambda home=home: home.obeyed() > before[home.device], f"{home.device} to obey")  # type: ignore[misc]
    return commands


class MuteFromThen:
    """Once a command has come to it, a device is not heard. Before, it may just have opened another socket."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, passing: Passing) -> list[Passing]:
        if passing.towards == OUTWARDS:
            return [] if self._told else [passing]
        self._told = self._told or COMMAND in passing.frame
        return [passing]
