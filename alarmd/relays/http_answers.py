"""What destinations that are spoken to over HTTP say beside their status."""

from email.utils import parsedate_to_datetime

from alarmd.core.instant import SECOND


def retry_after(said: str, now_wall: int) -> float | None:
    """Seconds, from a number of them or an HTTP date (RFC 9110, 10.2.3); None if it says neither. now_wall: µs."""
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - now_wall / SECOND)
    except (ValueError, OverflowError):
        return None
