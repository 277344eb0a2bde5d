from alarmd.relays.breaker import FAILURES, LONGEST_ASKED, Breaker

MOST = 16


def opened() -> Breaker:
    breaker = Breaker()
    assert [breaker.failed(0.0, 1.0) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    return breaker


def test_a_destination_that_answers_has_all_the_room_there_is() -> None:
    breaker = Breaker()
    assert (breaker.room(0.0, 0, MOST), breaker.room(0.0, 3, MOST), breaker.wait(0.0)) == (MOST, MOST - 3, 0.0)
    assert not breaker.answered()


def test_after_failures_in_a_row_it_is_left_alone_and_then_tried_once() -> None:
    breaker = opened()
    assert (breaker.is_open, breaker.room(0.0, 0, MOST), breaker.wait(0.0)) == (True, 0, 2.0)
    assert (breaker.room(2.0, 0, MOST), breaker.room(2.0, 1, MOST)) == (1, 0)


def test_each_try_in_vain_makes_the_pause_longer() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        pauses.append(breaker.wait(now))
        now += breaker.wait(now)
        assert not breaker.failed(now, 1.0), "it is told once"
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_tries_that_began_before_it_was_left_alone_do_not_make_the_pause_longer() -> None:
    breaker = opened()
    for _ in range(MOST):
        assert not breaker.failed(1.0, 1.0)
    assert breaker.wait(1.0) == 1.0


def test_the_first_answer_gives_it_all_the_room_again() -> None:
    breaker = opened()
    assert breaker.answered()
    assert (breaker.is_open, breaker.room(2.0, 0, MOST)) == (False, MOST)
    assert not breaker.failed(2.0, 1.0), "failures are counted anew"


def test_a_failure_now_and_then_does_not_add_up() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(0.0, 1.0)
        breaker.answered()
    assert not breaker.is_open


def test_it_may_ask_to_be_left_alone_for_so_long_but_not_for_ever() -> None:
    breaker = Breaker()
    breaker.asked(0.0, 30.0)
    breaker.asked(0.0, 20.0)
    assert (breaker.room(29.0, 0, MOST), breaker.wait(29.0), breaker.room(30.0, 0, MOST)) == (0, 1.0, MOST)
    breaker.asked(30.0, 1e9)
    assert breaker.wait(30.0) == LONGEST_ASKED
