"""docs/protocol.md says what the code does: its frames, its codes and its numbers."""

import re
from pathlib import Path

import pytest

from alarmd.adapters import uploads
from alarmd.core import command_queue, device_session, heartbeats, live, operator_lines, reassertion, state
from alarmd.core.device_session import allowed_interval
from alarmd.core.records import CommandState, Dialect, Presence
from alarmd.core.rejections import Rejection
from alarmd.core.settings import Settings, UnknownDevices
from alarmd.core.uploads import UploadReason, result_of
from lfcp import STRICT, TOLERANT, decode, encode
from lfcp.client import QUEUE_LIMIT
from lfcp.constants import MAX_NAME

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
DEFAULTS = Settings()
LIMIT_OF_A_REPLY = 64  # bytes, to a stranger


def blocks(language: str) -> list[str]:
    """The lines of all fenced blocks of a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines()]


def section(title: str) -> str:
    return DOCUMENT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def codes(text: str) -> set[str]:
    """The first column of its tables, where that is code."""
    return set(re.findall(r"^\| `([a-z_0-9]+)`", text, re.MULTILINE))


def printed(port: int) -> list[bytes]:
    lines = re.findall(rf"^printf '([^']*)' \| nc .* {port}$", "\n".join(blocks("sh")), re.MULTILINE)
    return [line.encode() for line in lines]


@pytest.mark.parametrize("frame", blocks("lfcp"))
def test_a_frame_shown_is_one_by_the_book(frame: str) -> None:
    assert decode(frame.encode(), STRICT).leniencies == frozenset()


@pytest.mark.parametrize("frame", blocks("lfcp tolerant"))
def test_a_deviation_shown_is_one_that_is_read(frame: str) -> None:
    assert decode(frame.encode(), TOLERANT).leniencies


def test_the_commands_shown_do_what_they_should() -> None:
    assert len(printed(8443)) == 2
    assert len(printed(8445)) == 5
    for frame in printed(8443):
        decode(frame, STRICT)
    for line in printed(8445):
        operator_lines.read_line(line, "SECRET" if b"SECRET" in line else "", "me")


def test_every_code_of_refusal_is_explained() -> None:
    assert codes(section("Reasons of refusal")) == set(Rejection)


def test_every_reason_against_a_picture_is_explained_with_its_result() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d) \|", section("Pictures"), re.MULTILINE)
    assert {code: int(result) for code, result in rows} == {reason: result_of(reason) for reason in UploadReason}


def test_every_policy_every_presence_and_every_outcome_is_explained() -> None:
    assert codes(section("Devices")) == set(UnknownDevices)
    presences = set(re.findall(r"^\| (\w+) \|", section("Supervision"), re.MULTILINE)) - {"presence"}
    assert presences == set(Presence)
    outcomes = re.search(r"Outcomes: (.*?)\.", section("Commands"))
    assert outcomes is not None
    assert set(re.findall(r"\b(?!then|one|of\b)\w+", outcomes[1])) == set(CommandState)
    assert all(f"`{dialect}`" in DOCUMENT for dialect in Dialect)


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("Devices", f"after {device_session.REGULAR_HEARTBEATS} heartbeats in a row"),
        (
            "Supervision",
            f"{DEFAULTS.report_within:.0f} s by default, at least {device_session.MIN_REPORT_WITHIN:.0f} s",
        ),
        ("Supervision", f"{device_session.HOLD:.0f} s) / {device_session.MISSES}"),
        ("Supervision", f"{int(allowed_interval(DEFAULTS.report_within))} for {DEFAULTS.report_within:.0f}"),
        ("Supervision", f"less {device_session.JUDGED_EARLY} s"),
        ("Motion", f"after {DEFAULTS.incident_quiet:.0f} s of quiet"),
        ("Commands", f"{command_queue.MAX_QUEUED} a device"),
        ("Commands", f"({DEFAULTS.command_time_to_live / 3600:.0f} hour by default)"),
        ("Commands", f"{command_queue.MAX_SENDS} times in all"),
        ("Commands", f"once in {reassertion.REASSERT_GAP:.0f} s"),
        ("Commands", f"{DEFAULTS.failover_hysteresis:.0f} s after"),
        ("Exchanges", f"a small device keeps {QUEUE_LIMIT} messages"),
        ("What a stranger can do", f"{DEFAULTS.stranger_rate:.0f} a second and address, bursts of"),
        ("What a stranger can do", f"bursts of {DEFAULTS.stranger_burst:.0f}. Messages"),
        ("What a stranger can do", f"{DEFAULTS.message_rate:.0f} a second and device, bursts of"),
        ("What a stranger can do", f"bursts of {DEFAULTS.message_burst:.0f}; all"),
        ("What a stranger can do", f"{state.STRANGERS_RATE:.0f} a second, bursts of {state.STRANGERS_BURST:.0f}"),
        ("Pictures", f"at most {uploads.MAX_BYTES >> 20} MiB"),
        ("Pictures", f"LIVE of {live.LIVE_SECONDS} s every {live.RENEW_EVERY:.0f} s"),
        ("The seed dialect", f"within {command_queue.ROWS_GAP:.0f} s"),
        ("The seed dialect", {5: "every fifth heartbeat"}[heartbeats.ARMING_EVERY]),
        ("The operator's port", f"at most {operator_lines.MAX_LINE} bytes"),
        (
            "The operator's port",
            f"{operator_lines.DEFAULT_EVENTS} or as many as p1 says, up to {operator_lines.MAX_EVENTS}",
        ),
    ],
)
def test_a_number_of_the_document_is_that_of_the_code(title: str, sentence: str) -> None:
    assert sentence in " ".join(section(title).split())


def test_the_answer_to_a_stranger_is_as_short_as_the_document_says() -> None:
    longest = int(allowed_interval(device_session.MAX_REPORT_WITHIN))
    answer = encode("n" * MAX_NAME, "ACK", "0", "0", "0", str(longest))
    assert len(answer) <= LIMIT_OF_A_REPLY
    assert f"at most {LIMIT_OF_A_REPLY} bytes long" in DOCUMENT
