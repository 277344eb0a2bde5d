"""The device in C, for the tests of the laboratory too."""

from tests.pair.conftest import lfcp_device

__all__ = ["lfcp_device"]
