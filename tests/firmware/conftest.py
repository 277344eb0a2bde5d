"""The C library, built once for the session."""

from pathlib import Path

import pytest

from tests.firmware.building import build
from tests.firmware.c_library import CLibrary


@pytest.fixture(scope="session")
def c_library(tmp_path_factory: pytest.TempPathFactory) -> CLibrary:
    folder: Path = tmp_path_factory.mktemp("lfcp-shared")
    build(folder / "build", "BUILD_SHARED_LIBS=ON", "LFCP_TESTS=OFF")
    return CLibrary(folder / "build", folder)
