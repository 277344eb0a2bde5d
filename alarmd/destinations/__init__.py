"""What may be written into a section [destinations.NAME], and the relay that is made of it."""

from alarmd.destinations.kinds import LogDestination
from alarmd.destinations.listing import (
    KINDS,
    LISTS,
    LOG,
    MAX_DESTINATIONS,
    Destination,
    Name,
    from_environment,
    misplaced,
    mistake,
    no_bot_twice,
)
from alarmd.destinations.section import split

__all__ = [
    "KINDS",
    "LISTS",
    "LOG",
    "MAX_DESTINATIONS",
    "Destination",
    "LogDestination",
    "Name",
    "from_environment",
    "misplaced",
    "mistake",
    "no_bot_twice",
    "split",
]
