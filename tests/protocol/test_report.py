"""A report is written so that it is read again; what a device does not say, it does not say."""

from hypothesis import given
from hypothesis import strategies as st

from lfcp import Report, decode, encode, read_report, report_parameters
from lfcp.constants import MAX_NAME

BOOTS = st.tuples(st.text("0123456789abcdef", min_size=1, max_size=16), st.integers(0, 2**64 - 1))
STATES = st.tuples(
    st.booleans(),
    st.booleans(),
    st.integers(0, 10**10 - 1),
    st.just("-") | st.text("0123456789abcdef", min_size=8, max_size=8),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
State = tuple[bool, bool, int, str, bool, bool, bool, bool]
SILENT = (None, None, None, "-", False, False, False, False)


@given(st.none() | st.integers(1, 86_400), st.none() | BOOTS, st.none() | STATES)
def test_a_report_survives_the_wire(interval: int | None, boot: tuple[str, int] | None, state: State | None) -> None:
    boot_id, echo = boot or (None, 0)
    detector, camera, version, *others = state or SILENT
    digest, *abilities = others
    report = Report(interval, boot_id, detector, camera, version, echo, digest, *abilities)
    frame = encode("n" * MAX_NAME, "HEARTBEAT", *report_parameters(report))
    assert read_report(decode(frame)) == report


def test_a_device_with_a_camera_alone_says_that_its_detector_is_off() -> None:
    assert report_parameters(Report(pictures=True)) == ("2", "0", "0", "p.-.0")


def test_a_device_that_knows_its_detector_only_says_the_camera_is_off() -> None:
    assert report_parameters(Report(detector=True)) == ("2", "0", "0", "a.-.0")
