"""What a device that reports says of itself in each heartbeat; docs/protocol.md, "The report"."""

import re
from typing import NamedTuple

from lfcp.constants import MAX_REPORT_INTERVAL, Leniency, Verb
from lfcp.messages import UNUSED, Message

REPORTING = "2"  # p1 of a heartbeat whose other parameters are a report
NO_FLAGS = "-"
DETECTOR_ON = "a"
CAMERA_ON = "c"
IN_FAILOVER = "f"  # failover alarm mode: no server answers
KNOWS_SETTINGS = "s"  # takes CONF
NO_DIGEST = "-"

# ASCII classes throughout: int() would take " 7", "1_0" and other alphabets' digits, which a C device refuses.
_INTERVAL = re.compile(r"[1-9][0-9]{0,4}")
_BOOT = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f]{1,16})")
_STATE = re.compile(r"(-|[a-z]{1,8})\.(-|[0-9a-f]{1,16})\.(0|[1-9][0-9]{0,9})")
_POSITIONS_LOST = {Leniency.DOUBLED_COMMAS, Leniency.EXTRA_FIELDS}


class Report(NamedTuple):
    """None: the device does not say."""

    interval: int | None = None  # s between its heartbeats
    boot_id: str | None = None  # changes with every start
    detector: bool | None = None  # its motion detector runs and sends MOAL
    camera: bool | None = None
    wanted_version: int | None = None  # of the wanted state that it follows; 0: of none
    echo: int = 0  # the highest counter heard from this server since its start; LFCP/2
    digest: str = NO_DIGEST  # of its settings, see settings.digest(); LFCP/2
    failover: bool = False
    settings: bool = False


def read_report(message: Message) -> Report | None:
    """None: not a heartbeat with a report, or one that is malformed, which is then a plain heartbeat."""
    reporting, interval, boot, state = message.params[:4]
    if reporting != REPORTING or message.verb != Verb.HEARTBEAT or message.leniencies & _POSITIONS_LOST:
        return None
    seconds, (boot_id, echo), said = _interval(interval), _boot(boot), _state(state)
    if seconds is None or boot_id is None or said is None:
        return None
    return Report(seconds or None, boot_id or None, *said[:3], echo, *said[3:])


def report_parameters(report: Report) -> tuple[str, str, str, str]:
    """p1 to p4 of a heartbeat."""
    interval = UNUSED if report.interval is None else str(report.interval)
    boot = UNUSED if report.boot_id is None else f"{report.boot_id}.{report.echo:x}"
    if report.detector is None and report.camera is None and report.wanted_version is None:
        return REPORTING, interval, boot, UNUSED
    said = (report.detector, DETECTOR_ON), (report.camera, CAMERA_ON), (report.failover, IN_FAILOVER)
    flags = "".join(flag for on, flag in (*said, (report.settings, KNOWS_SETTINGS)) if on)
    return REPORTING, interval, boot, f"{flags or NO_FLAGS}.{report.digest}.{report.wanted_version or 0}"


def _interval(field: str) -> int | None:
    """0: not said. None: malformed, here and below."""
    if field == UNUSED:
        return 0
    return int(field) if _INTERVAL.fullmatch(field) and int(field) <= MAX_REPORT_INTERVAL else None


def _boot(field: str) -> tuple[str | None, int]:
    """Boot id, '' if not said, and echo."""
    if field == UNUSED:
        return "", 0
    found = _BOOT.fullmatch(field)
    return (found[1], int(found[2], 16)) if found else (None, 0)


def _state(field: str) -> tuple[bool | None, bool | None, int | None, str, bool, bool] | None:
    """Detector, camera, version, digest, failover, settings."""
    if field == UNUSED:
        return None, None, None, NO_DIGEST, False, False
    found = _STATE.fullmatch(field)
    if found is None:
        return None
    flags, digest, version = found.groups()
    return DETECTOR_ON in flags, CAMERA_ON in flags, int(version), digest, IN_FAILOVER in flags, KNOWS_SETTINGS in flags
