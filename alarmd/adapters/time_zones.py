"""IANA time zones, for rules that may not look them up themselves."""

from datetime import tzinfo
from zoneinfo import ZoneInfo


def time_zone(name: str) -> tzinfo:
    """Raises KeyError for a name that is no time zone, whatever is wrong with it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # a path out of the data base; the name of one of its directories
        raise KeyError(name) from None
