"""A report is written so that it is read again; what a device does not say, it does not say."""

from hypothesis import given
from hypothesis import strategies as st

from lfcp import Report, decode, encode, read_report, report_parameters
from lfcp.constants import MAX_NAME

BOOT_IDS = st.text("0123456789abcdef", min_size=1, max_size=16)
STATES = st.tuples(st.booleans(), st.booleans(), st.integers(0, 10**10 - 1))


@given(st.none() | st.integers(1, 86_400), st.none() | BOOT_IDS, st.none() | STATES, st.integers(0, 2**64 - 1))
def test_a_report_survives_the_wire(
    interval: int | None, boot_id: str | None, state: tuple[bool, bool, int] | None, echo: int
) -> None:
    detector, camera, version = state or (None, None, None)
    report = Report(interval, boot_id, detector, camera, version)
    frame = encode("n" * MAX_NAME, "HEARTBEAT", *report_parameters(report, echo))
    assert read_report(decode(frame)) == report


def test_a_device_that_knows_its_detector_only_says_the_camera_is_off() -> None:
    assert report_parameters(Report(detector=True)) == ("2", "0", "0", "a.-.0")
