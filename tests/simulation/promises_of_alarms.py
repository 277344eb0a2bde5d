"""What the operator is told: at least once, in time, once where nothing failed; and what he did holds."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations

from alarmd.core.effects import CopyDelivery, QueueDelivery
from alarmd.core.records import Alarm, AlarmKind, AlarmState
from alarmd.core.requests import AlarmAcknowledged, AlarmCleared
from lfcp.constants import Verb
from tests.simulation.evidence import CUTS, LOSSES, Evidence
from tests.simulation.plan import LABELS
from tests.simulation.promises import promise
from tests.simulation.two_servers import MUTE, QUIET, REPORT_WITHIN

TAKEOVER = 10.0  # s within which a server that has an alarm and reaches the operator tells it, if nobody did
MARGIN = 2.0  # s of the simulation's own: a look at the outbox, an answer, a bucket of the wheel
ALONE = 20.0  # s within which the survivor says that it is alone, where nobody closed the connection: SILENCE and 10 s


@promise
def what_is_acknowledged_is_stored(run: Evidence) -> Iterable[str]:
    for at, label, text in run.world.history.unstored:
        if not run.lost_its_disk(label) and not run.may_be_misread(text):
            yield f"{label} acknowledged {text} at {at:.2f}"
    for device in run.world.devices:
        for label, texts in device.acknowledged_by.items():
            stored = {event.text for event in run.events[label]}
            safe = [text for text in texts if run.is_safe(label, text)]
            yield from (f"{label} acknowledged {text}" for text in safe if text not in stored)


@promise
def two_copies_are_two(run: Evidence) -> Iterable[str]:
    """When an ACK says so."""
    yield from (f"{label} said at {at:.2f} that two have {text}" for at, label, text in run.world.history.half)


@promise
def what_a_living_device_said_arrives_at_both(run: Evidence) -> Iterable[str]:
    for device in run.world.devices:
        if device.switched_off_at is None and not run.was_forgotten(device.name):
            for label in LABELS:
                stored = {event.text for event in run.events[label]}
                yield from (f"{label} never stored {text}" for text in device.sent if text not in stored)


@promise
def an_acknowledged_alarm_is_told(run: Evidence) -> Iterable[str]:
    for device in run.world.devices:
        for label, texts in device.acknowledged_by.items():
            for text in texts:
                if device.said[text][0] is Verb.MOAL:
                    yield from _untold(run, label, text)


def _untold(run: Evidence, label: str, text: str) -> Iterable[str]:
    for event in run.events[label]:
        alarm = run.alarms[label].get(event.alarm_id or 0)
        if event.text != text or alarm is None or not alarm.told or run.was_dropped(alarm):
            continue
        if run.first_told(alarm) is None:
            yield f"{label} acknowledged {text}, of alarm {alarm.id}"


@promise
def an_alarm_is_told_in_time(run: Evidence) -> Iterable[str]:
    """By anybody, where a server that had it lived and reached the operator."""
    if run.plan.refuses or run.plan.lies:
        return
    for label, server in run.world.servers.items():
        for at, effect in run.world.history.queued[label]:
            assert isinstance(effect, QueueDelivery | CopyDelivery)
            limit = at + TAKEOVER + MARGIN
            alarm = run.alarms[label].get(effect.delivery.alarm_id or 0)
            if alarm is None or run.was_dropped(alarm) or not run.untroubled(label, at, limit):
                continue
            told = run.first_told(alarm)
            if effect.delivery.subject == "raised" and (told is None or told > limit):
                yield f"{server.label} had alarm {alarm.id} at {at:.2f}, told at {told}"


@promise
def where_nothing_fails_nothing_is_told_twice(run: Evidence) -> Iterable[str]:
    if not run.plan.is_calm:
        return
    for identity, count in Counter(one.delivery.identity for one in run.world.telegram.told).items():
        if count > 1:
            yield f"{identity}, {count} times"
    told = [one.delivery for one in run.world.telegram.told if one.delivery.subject == "raised"]
    raised = [run.alarms["A"].get(delivery.alarm_id or 0) for delivery in told]
    for one, other in combinations([alarm for alarm in raised if alarm is not None], 2):
        if run.about(one) == run.about(other) and _is_one_incident(run, one, other):
            yield f"alarms {one.id} and {other.id} are about one incident of {run.about(one)}"


def _is_one_incident(run: Evidence, one: Alarm, other: Alarm) -> bool:
    begin, end = sorted((one.raised_at, other.raised_at))
    limit = (QUIET if one.kind is AlarmKind.MOTION else REPORT_WITHIN) - abs(run.plan.skew)
    between = (run.seconds("A", begin) - abs(run.plan.skew), run.seconds("A", end) + abs(run.plan.skew))
    armed = any(act.what in MAKES_NEW and between[0] - MUTE <= act.at <= between[1] for act in run.plan.acts)
    return end - begin < limit * 1e6 and not armed


MAKES_NEW = ("arm", "disarm", "clear", "mute", "move", "forget")  # of the same device


@promise
def nothing_waits_in_the_end(run: Evidence) -> Iterable[str]:
    for label, server in run.world.servers.items():
        for entry in server.store.outbox._entries.values():
            if entry.state == "pending":
                yield f"{label}: {entry.delivery.identity}"


@promise
def what_an_operator_acknowledged_stays_so(run: Evidence) -> Iterable[str]:
    for at, where, request in run.world.accepted:
        if isinstance(request, AlarmAcknowledged | AlarmCleared):
            for label in LABELS:
                alarm = run.alarms[label].get(request.alarm_id)
                if alarm is None or (alarm.acknowledged_at is None and alarm.state is not AlarmState.CLEARED):
                    yield f"{request} at {where} at {at:.2f}: at {label} {alarm}"


@promise
def no_loss_is_told_that_was_none(run: Evidence) -> Iterable[str]:
    if not run.plan.is_calm:
        return
    off = {device.name for device in run.world.devices if device.switched_off_at is not None}
    for label in LABELS:
        for alarm in run.alarms[label].values():
            if alarm.kind in LOSSES and not (run.lost_by(alarm) & off):
                yield f"{label}: {alarm.kind} {alarm.identity}: {alarm.text}"
            if alarm.kind in (AlarmKind.PEER_LOST, AlarmKind.PATH_LOST, AlarmKind.TAMPER):
                yield f"{label}: {alarm.kind} {alarm.identity}: {alarm.text}"


@promise
def a_planned_stop_is_no_loss(run: Evidence) -> Iterable[str]:
    whats = {act.what for act in run.plan.acts if act.what in ("crash", "stall", "reset", "lose_disk", *CUTS)}
    for label in LABELS:
        for alarm in run.alarms[label].values():
            if not whats and alarm.kind is AlarmKind.PEER_LOST:
                yield f"{label}: {alarm.identity}: {alarm.text}"


@promise
def a_loss_is_told_within_its_limit(run: Evidence) -> Iterable[str]:
    """If any server lived and reached the operator from the moment the power went. One that stood still believes that
    it heard the device just before, and says so to the other: the loss is told by as much later."""
    if run.plan.refuses or any(act.what == "stall" for act in run.plan.acts):
        return
    for device in run.world.devices:
        off = device.switched_off_at
        excused = run.was_forgotten(device.name) or run.loss_was_dropped(device.name)
        if off is None or excused or not run.was_supervised(device.name):
            continue
        limit = off + REPORT_WITHIN + TAKEOVER + MARGIN
        times = [at for at, name in run.losses_told if name == device.name and at >= off]
        well = any(run.untroubled(label, off - REPORT_WITHIN, limit) for label in LABELS)
        if well and (not times or min(times) > limit):
            yield f"{device.name} lost power at {off:.2f}, told at {times}"


@promise
def the_survivor_says_that_it_is_alone(run: Evidence) -> Iterable[str]:
    if run.plan.refuses:
        return
    for act in run.world.befell:
        for label, peer in (LABELS, LABELS[::-1]):
            gone = act.what in ("crash", "stall") and act.who == peer
            apart = act.what in CUTS and {act.who, act.whom} == set(LABELS)
            limit = act.at + ALONE + MARGIN
            said = any(_apart_since(run, act.at) - LAST <= at <= limit for at in run.peer_lost_told)
            long = act.seconds > ALONE and run.untroubled(label, act.at - LAST, limit)
            if (gone or apart) and long and not said:
                yield f"{label}: {act}"


LAST = ALONE  # s; the peer may have been lost before


def _apart_since(run: Evidence, at: float) -> float:
    """When what keeps them apart then began, if one thing followed upon another before they could meet again."""
    for act in sorted(run.world.befell, key=lambda one: -one.at):
        if act.what in (*CUTS, "crash", "stall") and act.at < at <= act.at + act.seconds + LAST:
            at = act.at
    return at


@promise
def in_the_end_all_is_well(run: Evidence) -> Iterable[str]:
    """Losses of what is back are over, at both."""
    on = {device.name for device in run.world.devices if device.switched_off_at is None}
    for label in LABELS:
        for alarm in run.alarms[label].values():
            if alarm.state is AlarmState.CLEARED or alarm.kind is AlarmKind.MOTION:
                continue
            if alarm.kind in (AlarmKind.PEER_LOST, AlarmKind.PATH_LOST) or run.lost_by(alarm) <= on:
                yield f"{label}: {alarm.kind} {alarm.identity} is open: {alarm.text}"
