"""One server for each test of the API."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running_house import RunningHouse, running_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[RunningHouse]:
    with running_house(tmp_path) as house:
        yield house


@pytest.fixture
def client(house: RunningHouse) -> Iterator[httpx.Client]:
    """On control.sock."""
    with house.client() as client:
        yield client
