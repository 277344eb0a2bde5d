import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from alarmd.adapters.log_sampling import MAX_REASONS, PERIOD, SAMPLES, RejectedFrames, printable
from alarmd.adapters.log_setup import HIDDEN, set_up_logging, without_password
from alarmd.core.paths import Path
from lfcp import VERBS

PEER = Path("udp", "192.0.2.1", 4000, 1)
SECRET_VERBS = [name for name, verb in VERBS.items() if verb.secret]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    set_up_logging("json", "info", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_own_lines_and_those_of_libraries_are_one_stream(logged: io.StringIO) -> None:
    structlog.get_logger("alarmd.test").info("ours", device="cam1")
    logging.getLogger("some.library").warning("theirs %d", 1)
    ours, theirs = lines(logged)
    assert (ours["event"], ours["device"], ours["level"]) == ("ours", "cam1", "info")
    assert (theirs["event"], theirs["logger"]) == ("theirs 1", "some.library")


def test_values_of_secrets_and_passwords_in_urls_are_hidden(logged: io.StringIO) -> None:
    structlog.get_logger("alarmd.test").error(
        "x", bot_token="123:abc", Authorization="Basic x", url="postgresql://petr:hunter2@db/alarmd", number=3
    )
    assert "abc" not in logged.getvalue()
    assert "hunter2" not in logged.getvalue()
    assert lines(logged)[0]["url"] == f"postgresql://petr:{HIDDEN}@db/alarmd"


def test_a_password_inside_a_library_s_message_is_hidden(logged: io.StringIO) -> None:
    logging.getLogger("some.library").error("cannot reach %s", "postgresql://petr:hunter2@db/alarmd")
    assert "hunter2" not in logged.getvalue()


def test_a_traceback_shows_no_local_variables(logged: io.StringIO) -> None:
    set_up_logging("console", "info", logged)
    try:
        hidden = "hunter" + "2"
        raise RuntimeError(len(hidden))
    except RuntimeError:
        structlog.get_logger("alarmd.test").exception("failed")
    assert "RuntimeError: 7" in logged.getvalue()
    assert "hunter2" not in logged.getvalue()


def test_what_chatty_libraries_say_below_a_warning_is_left_out(logged: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot123:abc/sendMessage")
    assert logged.getvalue() == ""


def test_a_url_without_a_password_is_shown_as_it_is() -> None:
    assert without_password("sqlite:////var/lib/alarmd/alarmd.sqlite") == "sqlite:////var/lib/alarmd/alarmd.sqlite"
    assert without_password("postgresql://petr@db/alarmd") == "postgresql://petr@db/alarmd"


def test_a_flood_of_garbage_is_sampled_and_its_size_told_afterwards(logged: io.StringIO) -> None:
    moment = [0.0]
    rejected = RejectedFrames(lambda: moment[0])
    for _ in range(1000):
        rejected.tell(PEER, "bad_name", b"*,DSAL")
    rejected.tell(PEER, "empty", b"")
    told = lines(logged)
    assert [one["reason"] for one in told] == ["bad_name"] * SAMPLES + ["empty"]
    assert told[0]["frame"] == "*,DSAL"
    assert told[0]["path"] == "udp:192.0.2.1:4000"
    moment[0] = PERIOD
    rejected.tell(PEER, "bad_name", b"*,DSAL")
    summary, sample = lines(logged)[-2:]
    assert (summary["reason"], summary["not_logged"]) == ("bad_name", 1000 - SAMPLES)
    assert sample["event"] == "frame rejected"


def test_reasons_are_bounded_too(logged: io.StringIO) -> None:
    rejected = RejectedFrames(lambda: 0.0)
    for number in range(MAX_REASONS + 50):
        rejected.tell(PEER, f"reason{number}", b"x")
    assert len(lines(logged)) == MAX_REASONS


@given(st.binary())
def test_a_sample_is_short_printable_ascii(frame: bytes) -> None:
    shown = printable(frame).removesuffix("…")
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= 400


@given(st.sampled_from(SECRET_VERBS), st.binary(max_size=40), st.booleans())
def test_a_sample_never_shows_what_follows_a_verb_that_carries_a_secret(verb: str, before: bytes, lower: bool) -> None:
    verb = verb.lower() if lower else verb
    assert "hunter2" not in printable(before + verb.encode() + b",hunter2")


def test_the_first_of_several_secrets_counts() -> None:
    frame = b"".join(b",%s,hunter2" % verb.encode() for verb in SECRET_VERBS)
    assert "hunter2" not in printable(frame)


def test_a_bot_token_is_not_shown_whatever_the_verb() -> None:
    token = b"123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    shown = printable(b"x/y,LOG,token " + token + b",0,0,0,0,0")
    assert shown == "x/y,LOG,token  and more, not shown: it may be secret"


BOT_TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz_-01234"
BOT_URL = f"https://api.telegram.org/bot{BOT_TOKEN}/sendMessage"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_bots_token_reaches_the_log_whoever_says_it(form: str) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    set_up_logging("json" if form == "json" else "console", "debug", stream)
    try:
        for name in ("httpx", "httpcore.http11", "telegram.Bot", "telegram.ext.Updater"):
            logging.getLogger(name).info("HTTP Request: POST %s", BOT_URL)
        logging.getLogger("some.library").error("failed: %s", BOT_URL)
        try:
            raise RuntimeError(BOT_URL)
        except RuntimeError:
            structlog.get_logger("alarmd.test").exception("ours", url=BOT_URL)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    assert BOT_TOKEN not in stream.getvalue()
    assert "HTTP Request" not in stream.getvalue()
    assert stream.getvalue().count(f"bot{HIDDEN}") >= 3
    assert "RuntimeError" in stream.getvalue()
