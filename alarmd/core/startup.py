"""From what storage remembers to the live state. A restart neither forgets a deadline nor lets all fire at once."""

from collections.abc import Iterable, Mapping

from alarmd.core import cameras, capture, follow_ups, numbering, peering
from alarmd.core.alarms import count_motion, go_on
from alarmd.core.command_queue import OWN
from alarmd.core.commands import EXPIRY, queue_of
from alarmd.core.device_session import JUDGED_EARLY, MAX_MUTE, MAX_SLEEP, DeviceSession
from alarmd.core.effects import SaveSite, SaveZone
from alarmd.core.event_kinds import EventKind
from alarmd.core.failover import HYSTERESIS, RESTART, contact_lost, enabling
from alarmd.core.galleries import Gallery
from alarmd.core.inputs import ServerStarted
from alarmd.core.instant import Instant
from alarmd.core.loss_causes import Loss, count_in, loss_key, path_key
from alarmd.core.losses import blames_uplink, restore_loss
from alarmd.core.paths import Path
from alarmd.core.records import (
    Alarm,
    AlarmKind,
    Arming,
    Command,
    CommandState,
    Contact,
    Device,
    DeviceKey,
    Presence,
    Site,
    Zone,
)
from alarmd.core.signed_session import SignedSession
from alarmd.core.snapshot import Snapshot
from alarmd.core.state import HOME, UNASSIGNED, State
from alarmd.core.turn import Turn

LOSSES = (AlarmKind.CONTACT_LOST, AlarmKind.SITE_LOST, AlarmKind.UPLINK_LOST)
ARRIVAL = 0.5  # s that a heartbeat sent at the end of the longest interval allowed may take
STAGGER = 97  # a prime: first looks at the sessions are spread over one interval in this many steps


def restore(state: State, snapshot: Snapshot, now: Instant) -> None:
    """Fill the tables. Zones and sites are there already."""
    numbering.begin(state, now)
    contacts = {contact.device_id: contact for contact in snapshot.contacts}
    for device in snapshot.devices:
        _restore_session(state, device, contacts.get(device.id), now)
    restore_belongings(state, snapshot, contacts, now)
    _restore_ended(state, snapshot)


def restore_belongings(state: State, part: Snapshot, contacts: Mapping[int, Contact], now: Instant) -> None:
    """What the devices of this part have: their sessions are there already. contacts: by device."""
    for key in sorted(part.keys, key=lambda key: key.epoch):
        _restore_key(state, key, contacts.get(key.device_id), now)
    for alarm in part.alarms:
        _restore_alarm(state, alarm, now)
    follow_ups.restore(state, part.alarms, now)
    restore_losses(state, [state.by_id[device.id] for device in part.devices], now)
    _restore_path_loss(state, part.contacts, now)
    for camera in part.cameras:
        cameras.enter(state, camera)
    for picture in part.pictures:
        state.galleries[picture.device_id] = Gallery(picture)
    capture.restore(state, part.cameras, part.alarms, now)
    for command in sorted(part.commands, key=lambda command: command.id):
        _restore_command(state, command, now)


def _restore_ended(state: State, snapshot: Snapshot) -> None:
    for alarm in snapshot.ended_alarms:
        state.remember(state.ended_alarms, alarm.id, alarm)
    for command in snapshot.ended_commands:
        state.remember(state.ended_commands, command.id, command)
    for device in snapshot.forgotten:
        state.remember(state.forgotten, device.name, device)


def server_started(turn: Turn, started: ServerStarted) -> None:
    """A new installation gets a site and two armed zones; failover mode goes on where it was."""
    state = turn.state
    if not state.zones:
        _install(turn)
    turn.record(EventKind.SERVER_STARTED, f"alarmd {started.version}, {len(state.sessions)} devices")
    lost = [session for session in state.by_id.values() if session.presence is Presence.LOST]
    for session in lost:
        if not blames_uplink(state, session):
            contact_lost(turn, session)
    peering.started(turn)
    _carry_over(turn)


def _install(turn: Turn) -> None:
    """Stamped as older than anything: what a person sets up at either server of a pair takes its place."""
    state, label = turn.state, turn.state.settings.label
    site = Site(id=1, name=HOME, time_zone=state.settings.time_zone, origin=label, hlc=0)
    state.sites[1] = site
    state.last_site = 1
    turn.effects.append(SaveSite(site))
    for number, name in enumerate((HOME, UNASSIGNED), start=1):
        zone = Zone(number, site.id, name, Arming.ARMED, "", origin=label, hlc=0)
        state.zones[number] = zone
        state.last_zone = number
        turn.effects.append(SaveZone(zone))


def _restore_session(state: State, device: Device, contact: Contact | None, now: Instant) -> None:
    """One past its limit gets one interval only: a server that keeps crashing must not renew the grace for ever."""
    session = enter_session(state, device, contact, now)
    if contact is None:
        return
    if contact.presence is not Presence.LOST:
        excuse(session, now.mono)
    if session.presence is Presence.LATE:
        session.presence = Presence.ONLINE
    due = session.deadline()
    if session.presence is Presence.ELSEWHERE or (due is not None and due < now.mono):
        session.presence = Presence.LATE  # the peer is not to be told that it is heard
        due = session.deadline()
    count_in(state, session)
    if due is not None:
        spread = session.interval * (device.id % STAGGER) / STAGGER
        state.wheel.file(session, min(max(due, now.mono), now.mono + spread))


def enter_session(state: State, device: Device, contact: Contact | None, now: Instant) -> DeviceSession:
    """A session as it was stored; neither counted nor waited for yet."""
    session = DeviceSession(device, contact.presence if contact else Presence.NEW, now.mono)
    state.enter(session)
    if device.muted_until is not None:
        state.muted[device.id] = min(now.mono_at(device.muted_until), now.mono + MAX_MUTE)
    if contact is None:
        return session
    session.path = Path.parse(contact.address)
    if session.path is None:  # never seen, whatever the presence says
        session.presence = Presence.NEW
    session.seen = session.saved = min(now.mono, now.mono_at(contact.last_contact))
    if contact.asleep_until is not None and contact.presence is Presence.ASLEEP:
        session.asleep_until = min(now.mono_at(contact.asleep_until), now.mono + MAX_SLEEP)
    return session


def excuse(session: DeviceSession, mono: float) -> None:
    """Nobody listened until then: it has one interval from there on, however long it was silent before."""
    grace = session.interval + JUDGED_EARLY + ARRIVAL
    session.seen = session.saved = max(session.seen, mono - session.device.report_within + grace)


def _restore_key(state: State, key: DeviceKey, contact: Contact | None, now: Instant) -> None:
    session = state.by_id[key.device_id]
    if session.signed is None:
        kept = (contact.counter_up, contact.counter_down, contact.boots) if contact else ()
        session.signed = SignedSession(state.settings.label, now, *kept)
        session.boot_id = session.signed.boots.current
    session.signed.add_key(key.epoch, key.secret)


def _restore_alarm(state: State, alarm: Alarm, now: Instant) -> None:
    state.enter_alarm(alarm)
    session = state.by_id.get(alarm.device_id) if alarm.device_id is not None else None
    if alarm.kind is AlarmKind.TAMPER and session is not None and session.signed is not None:
        session.signed.tamper_alarm = alarm.id
    if alarm.kind is not AlarmKind.MOTION:
        return
    count_motion(state, alarm, session)
    if session is not None and alarm.ended_at is None:
        go_on(state, session, alarm.id, min(now.mono, now.mono_at(alarm.last_event_at)))


def restore_losses(state: State, sessions: Iterable[DeviceSession], now: Instant) -> None:
    """Which alarm tells of which lost device: its own, its site's, or the uplink's."""
    lost = [session for session in sessions if session.presence is Presence.LOST]
    alarms: dict[tuple[AlarmKind, str], list[Alarm]] = {}
    matter = bool(lost) or state.settings.pair is not None
    for alarm in sorted(state.alarms.values(), key=lambda alarm: alarm.id) if matter else ():
        if alarm.kind in LOSSES:
            alarms.setdefault((alarm.kind, alarm.identity.split(":", 3)[3]), []).append(alarm)
    for session in lost if alarms else ():
        _rejoin(state, session, alarms, now)
    for key, same in alarms.items():
        for alarm in same:
            if state.settings.pair is not None:  # the peer may have lost it alone, and this server may lose it later
                state.losses.setdefault(alarm.id, Loss(key))
            if alarm.id in state.losses:
                restore_loss(state, alarm, now.mono, newest=alarm is same[-1])


def _rejoin(
    state: State, session: DeviceSession, alarms: dict[tuple[AlarmKind, str], list[Alarm]], now: Instant
) -> None:
    """Of several alarms about one line the device belongs to the last one that was raised before it was lost."""
    keys = (loss_key(kind, session) for kind in LOSSES)
    key = next((key for key in keys if key in alarms), None)
    if key is None:
        return
    lost = session.seen + session.device.report_within
    before = [alarm for alarm in alarms[key] if now.mono_at(alarm.raised_at) <= lost]
    alarm = before[-1] if before else alarms[key][0]
    session.loss_alarm = alarm.id
    state.losses.setdefault(alarm.id, Loss(key)).members.add(session.device.id)


def _restore_path_loss(state: State, contacts: Iterable[Contact], now: Instant) -> None:
    """Which devices are told of as heard by the peer only."""
    alarm = peering.own_alarm(state, AlarmKind.PATH_LOST)
    members = [one.device_id for one in contacts if one.presence is Presence.ELSEWHERE and one.device_id in state.by_id]
    if alarm is None or not members:
        return
    state.losses[alarm.id] = Loss(path_key(state))
    for member in members:
        state.by_id[member].loss_alarm = alarm.id
    state.losses[alarm.id].members.update(members)
    restore_loss(state, alarm, now.mono, newest=True)


def _restore_command(state: State, command: Command, now: Instant) -> None:
    session = state.by_id.get(command.device_id)
    asked_by = command.identity.partition(".")[0]
    if session is None or (command.verb in OWN and asked_by != state.settings.label):
        return
    queue = queue_of(session)
    if command.state is CommandState.SENT and queue.in_flight is None:  # each server of a pair may have sent another
        queue.in_flight = command
        queue.sent_to = session.path.host if session.path else ""
    else:
        queue.waiting.append(command)
    state.open_commands[command.id] = session
    state.agenda.add(now.mono_at(command.expires_at), EXPIRY, command.id)


def _carry_over(turn: Turn) -> None:
    """Zones whose devices were wanted on beyond the operator's wish stay in failover mode for the hysteresis."""
    state = turn.state
    for zone_id, members in state.zone_members.items():
        beyond = any(s.device.wanted_detector and not s.device.detector_wish for s in members.values())
        if beyond and not enabling(state, zone_id):
            ends = turn.now.mono + state.settings.failover_hysteresis
            state.causes.setdefault(zone_id, {})[RESTART] = ends
            state.agenda.add(ends, HYSTERESIS, zone_id)
