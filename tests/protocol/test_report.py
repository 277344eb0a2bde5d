"""A report is written so that it is read again; what a device does not say, it does not say."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lfcp import Mapping, Report, decode, encode, encode_signed, read_report, report_parameters
from lfcp.authenticator import MAX_COUNTER
from lfcp.constants import MAX_NAME

BOOTS = st.tuples(st.text("0123456789abcdef", min_size=1, max_size=16), st.integers(0, 2**64 - 1))
STATES = st.fixed_dictionaries(
    {
        "detector": st.booleans(),
        "camera": st.booleans(),
        "wanted_version": st.integers(0, 10**10 - 1),
        "digest": st.just("-") | st.text("0123456789abcdef", min_size=8, max_size=8),
        "failover": st.booleans(),
        "settings": st.booleans(),
        "pictures": st.booleans(),
        "live": st.booleans(),
        "probing": st.booleans(),
        "tunnels": st.booleans(),
    }
)
PATHS = st.fixed_dictionaries({"mapping": st.sampled_from(Mapping), "life": st.integers(0, 999)})
Said = dict[str, Any]


@given(st.none() | st.integers(1, 86_400), st.none() | BOOTS, st.just({}) | STATES)
def test_a_report_survives_the_wire(interval: int | None, boot: tuple[str, int] | None, state: Said) -> None:
    boot_id, echo = boot or (None, 0)
    report = Report(interval, boot_id, echo=echo, **state)
    frame = encode("n" * MAX_NAME, "HEARTBEAT", *report_parameters(report))
    assert read_report(decode(frame)) == report


@given(STATES, PATHS)
def test_a_signed_report_says_what_its_nat_does(state: Said, path: Said) -> None:
    report = Report(26, "9f3c", echo=2**64 - 1, **state, **path)
    frame = encode_signed(bytes(32), MAX_COUNTER, "n" * MAX_NAME, "HEARTBEAT", *report_parameters(report))
    assert read_report(decode(frame)) == report


def test_a_device_with_a_camera_alone_says_that_its_detector_is_off() -> None:
    assert report_parameters(Report(pictures=True)) == ("2", "0", "0", "p.-.0")


def test_a_device_that_knows_its_detector_only_says_the_camera_is_off() -> None:
    assert report_parameters(Report(detector=True)) == ("2", "0", "0", "a.-.0")
