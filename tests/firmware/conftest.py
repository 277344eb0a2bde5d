"""The C library, built once for the session."""

from pathlib import Path

import pytest

from tests.firmware.building import build
from tests.firmware.c_client import CClientLibrary
from tests.firmware.c_library import CLibrary


@pytest.fixture(scope="session")
def shared_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("lfcp-shared")
    return build(folder, "BUILD_SHARED_LIBS=ON", "LFCP_TESTS=OFF")


@pytest.fixture(scope="session")
def c_library(shared_libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> CLibrary:
    return CLibrary(shared_libraries, tmp_path_factory.mktemp("lfcp-headers"))


@pytest.fixture(scope="session")
def c_client_library(shared_libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> CClientLibrary:
    return CClientLibrary(shared_libraries, tmp_path_factory.mktemp("lfcp-headers"))
