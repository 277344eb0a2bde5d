"""What the operator wants a camera to be, beside its motion detector: on or off, and its settings. Kept, and sent again
to a device that reports otherwise; docs/protocol.md, "Commands", "Digest"."""

from alarmd.core import commands, failover
from alarmd.core.device_session import DeviceSession
from alarmd.core.event_kinds import EventKind
from alarmd.core.message_limits import over_limit
from alarmd.core.reassertion import may_reassert, note_asserted
from alarmd.core.records import Command
from alarmd.core.signed_session import SignedSession
from alarmd.core.turn import Turn
from lfcp import Report
from lfcp.constants import SETTINGS, Verb
from lfcp.settings import digest

CAMERA = frozenset({str(Verb.WCAM), str(Verb.SCAM)})
CONF = str(Verb.CONF)
SETTING = frozenset({CONF})
MAX_VERSION = 1 << 32  # to which a device lifts ours: there must be room for many newer ones in ten digits


def wish_camera(turn: Turn, session: DeviceSession, on: bool, by: str, seconds: float) -> Command:
    turn.change_device(session, camera_wish=on, wanted_version=session.device.wanted_version + 1)
    return _assert_camera(turn, session, by, seconds)


def wish_setting(turn: Turn, session: DeviceSession, name: str, value: int, by: str, seconds: float) -> Command:
    """name, value: checked by lfcp.settings. Only a device with a key takes settings."""
    wished = {**settings_of(session.device.settings), name: value}
    kept = tuple(f"{each}={wished[each]}" for each in SETTINGS if each in wished)
    turn.change_device(session, settings=kept)
    assert session.signed is not None
    session.signed.last_digest = None
    return _assert_setting(turn, session, name, value, by, seconds)


def settings_of(kept: tuple[str, ...]) -> dict[str, int]:
    """name → value of Device.settings."""
    return {name: int(value) for name, _, value in (each.partition("=") for each in kept)}


def compare(turn: Turn, session: DeviceSession, signed: SignedSession, report: Report) -> None:
    """What a proven heartbeat reports with what is wanted."""
    newer = session.device.wanted_version < (report.wanted_version or 0) <= MAX_VERSION
    allowed = newer and over_limit(turn, session) is None
    if newer and turn.state.settings.pair is not None:  # the peer's: while they are apart, two do not fight over it
        if allowed:
            _believe(turn, session, report)
        return
    if allowed:  # a backup of ours was restored
        turn.change_device(session, wanted_version=report.wanted_version)
    failover.compare(turn, session)
    wish = session.device.camera_wish
    if wish is not None and report.camera is not None and wish is not report.camera:
        _reassert_camera(turn, session, f"it reports its camera {'on' if report.camera else 'off'}")
    if session.device.settings and report.settings:
        _compare_settings(turn, session, signed, report.digest)


def agrees(session: DeviceSession, report: Report) -> bool:
    """Whether compare() finds nothing to do, now and later."""
    device = session.device
    return (
        device.wanted_detector in (None, report.detector)
        and device.camera_wish in (None, report.camera)
        and (not device.settings or report.digest == digest(settings_of(device.settings)))
    )


def _believe(turn: Turn, session: DeviceSession, report: Report) -> None:
    device = session.device
    detector = device.wanted_detector if report.detector is None else report.detector
    camera = device.camera_wish if None in (device.camera_wish, report.camera) else report.camera
    turn.change_device(session, wanted_version=report.wanted_version, wanted_detector=detector, camera_wish=camera)


def _compare_settings(turn: Turn, session: DeviceSession, signed: SignedSession, reported: str) -> None:
    """A digest that stays as it was although everything was sent covers more than we know of: no use to send again."""
    wanted = settings_of(session.device.settings)
    if reported == digest(wanted) or reported == signed.last_digest or not may_reassert(turn, session, SETTING):
        return
    turn.record(EventKind.WANTED_REASSERTED, "it reports other settings", session)
    signed.last_digest = reported
    for name, value in wanted.items():
        _assert_setting(turn, session, name, value, "alarmd", turn.state.settings.command_time_to_live)


def _reassert_camera(turn: Turn, session: DeviceSession, why: str) -> None:
    if may_reassert(turn, session, CAMERA):
        turn.record(EventKind.WANTED_REASSERTED, why, session)
        _assert_camera(turn, session, "alarmd", turn.state.settings.command_time_to_live)


def _assert_camera(turn: Turn, session: DeviceSession, by: str, seconds: float) -> Command:
    commands.supersede(turn, session, lambda command: command.verb in CAMERA)
    note_asserted(turn, session, CAMERA)
    verb = Verb.WCAM if session.device.camera_wish else Verb.SCAM
    return commands.enqueue(turn, session, str(verb), (), by, seconds)


def _assert_setting(turn: Turn, session: DeviceSession, name: str, value: int, by: str, seconds: float) -> Command:
    commands.supersede(turn, session, lambda command: command.verb == CONF and command.params[0] == name)
    note_asserted(turn, session, SETTING)
    return commands.enqueue(turn, session, CONF, (name, str(value)), by, seconds)
