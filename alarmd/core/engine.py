"""The rules' one door: what happened goes in, what to do comes out. The rest of core/ is behind it."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from alarmd.core import (
    alarms,
    asked,
    cameras,
    capture,
    command_queue,
    commands,
    custody,
    delivery_requests,
    failover,
    follow_ups,
    frames,
    judging,
    keepalives,
    key_requests,
    live,
    losses,
    mappings,
    messages,
    operator_requests,
    operators,
    peer_presence,
    peering,
    picture_frames,
    pictures,
    place_requests,
    places,
    proofs,
    rebinding,
    rendezvous,
    replication,
    requests,
    signed_commands,
    startup,
    supervision,
)
from alarmd.core import inputs as happened_
from alarmd.core.effects import Effect, Refuse
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import Input
from alarmd.core.instant import Instant
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.settings import Settings
from alarmd.core.snapshot import Snapshot
from alarmd.core.state import State
from alarmd.core.turn import Turn


class Engine:
    """time_zone: IANA name → tzinfo, raises KeyError for an unknown one."""

    def __init__(
        self, settings: Settings, snapshot: Snapshot, time_zone: Callable[[str], tzinfo], now: Instant
    ) -> None:
        self.state = State(settings, snapshot, time_zone, now)
        startup.restore(self.state, snapshot, now)

    def handle(self, happened: Input, now: Instant) -> list[Effect]:
        """One turn. Its durable effects are committed together, before anything that promises leaves."""
        state = self.state
        turn = Turn(state, Instant(now.wall, now.mono - state.blind))
        if now.mono - state.last_tick.mono > supervision.STALL:  # what waited in the sockets comes before the timer
            supervision.watch_clocks(turn)
        before = len(turn.effects)
        try:
            HANDLERS[type(happened)](turn, happened)
        except RequestRefusedError as refusal:
            return [*turn.effects[:before], Refuse(refusal.reason, refusal.field, refusal.message)]
        return turn.effects

    def next_deadline(self) -> float:
        """When TimerFired is wanted next, monotonic seconds; at least every TICK, so that a stall of ours is seen."""
        state = self.state
        tick = state.last_tick.mono + supervision.TICK
        due = min((d for d in (state.wheel.next_due(), state.agenda.next_due()) if d is not None), default=tick)
        return max(state.last_tick.mono, min(due + state.blind, tick))  # what the last tick left over is no stall


def _timer_fired(turn: Turn, _timer: happened_.TimerFired) -> None:
    supervision.watch_clocks(turn)
    supervision.tick(turn)
    for kind, subject in turn.state.agenda.take_due(turn.now.mono):
        APPOINTMENTS[kind](turn, subject)


def _server_stopping(turn: Turn, _stopping: happened_.ServerStopping) -> None:
    rendezvous.stop(turn)
    supervision.save_all(turn)
    turn.record(EventKind.SERVER_STOPPING, "a planned stop")


def _storage_failed(turn: Turn, failed: happened_.StorageFailed) -> None:
    turn.record(EventKind.STORAGE_FAILED, failed.reason)


def _storage_recovered(turn: Turn, _recovered: happened_.StorageRecovered) -> None:
    turn.record(EventKind.STORAGE_RECOVERED, "everything that waited is stored")


def _backlog_filled(turn: Turn, _filled: happened_.BacklogFilled) -> None:
    turn.state.backlog_full = True


def _backlog_drained(turn: Turn, _drained: happened_.BacklogDrained) -> None:
    turn.state.backlog_full = False


def _turn_quarantined(turn: Turn, quarantined: happened_.TurnQuarantined) -> None:
    turn.record(EventKind.TURN_QUARANTINED, quarantined.reason)
    for event in quarantined.events:
        messages.not_stored(turn, event)
    for picture in quarantined.pictures:
        pictures.not_stored(turn, picture)


def _delivery_abandoned(turn: Turn, abandoned: happened_.DeliveryAbandoned) -> None:
    alarm = turn.state.alarms.get(abandoned.alarm_id) if abandoned.alarm_id is not None else None
    text = f"{abandoned.identity} to {abandoned.destination}: {abandoned.reason}"
    turn.record(
        EventKind.DELIVERY_ABANDONED,
        text,
        zone_id=alarm.zone_id if alarm else None,
        alarm_id=abandoned.alarm_id,
    )


def _heartbeats_repeated(turn: Turn, repeated: happened_.HeartbeatsRepeated) -> None:
    supervision.heartbeats_repeated(turn, repeated.sessions)


APPOINTMENTS: dict[str, Callable[[Turn, int], None]] = {
    alarms.INCIDENT: alarms.check_incident,
    commands.EXPIRY: commands.expire,
    follow_ups.FOLLOW_UP: follow_ups.check,
    failover.UPDATES: failover.update_some,
    failover.HYSTERESIS: failover.check_hysteresis,
    losses.MEMBERS: losses.check_members,
    losses.STRAGGLERS: losses.check_stragglers,
    command_queue.PUSH: signed_commands.push,
    rebinding.REBINDING: rebinding.check,
    rendezvous.MEETING: rendezvous.look,
    keepalives.KEEPS: keepalives.answer_some,
    mappings.HALVED: mappings.check,
    capture.PICTURE_DUE: capture.check_picture,
    capture.CAPTURE: capture.check_capture,
    asked.ASKED: asked.check,
    live.RENEWAL: live.renew,
    peering.OVERDUE: peering.check_overdue,
    peering.MODES: peering.change_some_modes,
    peer_presence.HEARS: peer_presence.tell_some,
    peer_presence.UNHEAR: peer_presence.unhear_some,
}
HANDLERS: dict[type[Any], Callable[[Turn, Any], None]] = {
    happened_.FrameReceived: frames.frame_received,
    happened_.HeartbeatsRepeated: _heartbeats_repeated,
    happened_.ConnectionClosed: rebinding.connection_closed,
    happened_.TimerFired: _timer_fired,
    happened_.ServerStarted: startup.server_started,
    happened_.ServerStopping: _server_stopping,
    happened_.StorageFailed: _storage_failed,
    happened_.StorageRecovered: _storage_recovered,
    happened_.BacklogFilled: _backlog_filled,
    happened_.BacklogDrained: _backlog_drained,
    happened_.TurnQuarantined: _turn_quarantined,
    happened_.DeliveryAbandoned: _delivery_abandoned,
    happened_.PeerMet: peering.peer_met,
    happened_.PeerGone: peering.peer_gone,
    happened_.PeerLeft: peering.peer_left,
    happened_.PeerHears: peer_presence.peer_hears,
    happened_.DeliverySettled: replication.delivery_settled,
    happened_.ProofEnded: proofs.proof_ended,
    happened_.PeerTold: replication.peer_told,
    happened_.DevicesTaken: custody.devices_taken,
    happened_.DevicesReleased: custody.devices_released,
    happened_.PlacesTold: places.places_told,
    happened_.JudgeChosen: judging.judge_chosen,
    happened_.LinesSeen: judging.lines_seen,
    requests.CommandRequested: operator_requests.command_requested,
    requests.ArmingRequested: place_requests.arming_requested,
    requests.SiteRequested: place_requests.site_requested,
    requests.ZoneRequested: place_requests.zone_requested,
    requests.DeviceAdopted: operator_requests.device_adopted,
    requests.KeyGiven: key_requests.key_given,
    requests.OperatorAdded: operators.operator_added,
    requests.OperatorRemoved: operators.operator_removed,
    requests.DeviceForgotten: operator_requests.device_forgotten,
    requests.DeviceChanged: place_requests.device_changed,
    requests.CameraChanged: cameras.camera_changed,
    happened_.CameraIntroduced: cameras.camera_introduced,
    requests.PictureRequested: capture.picture_requested,
    happened_.PictureReceived: pictures.picture_received,
    happened_.PictureFound: pictures.picture_found,
    happened_.PictureFailed: pictures.picture_failed,
    happened_.PartSettled: picture_frames.part_settled,
    happened_.LiveRequested: live.live_requested,
    happened_.LiveEnded: live.live_ended,
    happened_.FilmMade: pictures.film_made,
    happened_.ManifestSealed: pictures.manifest_sealed,
    requests.AlarmAcknowledged: operator_requests.alarm_acknowledged,
    requests.AlarmCleared: operator_requests.alarm_cleared,
    requests.DeliveryRetried: delivery_requests.delivery_retried,
    requests.DeliveryDropped: delivery_requests.delivery_dropped,
}
