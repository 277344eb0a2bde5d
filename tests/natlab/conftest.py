"""The devices that live in the laboratory: alarmd's in Python and lfcp-device in C."""

from pathlib import Path

import pytest

from tests.natlab.street import Launch, c_device, in_turn, python_device
from tests.pair.conftest import lfcp_device

__all__ = ["both", "lfcp_device"]


@pytest.fixture
def both(lfcp_device: Path) -> Launch:
    """The one, then the other."""
    return in_turn(python_device, c_device(lfcp_device))
