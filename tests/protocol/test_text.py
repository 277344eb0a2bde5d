"""Names are safe everywhere; text from the wire is made safe for people, text for the wire fit for a frame."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfcp import ProtocolError, check_name, encode, escape, safe_text
from lfcp.constants import SEND_MAX_FIELD


@given(st.text(max_size=40))
def test_a_name_is_what_the_document_says_or_is_refused(text: str) -> None:
    right = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", text) is not None and ".." not in text
    if right:
        assert check_name(text) == text
    else:
        with pytest.raises(ProtocolError):
            check_name(text)


@given(st.text(max_size=80), st.integers(1, SEND_MAX_FIELD))
def test_any_text_is_made_fit_for_a_frame(text: str, limit: int) -> None:
    fit = safe_text(text, limit)
    assert 1 <= len(fit) <= limit
    encode("cam1", "LOG", fit)


@pytest.mark.parametrize(
    ("text", "fit"),
    [("hello", "hello"), ("a,b", "a;b"), ("a\tb\nc", "a b c"), ("zahrádka", "zahr?dka"), ("", "-"), ("0", "0")],
)
def test_what_does_not_fit_is_replaced_in_place(text: str, fit: str) -> None:
    assert safe_text(text) == fit


@given(st.text())
def test_escaped_text_is_printable_and_stays_as_it_is_when_escaped_again(text: str) -> None:
    once = escape(text)
    assert once.isprintable()
    assert escape(once) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \\ text", "plain \\ text"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\U000e0041", "\\U000e0041"),
        ("zahrádka", "zahrádka"),
    ],
)
def test_what_could_move_a_cursor_or_turn_a_line_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert escape(text) == shown
