import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarmd.core import views
from alarmd.core.instant import SECOND
from alarmd.core.operator_lines import (
    DEFAULT_EVENTS,
    MAX_EVENTS,
    MAX_LINE,
    LineError,
    Listing,
    Look,
    csv_line,
    datagrams,
    device_line,
    device_lines,
    error_line,
    event_line,
    queued_line,
    read_line,
    time_text,
    truncated_line,
)
from alarmd.core.requests import CommandRequested
from lfcp import VERBS, check_name
from lfcp.verb_table import Port
from tests.playbook import Playbook, heartbeat

SECRET = "opensesame"  # not one: a test's
OURS = [name for name, verb in VERBS.items() if Port.OPERATOR_PORT in verb.ports and not verb.params]
NOT_OURS = [name for name, verb in VERBS.items() if verb.command and Port.OPERATOR_PORT not in verb.ports]
NO_COMMANDS = [name for name, verb in VERBS.items() if not verb.command]


def read(line: str, secret: str = "") -> CommandRequested | Look:
    return read_line(line.encode("latin-1"), secret, "op")


def refusal(line: str, secret: str = "") -> LineError:
    with pytest.raises(LineError) as caught:
        read(line, secret)
    return caught.value


@pytest.mark.parametrize("verb", OURS)
@pytest.mark.parametrize("target", ["cam1", "*", "@gate"])
@pytest.mark.parametrize("end", ["", ",0", ",0,0,0,0,0,0", "\n", "\r\n", "\0"])
def test_a_command_is_a_target_and_a_verb_and_the_rest_is_filled_in(verb: str, target: str, end: str) -> None:
    assert read(f"{target},{verb}{end}") == CommandRequested("op", target, verb)


@pytest.mark.parametrize("verb", NOT_OURS)
def test_what_carries_a_secret_is_not_taken_here(verb: str) -> None:
    assert refusal(f"cam1,{verb},token,chat").reason == "not_here"


@pytest.mark.parametrize("verb", [*NO_COMMANDS, "FLY", "tlgs"])
def test_what_is_no_command_is_told_with_those_that_are(verb: str) -> None:
    error = refusal(f"cam1,{verb}")
    assert error.reason == "unknown_verb"
    assert "TLGS" in str(error)
    assert "LIST" in str(error)
    assert not any(name in str(error) for name in NOT_OURS)


@pytest.mark.parametrize(
    ("line", "look"),
    [
        ("*,LIST", Look(Listing.LIST, "*")),
        ("@gate,LIST", Look(Listing.LIST, "@gate")),
        ("cam1,LIST", Look(Listing.LIST, "cam1")),
        ("cam1,SHOW", Look(Listing.SHOW, "cam1")),
        ("*,EVTS", Look(Listing.EVTS, "*", DEFAULT_EVENTS)),
        ("cam1,EVTS,5", Look(Listing.EVTS, "cam1", 5)),
        (f"*,EVTS,{MAX_EVENTS}", Look(Listing.EVTS, "*", MAX_EVENTS)),
    ],
)
def test_what_can_be_looked_at(line: str, look: Look) -> None:
    assert read(line) == look


@pytest.mark.parametrize("line", ["cam1,CONF,flash,0", "cam1,CONF,flash,0,0,0,0,0"])
def test_a_parameter_may_be_nought(line: str) -> None:
    asked = read(line)
    assert isinstance(asked, CommandRequested)
    assert asked.params == ("flash", "0")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "malformed"),
        ("\r\n", "malformed"),
        ("cam1", "malformed"),
        ("cam1,", "malformed"),
        (",TLGS", "malformed"),
        ("cam1,TLGS,", "malformed"),
        ("cam1,TLGS,0,0,0,0,0,0,0", "malformed"),
        ("cam1,TLGS\t", "malformed"),
        ("cam1,TLGS\r\n*,DSAL", "malformed"),
        ("c\xe4m,TLGS", "malformed"),
        ("cam1,TLGS," + "x" * MAX_LINE, "malformed"),
        ("POST / HTTP/1.1,TLGS", "bad_name"),
        ("@,TLGS", "bad_name"),
        ("@@gate,TLGS", "bad_name"),
        ("**,TLGS", "bad_name"),
        ("..,TLGS", "bad_name"),
        ("cam1,TLGS,1", "invalid"),
        ("*,SHOW", "invalid"),
        ("@gate,SHOW", "invalid"),
        ("@gate,EVTS", "invalid"),
        ("*,LIST,5", "invalid"),
        ("*,EVTS,x", "invalid"),
        ("*,EVTS,00", "invalid"),
        ("*,EVTS,101", "invalid"),
        ("*,EVTS,99999999", "invalid"),
        ("*,EVTS,5,5", "invalid"),
    ],
)
def test_what_has_the_wrong_form_is_refused_with_a_reason(line: str, reason: str) -> None:
    assert refusal(line).reason == reason


def test_a_secret_is_compared_before_anything_is_said_of_the_verb() -> None:
    assert read(f"cam1,TLGS,0,0,0,0,0,{SECRET}", SECRET) == CommandRequested("op", "cam1", "TLGS")
    for line in ("cam1,TLGS", "cam1,FLY", "*,LIST", "cam1,TLGS,0,0,0,0,0,guess", f"cam1,TLGS,{SECRET}"):
        error = refusal(line, SECRET)
        assert error.reason == "wrong_secret"
        assert SECRET not in str(error)


def test_an_eighth_field_without_a_secret_to_compare_it_with_is_ignored() -> None:
    assert read("cam1,TLGS,0,0,0,0,0,whatever") == CommandRequested("op", "cam1", "TLGS")


@given(st.binary(max_size=2 * MAX_LINE) | st.text(st.sampled_from("cam1*@,TLGSDAEV0\r\n"), max_size=40).map(str.encode))
def test_whatever_the_bytes_are_they_ask_for_something_allowed_or_are_refused(line: bytes) -> None:
    try:
        wanted = read_line(line, "", "op")
    except LineError:
        return
    target = wanted.target
    if target != "*":
        check_name(target.removeprefix("@"))
    if isinstance(wanted, CommandRequested):
        assert wanted.verb in OURS


@given(st.lists(st.text(), min_size=2, max_size=8))
def test_a_record_is_one_line_of_csv_and_shows_nothing_a_terminal_obeys(fields: list[str]) -> None:
    line = csv_line(*fields)
    assert line.isprintable()
    (record,) = csv.reader([line])
    assert len(record) == len(fields)
    assert record == [field if field.isprintable() else record[n] for n, field in enumerate(fields)]


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L"]), max_size=300), max_size=30))
def test_datagrams_carry_whole_lines_in_order(lines: list[str]) -> None:
    parts = list(datagrams(lines, 500))
    assert b"".join(parts).decode() == "".join(f"{line}\n" for line in lines)
    assert all(len(part) <= 500 and part.endswith(b"\n") for part in parts)


def test_a_line_longer_than_a_datagram_goes_alone() -> None:
    assert list(datagrams(["a", "b" * 10, "c"], 5)) == [b"a\n", b"b" * 10 + b"\n", b"c\n"]


def test_times_are_utc_to_the_second() -> None:
    assert time_text(1_795_262_400 * SECOND + 999_999) == "2026-11-21T12:00:00Z"
    assert time_text(None) == ""


def test_an_event_s_text_cannot_be_a_spreadsheet_s_formula() -> None:
    assert event_line("cam1", 0, "log", "gate", "=1+1").endswith(",gate,'=1+1")
    assert event_line(None, 0, "server_started", None, "x") == "*,EVTS,1970-01-01T00:00:00Z,server_started,,x"


def test_a_device_s_properties_are_written_out() -> None:
    play = Playbook().adopt("cam1")
    play << heartbeat("cam1")
    view = views.device(play.engine.state, "cam1", play.now)
    assert view is not None
    record = device_line(view).split(",")
    assert record == [
        "cam1", "LIST", "online", "2026-11-21T12:00:00Z", "udp:192.0.2.1:4000", "home", "armed", "adopted", "0",
    ]  # fmt: skip
    shown = dict(line.split(",")[2:] for line in device_lines(view))
    assert shown["armed"] == "yes"
    assert shown["arming_answers"] == "no"
    assert shown["reported_detector"] == ""
    assert queued_line("cam1", "TLGS", 7) == "cam1,TLGS,queued,7"


def test_errors_and_the_end_of_a_cut_listing_are_records_too() -> None:
    assert error_line("cam1", "TLGS", "invalid", "no, not this") == 'cam1,TLGS,error,invalid,"no, not this"'
    assert truncated_line(Look(Listing.LIST, "*"), 1000) == "*,LIST,truncated,1000"
