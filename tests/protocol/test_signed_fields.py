"""The parameters of signed frames are read in one form only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp.authenticator import MAX_COUNTER
from lfcp.signed_fields import EventId, is_command_id, read_boot, read_counter, read_event, read_seconds

NO_COUNTERS = ["", "0", "01", "1A", "g", "+1", " 1", "1 ", "0x1", "1_0", "\u0661", "1\n", "1" * 17]
BOOTS = st.text("0123456789abcdef", min_size=1, max_size=16)


@given(st.integers(1, MAX_COUNTER))
def test_a_counter_is_read_as_it_is_written(counter: int) -> None:
    assert read_counter(f"{counter:x}") == counter


@pytest.mark.parametrize("text", NO_COUNTERS)
def test_a_counter_has_one_form(text: str) -> None:
    assert read_counter(text) is None
    assert read_event(f"9f3c.{text}") is None


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("1", 1), ("9999999", 9_999_999)])
def test_an_age_is_read(text: str, seconds: int) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "00", "01", "-1", "+1", "1.5", "10000000", "1\n", "\u0661", "a"])
def test_an_age_has_one_form(text: str) -> None:
    assert read_seconds(text) is None


@given(BOOTS, st.integers(1, MAX_COUNTER))
def test_an_event_s_identity_is_read_as_it_is_written(boot_id: str, number: int) -> None:
    event = EventId(boot_id, number)
    assert read_event(str(event)) == event


@given(BOOTS, st.integers(0, MAX_COUNTER))
def test_a_boot_id_and_its_echo_are_read(boot_id: str, echo: int) -> None:
    assert read_boot(f"{boot_id}.{echo:x}") == (boot_id, echo)


@pytest.mark.parametrize("text", ["", ".", "9f3c", "9f3c.", ".1", "9F3C.1", "9f3c.1.1", "9f3c 1", "f" * 17 + ".1", "0"])
def test_an_identity_has_one_form(text: str) -> None:
    assert read_event(text) is None
    assert read_boot(text) is None


@pytest.mark.parametrize("text", NO_COUNTERS)
def test_an_echo_is_a_counter_or_zero(text: str) -> None:
    assert read_boot(f"9f3c.{text}") == (("9f3c", 0) if text == "0" else None)


@pytest.mark.parametrize("text", ["A.1", "Z.ffffffffffffffff"])
def test_a_command_s_id_is_a_label_and_a_number(text: str) -> None:
    assert is_command_id(text)


@pytest.mark.parametrize(
    "text", ["", "0", "A", "A.", "A.0", "A.01", "a.1", "AA.1", ".1", "A.1\n", "A.g", "A." + "1" * 17]
)
def test_nothing_else_is_a_command_s_id(text: str) -> None:
    assert not is_command_id(text)
