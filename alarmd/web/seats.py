"""Requests that wait for news, one seat each; those that do not wait need none."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Query

from alarmd.web.dependencies import House

MAX_WAIT = 60.0  # s that one request waits


def _seat(house: House, wait: Annotated[float, Query(ge=0, le=MAX_WAIT)] = 0) -> Iterator[None]:
    if not wait:
        yield
        return
    with house.wakeups.seat():
        yield


SEATED = [Depends(_seat)]
