"""A pair, and what of it every test prints and proves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.building import SANITIZED, build, folder_of_all
from tests.pair.pair import Pair, pair


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def lfcp_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(folder_of_all(tmp_path_factory, "lfcp-sanitized"), *SANITIZED, targets=("lfcp-device",))
    return folder / "ports/posix/lfcp-device"
