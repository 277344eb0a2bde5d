"""What a signed heartbeat costs the rules alone, both tags included."""

import gc
import time

from alarmd.core.effects import Effect, SendFrame
from alarmd.core.inputs import FrameReceived
from bench import fleet
from bench.rules import BATCH, INTERVAL, Rules, at

DEVICES = 1_000
PASSES = 20  # heartbeats of each that are timed


class Fleet:
    """Devices that sign, and echo what they are answered."""

    def __init__(self, devices: int) -> None:
        self._echoes = [0] * devices
        self._counter = 0

    def beat(self) -> list[FrameReceived]:
        """The next heartbeat of each."""
        self._counter += 1
        return [
            FrameReceived(fleet.signed_heartbeat_of(number, self._counter, echo), fleet.path_of(number))
            for number, echo in enumerate(self._echoes)
        ]

    def hear(self, turns: list[list[Effect]]) -> int:
        """turns: what each one's heartbeat led to. Returns how many are told that they proved nothing."""
        challenged = 0
        for number, effects in enumerate(turns):
            answer = next(effect.payload for effect in effects if isinstance(effect, SendFrame))
            _name, _verb, _answers, result, _address, _interval, counter, _tag = answer.split(b",")
            self._echoes[number] = int(counter, 16)
            challenged += result != b"0"
        return challenged


def one_pass(rules: Rules, start: float, frames: list[FrameReceived]) -> list[list[Effect]]:
    """A heartbeat of each device, spread over an interval. The timer is asked as often as the listener lets it."""
    step = INTERVAL / len(frames)
    turns = []
    for place in range(0, len(frames), BATCH):
        now = start + step * place
        rules.advance(now)
        moment = at(now)
        turns += [rules.engine.handle(frame, moment) for frame in frames[place : place + BATCH]]
    return turns


def cost(devices: int = DEVICES, passes: int = PASSES) -> float:
    """CPU µs of the rules for each heartbeat. Raises RuntimeError if one proved nothing."""
    rules, cameras = Rules(devices, keyed=True), Fleet(devices)
    cameras.hear(one_pass(rules, 0.0, cameras.beat()))  # the first ones are challenged
    gc.collect()
    gc.freeze()  # as the server does once it has loaded
    spent = 0.0
    for number in range(1, passes + 1):
        frames = cameras.beat()
        began = time.process_time()
        turns = one_pass(rules, number * INTERVAL, frames)
        spent += time.process_time() - began
        if challenged := cameras.hear(turns):
            raise RuntimeError(f"{challenged} signed heartbeats proved nothing to the rules")
    gc.unfreeze()
    return spent / (passes * devices) * 1e6
