"""What a device that reports says of itself in each heartbeat; docs/protocol.md, "The report"."""

import re
from typing import NamedTuple

from lfcp.candidates import Mapping
from lfcp.constants import MAX_REPORT_INTERVAL, Leniency, Verb
from lfcp.messages import UNUSED, Message

REPORTING = "2"  # p1 of a heartbeat whose other parameters are a report
NO_FLAGS = "-"
DETECTOR_ON = "a"
CAMERA_ON = "c"
IN_FAILOVER = "f"  # failover alarm mode: no server answers
KNOWS_SETTINGS = "s"  # takes CONF
KNOWS_PICTURES = "p"  # takes SNAP, sends FRAM
KNOWS_LIVE = "l"  # takes LIVE
KNOWS_PROBES = "k"  # answers PROB
KNOWS_TUNNELS = "t"  # takes PNCH: somebody may connect
NO_DIGEST = "-"

# ASCII classes throughout: int() would take " 7", "1_0" and other alphabets' digits, which a C device refuses.
_REPORT = re.compile(
    r"(?:0|([1-9][0-9]{0,4})),"  # interval
    r"(?:0|([0-9a-f]{1,16})\.([0-9a-f]{1,16})),"  # boot id and echo
    r"(?:0|(-|[a-z]{1,8})\.(-|[0-9a-f]{1,16})\.(0|[1-9][0-9]{0,9})"  # flags, digest, version
    r"(?:\.([uesh])(0|[1-9][0-9]{0,2}))?)"  # mapping and life
)
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
    pictures: bool = False
    live: bool = False
    probing: bool = False  # answers PROB; LFCP/2
    tunnels: bool = False  # somebody may connect; LFCP/2
    mapping: Mapping | None = None  # in signed frames only
    life: int | None = None  # s that a mapping outlives; 0: not known


def read_report(message: Message) -> Report | None:
    """None: not a heartbeat with a report, or one that is malformed, which is then a plain heartbeat."""
    params = message.params
    if params[0] != REPORTING or message.verb != Verb.HEARTBEAT or message.leniencies & _POSITIONS_LOST:
        return None
    found = _REPORT.fullmatch(f"{params[1]},{params[2]},{params[3]}")
    if found is None:
        return None
    seconds, boot_id, echo, flags, settings, version, mapping, life = found.groups()
    if mapping is not None and message.signature is None:
        return None
    interval = int(seconds) if seconds else None
    if interval is not None and interval > MAX_REPORT_INTERVAL:
        return None
    counter = int(echo, 16) if echo else 0
    if flags is None:
        return Report(interval, boot_id, echo=counter)
    return Report(
        interval,
        boot_id,
        DETECTOR_ON in flags,
        CAMERA_ON in flags,
        int(version),
        counter,
        settings,
        IN_FAILOVER in flags,
        KNOWS_SETTINGS in flags,
        KNOWS_PICTURES in flags,
        KNOWS_LIVE in flags,
        KNOWS_PROBES in flags,
        KNOWS_TUNNELS in flags,
        None if mapping is None else Mapping(mapping),
        int(life) if mapping else None,
    )


def report_parameters(report: Report) -> tuple[str, str, str, str]:
    """p1 to p4 of a heartbeat. A mapping goes into a signed one only: it has no room in others."""
    interval = UNUSED if report.interval is None else str(report.interval)
    boot = UNUSED if report.boot_id is None else f"{report.boot_id}.{report.echo:x}"
    flags = _flags(report)
    if not flags and (report.detector, report.camera, report.wanted_version, report.mapping) == (None,) * 4:
        return REPORTING, interval, boot, UNUSED
    path = "" if report.mapping is None else f".{report.mapping}{report.life or 0}"
    return REPORTING, interval, boot, f"{flags or NO_FLAGS}.{report.digest}.{report.wanted_version or 0}{path}"


def _flags(report: Report) -> str:
    said = (
        (report.detector, DETECTOR_ON),
        (report.camera, CAMERA_ON),
        (report.failover, IN_FAILOVER),
        (report.settings, KNOWS_SETTINGS),
        (report.pictures, KNOWS_PICTURES),
        (report.live, KNOWS_LIVE),
        (report.probing, KNOWS_PROBES),
        (report.tunnels, KNOWS_TUNNELS),
    )
    return "".join(flag for on, flag in said if on)
