"""Whose fault a silence is, as far as one server can know: the device's, its site's line, or our own uplink.

Judged when the first device reaches its limit: the others behind the same public address have by then missed a
heartbeat too if the address is what failed, so nobody has to wait for them.
"""

from typing import TYPE_CHECKING

from alarmd.core.device_session import DeviceSession
from alarmd.core.records import AlarmKind, Presence, Standing

if TYPE_CHECKING:
    from alarmd.core.state import State

SITE_DEVICES = 2  # devices behind one address that must be silent together
UPLINK_DEVICES = 3  # devices, behind at least UPLINK_ADDRESSES, that must be silent together
UPLINK_ADDRESSES = 2


class Loss:
    """A loss that an alarm tells of: what its members have in common, and their ids."""

    __slots__ = (
        "key",
        "members",
        "members_expected",  # an appointment to tell of more of them is made
        "told",  # how many were told
        "works_since",  # when the line was first seen to work again; None while it is down
    )

    def __init__(self, key: tuple[AlarmKind, str]) -> None:
        self.key = key
        self.members: set[int] = set()
        self.members_expected = False
        self.told = 1
        self.works_since: float | None = None


class SilenceTally:
    """Supervised devices: present are online, late have missed a heartbeat. Lost and sleeping ones say nothing about
    a line. By address they are in State.present_at and late_at: a tally each would cost 100,000 addresses 5 MB."""

    __slots__ = ("late", "present")

    def __init__(self) -> None:
        self.present = 0
        self.late = 0


def loss_key(kind: AlarmKind, session: DeviceSession) -> tuple[AlarmKind, str]:
    """What the members of one loss have in common."""
    if kind is AlarmKind.UPLINK_LOST:
        return kind, ""
    if kind is AlarmKind.SITE_LOST and session.path is not None:
        return kind, session.path.host
    return kind, session.device.name


def open_loss(state: "State", key: tuple[AlarmKind, str], alarm_id: int) -> None:
    """From now on losses of the same cause join this alarm."""
    state.losses[alarm_id] = Loss(key)
    state.loss_alarms[key] = alarm_id


def close_loss(state: "State", alarm_id: int) -> None:
    """From now on nobody joins it."""
    key = state.losses[alarm_id].key
    if state.loss_alarms.get(key) == alarm_id:
        del state.loss_alarms[key]


def drop_loss(state: "State", alarm_id: int) -> None:
    """The alarm tells of a loss no longer; what it was about can be lost anew."""
    close_loss(state, alarm_id)
    for device_id in state.losses.pop(alarm_id).members:
        state.by_id[device_id].loss_alarm = None


def line_works(state: "State", key: tuple[AlarmKind, str]) -> bool:
    """Whether any device is online on the line that a site's or the uplink's loss is about."""
    return state.total.present > 0 if key[0] is AlarmKind.UPLINK_LOST else key[1] in state.present_at


def count_in(state: "State", session: DeviceSession) -> None:
    """Add a session to the tallies of its address; call after its presence or path changed."""
    _count(state, session, 1)


def count_out(state: "State", session: DeviceSession) -> None:
    """Take it out; call before its presence or path changes."""
    _count(state, session, -1)


def classify(state: "State", session: DeviceSession) -> AlarmKind:
    """The cause of this late session's loss; it is still counted as late. One in quarantine is told nobody, so it may
    not be the first of a loss that others join."""
    if session.device.standing is Standing.QUARANTINED:
        return AlarmKind.CONTACT_LOST
    if state.total.present == 0 and (
        (state.total.late >= UPLINK_DEVICES and len(state.late_at) >= UPLINK_ADDRESSES)
        or (AlarmKind.UPLINK_LOST, "") in state.loss_alarms
    ):
        return AlarmKind.UPLINK_LOST
    assert session.path is not None, "supervised devices have been seen somewhere"
    host = session.path.host
    if host not in state.present_at and (
        state.late_at.get(host, 0) >= SITE_DEVICES or (AlarmKind.SITE_LOST, host) in state.loss_alarms
    ):
        return AlarmKind.SITE_LOST
    return AlarmKind.CONTACT_LOST


def _count(state: "State", session: DeviceSession, step: int) -> None:
    if session.presence not in (Presence.ONLINE, Presence.LATE):
        return
    assert session.path is not None, "supervised devices have been seen somewhere"
    late = session.presence is Presence.LATE
    _add(state.total, late, step)
    counts, host = state.late_at if late else state.present_at, session.path.host
    left = counts.get(host, 0) + step
    if left:
        counts[host] = left
    else:
        del counts[host]


def _add(tally: SilenceTally, late: bool, step: int) -> None:
    if late:
        tally.late += step
    else:
        tally.present += step
