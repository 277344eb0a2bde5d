"""Whose fault a silence is, as far as one server can know: the device's, its site's line, or our own uplink.

Judged when the first device reaches its limit: the others behind the same public address have by then missed a
heartbeat too if the address is what failed, so nobody has to wait for them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alarmd.core.device_session import DeviceSession
from alarmd.core.records import AlarmKind, Presence, Standing

if TYPE_CHECKING:
    from alarmd.core.state import State

SITE_DEVICES = 2  # devices behind one address that must be silent together
UPLINK_DEVICES = 3  # devices, behind at least UPLINK_ADDRESSES, that must be silent together
UPLINK_ADDRESSES = 2
UPLINK = AlarmKind.UPLINK_LOST, ""  # what the members of its loss have in common
SHARED = frozenset({AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST})  # a line is down


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
    """Supervised devices: present are online, late have missed a heartbeat and the peer does not hear them. Lost and
    sleeping ones say nothing about a line, and those that the peer hears nothing about a device; they prove that their
    site's line works. By address they are in State.present_at, late_at and elsewhere_at: a tally each would cost
    100,000 addresses 5 MB."""

    __slots__ = ("late", "present")

    def __init__(self) -> None:
        self.present = 0
        self.late = 0


def loss_key(kind: AlarmKind, session: DeviceSession) -> tuple[AlarmKind, str]:
    """What the members of one loss have in common."""
    if kind is AlarmKind.UPLINK_LOST:
        return UPLINK
    if kind is AlarmKind.SITE_LOST and session.path is not None:
        return kind, session.path.host
    return kind, session.device.name


def path_key(state: "State") -> tuple[AlarmKind, str]:
    """Of the devices that only the peer hears: there is one alarm of each server."""
    return AlarmKind.PATH_LOST, state.settings.label


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
    for session in members_here(state, state.losses.pop(alarm_id)):
        session.loss_alarm = None


def members_here(state: "State", loss: Loss) -> "Iterator[DeviceSession]":
    """Its members; in a cluster without those that another member watches for the moment."""
    return (state.by_id[device_id] for device_id in loss.members if device_id in state.by_id)


def line_works(state: "State", key: tuple[AlarmKind, str]) -> bool:
    """Whether any device is online on the line that a site's or the uplink's loss is about, here, at the peer or at
    another member of the cluster. What the peer does not hear either, while it hears others, is lost for another reason
    than our line."""
    if key[0] is AlarmKind.UPLINK_LOST:
        return state.total.present > 0 or bool(state.elsewhere_at) or state.heard_elsewhere
    return key[1] in state.present_at or key[1] in state.elsewhere_at or key[1] in state.hosts_elsewhere


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
    if not line_works(state, UPLINK) and (
        (state.total.late >= UPLINK_DEVICES and len(state.late_at) >= UPLINK_ADDRESSES) or UPLINK in state.loss_alarms
    ):
        return AlarmKind.UPLINK_LOST
    assert session.path is not None, "supervised devices have been seen somewhere"
    host = session.path.host
    site = AlarmKind.SITE_LOST, host
    if not line_works(state, site) and (state.late_at.get(host, 0) >= SITE_DEVICES or site in state.loss_alarms):
        return AlarmKind.SITE_LOST
    return AlarmKind.CONTACT_LOST


def _count(state: "State", session: DeviceSession, step: int) -> None:
    presence = session.presence
    if presence in (Presence.NEW, Presence.LOST, Presence.ASLEEP):
        return
    assert session.path is not None, "supervised devices have been seen somewhere"
    if presence is Presence.ELSEWHERE or (presence is Presence.LATE and session.device.name in state.peer_hears):
        counts = state.elsewhere_at
    else:
        late = presence is Presence.LATE
        _add(state.total, late, step)
        counts = state.late_at if late else state.present_at
    host = session.path.host
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
