"""Frames of the device that a server may still answer, by counter: bounded, the oldest are forgotten."""

from collections import OrderedDict
from typing import NamedTuple

from lfcp.client.event_queue import QueuedMessage
from lfcp.client.heard import ConnectRequest
from lfcp.constants import KEEP_STEPS, Verb
from lfcp.uploads import Part

AWAITED = 32  # frames, the newest
AWAITED_KEEPS = 16 * len(KEEP_STEPS)  # their answers may take minutes; two sockets of a step wait for 6 each


class Keep(NamedTuple):
    counter: int


Awaited = QueuedMessage | Part | Keep | ConnectRequest | Verb  # the last: HEARTBEAT or SLEP


class AwaitedFrames:
    __slots__ = ("_frames", "_keeps", "_picture")

    def __init__(self) -> None:
        self._frames: OrderedDict[int, Awaited] = OrderedDict()
        self._keeps: OrderedDict[int, Awaited] = OrderedDict()
        self._picture = 0  # the counter of the last FRAM, until it is answered

    def put(self, counter: int, frame: Awaited) -> None:
        is_keep = isinstance(frame, Keep)
        frames, limit = (self._keeps, AWAITED_KEEPS) if is_keep else (self._frames, AWAITED)
        frames[counter] = frame
        if len(frames) > limit:
            frames.popitem(last=False)
        if isinstance(frame, Part):
            self._picture = counter

    def get(self, counter: int) -> Awaited | None:
        return self._frames.get(counter) or self._keeps.get(counter)

    def answers_picture(self, counter: int | None) -> bool:
        """Once for each FRAM."""
        answers = self._picture != 0 and counter == self._picture
        self._picture = 0 if answers else self._picture
        return answers
