from hypothesis import given
from hypothesis import strategies as st

from alarmd.relays.backoff import FIRST, LONGEST, MAX_ATTEMPTS, delay


@given(st.integers(1, MAX_ATTEMPTS), st.floats(0, 1))
def test_a_wait_is_never_long_and_never_nothing(attempt: int, jitter: float) -> None:
    assert FIRST / 2 <= delay(attempt, jitter) <= LONGEST


@given(st.integers(1, MAX_ATTEMPTS - 1), st.floats(0, 1))
def test_waits_grow_until_the_longest(attempt: int, jitter: float) -> None:
    assert delay(attempt, jitter) <= delay(attempt + 1, jitter)
    assert delay(MAX_ATTEMPTS, 1.0) == LONGEST


def test_messages_that_failed_together_are_spread_over_half_the_wait() -> None:
    assert (delay(3, 0.0), delay(3, 1.0)) == (4.0, 8.0)
