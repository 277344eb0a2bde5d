"""The C library, built once for all."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.firmware.building import SANITIZED, SHARED, build, folder_of_all
from tests.firmware.c_client import CClientLibrary
from tests.firmware.c_library import CLibrary
from tests.firmware.running_device import KEY, NAME
from tests.firmware.signing_server import SigningServer, signing_server


@pytest.fixture(scope="session")
def shared_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(folder_of_all(tmp_path_factory, "lfcp-shared"), *SHARED, targets=("lfcp", "lfcp_mbedtls"))


@pytest.fixture(scope="session")
def c_library(shared_libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> CLibrary:
    return CLibrary(shared_libraries, tmp_path_factory.mktemp("lfcp-headers"))


@pytest.fixture(scope="session")
def c_client_library(shared_libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> CClientLibrary:
    return CClientLibrary(shared_libraries, tmp_path_factory.mktemp("lfcp-headers"))


@pytest.fixture(scope="session")
def sanitized_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds a program of cmake's by its path there, under the sanitizers; what several need is built once."""
    folder = folder_of_all(tmp_path_factory, "lfcp-sanitized")

    def built(path: str) -> Path:
        return build(folder, *SANITIZED, targets=(Path(path).name,)) / path

    return built


@pytest.fixture(scope="session")
def lfcp_device(sanitized_program: Callable[[str], Path]) -> Path:
    return sanitized_program("ports/posix/lfcp-device")


@pytest.fixture
def server() -> Iterator[SigningServer]:
    """One that has the key of the device that `signed` is about."""
    with signing_server(NAME, KEY) as it:
        yield it
