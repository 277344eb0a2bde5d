"""Which pictures a device can be asked for, and why one that it sends is not taken. docs/protocol.md, "Pictures"."""

from enum import StrEnum
from functools import cache

from alarmd.core import commands
from alarmd.core.device_session import NOTHING, DeviceSession
from alarmd.core.turn import Turn
from lfcp import Report
from lfcp.constants import UPLOAD_LATER, UPLOAD_NEVER, Verb

NEW_VERBS = frozenset({Verb.SNAP, Verb.LIVE})  # commands that a device says it knows


class UploadReason(StrEnum):
    """Why a picture is not taken; p3 of the ACK."""

    BUSY = "busy"
    NO_ROOM = "no_room"
    DEVICE_RATE = "device_rate"
    BAD_DIGEST = "bad_digest"
    FAILED = "failed"
    NOT_A_PICTURE = "not_a_picture"
    NOT_ADOPTED = "not_adopted"
    NOBODY_WATCHES = "nobody_watches"


FOR_GOOD = frozenset({UploadReason.NOT_A_PICTURE, UploadReason.NOT_ADOPTED, UploadReason.NOBODY_WATCHES})


def result_of(reason: UploadReason) -> int:
    return UPLOAD_NEVER if reason in FOR_GOOD else UPLOAD_LATER


def can_snap(session: DeviceSession) -> bool:
    """Whether it says that it takes SNAP."""
    return Verb.SNAP in session.knows


def can_live(session: DeviceSession) -> bool:
    return Verb.LIVE in session.knows


@cache
def _known(snap: bool, live: bool, probing: bool, tunnels: bool) -> frozenset[Verb]:
    """One object for all devices that know the same."""
    said = ((Verb.SNAP, snap), (Verb.LIVE, live), (Verb.PROB, probing), (Verb.PNCH, tunnels))
    return frozenset(verb for verb, known in said if known)


def follow(turn: Turn, session: DeviceSession, report: Report | None) -> None:
    """What it says that it knows. A command that it no longer does, with another program for example, is not sent."""
    knows = NOTHING if report is None else _known(report.pictures, report.live, report.probing, report.tunnels)
    session.knows = knows
    for command in commands.open_commands(session):
        if command.verb in NEW_VERBS and command.verb not in knows:
            commands.expire(turn, command.id, f"the device does not report that it knows {command.verb}")
