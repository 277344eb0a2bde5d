"""Alarms come, something happens at a moment that the seed chooses, and more of them come."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.pair.pair import Pair
from tests.waiting import wait_until

RATE = 10.0  # alarms a second
ALARMS = (10, 30)  # before what happens, and after it


@contextmanager
def storm(house: Pair, seed: int = 0) -> Iterator[None]:
    dice, fleet = random.Random(seed), house.fleet
    fleet.stream(RATE)
    _more(house, dice.randint(*ALARMS))
    yield
    _more(house, dice.randint(*ALARMS))
    fleet.stream(0)
    wait_until(lambda: set(fleet.alarms) == set(fleet.acknowledged), "every alarm's ACK")


def _more(house: Pair, alarms: int) -> None:
    enough = len(house.fleet.alarms) + alarms
    wait_until(lambda: len(house.fleet.alarms) >= enough, f"{alarms} alarms")
