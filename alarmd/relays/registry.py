"""Which destinations there are, by the names that the configuration uses."""

from collections.abc import Callable, Iterable, Mapping

from alarmd.relays.interface import Relay
from alarmd.relays.log_only import LogOnly

RELAYS: Mapping[str, Callable[[], Relay]] = {"log": LogOnly}


def make_relays(names: Iterable[str]) -> dict[str, Relay]:
    """A relay for each destination. The configuration has none that does not exist."""
    return {name: RELAYS[name]() for name in names}
