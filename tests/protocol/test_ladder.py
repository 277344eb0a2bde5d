"""The ladder against a simulated NAT under a virtual clock."""

import pytest

from lfcp.client.ladder import AGAINS, PAIR, TRIES, WARM, Ladder
from lfcp.constants import KEEP_STEPS
from tests.protocol.natted import TRIP, NattedLadder

GROUND = (0.0, *KEEP_STEPS)
LIVES = (10, 30, 50, 60, 100, 120, 180, 400)
RUNS = 12


def right(life: float) -> float:
    """The longest step that a mapping of this life outlives."""
    return max((step for step in KEEP_STEPS if step + 2 * TRIP <= life), default=0)


@pytest.mark.parametrize("at_a_time", [2, 4, 14])
@pytest.mark.parametrize("life", LIVES)
def test_without_loss_the_life_is_found(life: float, at_a_time: int) -> None:
    natted = NattedLadder(life, at_a_time=at_a_time)
    assert natted.climb() == right(life)
    assert natted.most_sockets <= at_a_time


@pytest.mark.parametrize("at_a_time", [2, 14])
@pytest.mark.parametrize("loss", [0.1, 0.2])
def test_with_loss_the_life_is_found_within_one_step_in_every_run(loss: float, at_a_time: int) -> None:
    steps = [off_by(life, loss, seed, at_a_time) for life in LIVES for seed in range(RUNS)]
    assert max(steps) <= 1
    assert steps.count(0) > 0.9 * len(steps)


def off_by(life: float, loss: float, seed: int, at_a_time: int) -> int:
    """Steps between the life that is found and the right one."""
    found = NattedLadder(life, loss, seed, at_a_time=at_a_time).climb()
    return abs(GROUND.index(found) - GROUND.index(right(life)))


def test_all_steps_at_once_take_as_long_as_the_longest_one() -> None:
    natted = NattedLadder(400)
    natted.climb()
    assert KEEP_STEPS[-1] < natted.now < KEEP_STEPS[-1] + 5
    assert natted.sent == len(KEEP_STEPS) * PAIR * (WARM + 1)


def test_a_step_that_was_not_outlived_is_tried_once_more_from_fresh_sockets() -> None:
    natted = NattedLadder(30, steps=(20, 40))
    assert natted.climb() == 20
    assert len(natted.used) == PAIR * (1 + TRIES)


def test_few_sockets_climb_no_further_than_two_dead_steps() -> None:
    natted = NattedLadder(10, at_a_time=2)
    assert natted.climb() == 0
    assert len(natted.used) == 2 * TRIES * PAIR


def test_no_socket_is_used_again() -> None:
    natted = NattedLadder(400)
    natted.climb()
    before = set(natted.used)
    natted.climb()
    assert len(natted.used) == 2 * len(before)


def test_sockets_are_closed_when_they_have_said_all() -> None:
    natted = NattedLadder(400)
    natted.climb()
    assert natted.ladder.sockets == frozenset()
    assert natted.ladder.over


def test_a_server_that_answers_nothing_teaches_nothing() -> None:
    natted = NattedLadder(60, loss=1.0)
    natted.climb()
    assert natted.ladder.spoilt
    assert natted.sent == PAIR * len(KEEP_STEPS) * (AGAINS + 1)


def test_a_server_without_room_teaches_nothing() -> None:
    natted = NattedLadder(60, room=0)
    natted.climb()
    assert natted.ladder.spoilt


def test_a_step_that_the_server_had_no_room_for_is_tried_again() -> None:
    natted = NattedLadder(400, steps=(25, 40), room=2)
    assert natted.climb() == 40
    assert not natted.ladder.spoilt


def test_exchanges_are_apart_so_that_a_nat_sees_traffic_for_more_than_two_seconds() -> None:
    ladder = Ladder((25,))
    ladder.start(0)
    sent: list[tuple[float, float]] = []
    now, counter = 0.0, 0
    while len(sent) < PAIR * (WARM + 1):
        now = max(now, ladder.next_wakeup())
        for rung in ladder.poll(now):
            counter += 1
            ladder.sent(rung, counter)
            sent.append((now, rung.delay))
            if not rung.delay:
                ladder.answered(counter, False, now + 0.1)
    last = max(at for at, delay in sent if not delay)
    assert last >= 2.4
    assert [delay for _, delay in sent if delay] == [25, 25]


def test_the_answer_to_an_earlier_repetition_counts_once() -> None:
    ladder = Ladder((25,))
    ladder.start(0)
    first = ladder.poll(0)[0]
    ladder.sent(first, 1)
    again = next(rung for rung in ladder.poll(1.5) if rung.socket == first.socket)
    ladder.sent(again, 2)
    ladder.answered(1, False, 1.6)
    ladder.answered(2, False, 1.7)
    assert [rung for rung in ladder.poll(1.7) if rung.socket == first.socket and rung.delay] == []
    ladder.answered(99, False, 1.8)


def test_one_spoilt_socket_leaves_the_word_to_the_other() -> None:
    ladder = Ladder((1,))
    ladder.start(0)
    now, counter, refused = 0.0, 0, False
    while not ladder.over and now < 60:
        now = max(now, min(ladder.next_wakeup(), 60))
        for rung in ladder.poll(now):
            counter += 1
            ladder.sent(rung, counter)
            if rung.delay and not refused:
                refused = True
                ladder.answered(counter, True, now)
            elif not rung.delay:
                ladder.answered(counter, False, now)
    assert ladder.life == 0
    assert not ladder.spoilt


def test_a_ladder_that_was_stopped_says_nothing_more() -> None:
    ladder = Ladder()
    ladder.start(0)
    assert ladder.poll(0)
    ladder.stop()
    assert ladder.over
    assert ladder.poll(100) == []
    assert ladder.next_wakeup() == float("inf")


def test_a_ladder_needs_two_sockets() -> None:
    with pytest.raises(ValueError, match="2 sockets"):
        Ladder(at_a_time=1)
