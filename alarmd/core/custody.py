"""Devices that come to this member of a cluster and leave it. Their state follows their datagrams.

What storage has of a device is all that comes with it, as after a restart: what it proved to the member before it
proves again. Neither coming nor leaving is an event; whoever watches it next goes on where storage stands.
"""

from alarmd.core import cameras, failover, rendezvous
from alarmd.core.commands import open_commands
from alarmd.core.device_session import DeviceSession
from alarmd.core.inputs import DevicesReleased, DevicesTaken
from alarmd.core.loss_causes import count_in, count_out, drop_loss
from alarmd.core.losses import leave_loss
from alarmd.core.places import enter_places
from alarmd.core.records import Contact, Device, Presence
from alarmd.core.signed_session import Beginnings
from alarmd.core.startup import enter_session, excuse, restore_belongings
from alarmd.core.state import State
from alarmd.core.supervision import CHECKPOINT, file
from alarmd.core.turn import Turn


def devices_taken(turn: Turn, taken: DevicesTaken) -> None:
    """One that is here already is read anew: a turn of it was refused."""
    state, part = turn.state, taken.part
    enter_places(state, part.sites, part.zones)
    for device in part.devices:
        _leave(turn, device.id)
    contacts = {contact.device_id: contact for contact in part.contacts}
    for device in part.devices:
        _enter(turn, device, contacts.get(device.id), taken.unheard_since.get(device.id))
    restore_belongings(state, part, contacts, turn.now)
    for device in part.devices:
        _settle(turn, state.by_id[device.id], taken.counters.get(device.id, ()))


def devices_released(turn: Turn, released: DevicesReleased) -> None:
    for device_id in released.devices:
        _leave(turn, device_id)


def _enter(turn: Turn, device: Device, contact: Contact | None, unheard_since: int | None) -> None:
    session = enter_session(turn.state, device, contact, turn.now)
    if contact is None:
        return
    if unheard_since is not None and session.presence is not Presence.LOST:
        excuse(session, turn.now.mono_at(unheard_since))
    session.saved = turn.now.mono - CHECKPOINT  # its next sign of life is stored at once
    count_in(turn.state, session)
    file(turn, session)


def _settle(turn: Turn, session: DeviceSession, before: Beginnings) -> None:
    """Its counters are stored with the claim. Its zone may have changed its mode meanwhile, and a loss that it shared
    with others may be over for it."""
    if session.signed is not None:
        session.signed.stored = session.signed.down
        session.signed.follow(before, turn.now)
    failover.update(turn, session)
    if session.presence is not Presence.LOST:
        for alarm_id in [alarm_id for alarm_id, loss in turn.state.losses.items() if session.device.id in loss.members]:
            leave_loss(turn, session.device.id, alarm_id, f"{session.device.name}: contact is back")


def _leave(turn: Turn, device_id: int) -> None:
    """A loss that it shares with others keeps it as a member until it is found, wherever that is."""
    state, session = turn.state, turn.state.by_id.get(device_id)
    if session is None:
        return
    turn.uncache(session)
    rendezvous.left(turn, session)
    for alarm_id in tuple(state.device_alarms.get(device_id, ())):
        _leave_alarm(state, alarm_id)
    for command in open_commands(session):
        del state.open_commands[command.id]
    if session.path is not None:
        state.connections.pop(session.path, None)
    for table in (state.muted, state.galleries, state.captures, state.watched):
        table.pop(device_id, None)
    cameras.take_out(state, device_id)
    count_out(state, session)
    state.leave(session)
    session.presence = Presence.LOST  # whatever still refers to it expects nothing of it


def _leave_alarm(state: State, alarm_id: int) -> None:
    if alarm_id in state.losses:
        drop_loss(state, alarm_id)
    for line in state.follow_ups.values():
        line.pop(alarm_id, None)
    state.leave_alarm(state.alarms[alarm_id])
