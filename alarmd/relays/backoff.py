"""How long to wait before the next attempt."""

FIRST = 2.0  # s after the first attempt
LONGEST = 60.0  # s; more would tell an alarm so much later than its destination came back
MAX_ATTEMPTS = 2000  # with the longest wait about 32 hours; then a person has to know
_DOUBLINGS = 6  # 2 s doubled so often is beyond LONGEST


def delay(attempt: int, jitter: float) -> float:
    """Seconds after attempt number `attempt` (from 1). jitter: 0 to 1, spreads the wait over its upper half, so that
    many messages that failed together do not come back together."""
    longest = min(LONGEST, FIRST * (1 << min(attempt - 1, _DOUBLINGS)))
    return longest * (0.5 + jitter / 2)
