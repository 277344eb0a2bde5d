"""The rules alone, under a clock of the bench's own: what a heartbeat costs them, and when a loss is told."""

import gc
import heapq
import time
from random import Random

from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import CacheHeartbeat, Effect, RecordEvent
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import FrameReceived, HeartbeatsRepeated
from alarmd.core.instant import SECOND
from bench import fleet
from bench.results import Result
from bench.rules import BATCH, INTERVAL, START, Rules, at

PART = "supervision"
SMALL, LARGE = 1_000, 100_000  # devices
HEARTBEATS = 400_000
COST_MAY_GROW = 1.5  # times, over a hundredfold number of devices: room for cache misses, none for a search
LOSSES = 1_000
LOSS_WITHIN = 1.0  # s from the configured limit, before or after
SEED = 20_251_121


def cached_sessions(rules: Rules, devices: int) -> list[DeviceSession]:
    """Each device's, after a first heartbeat that the listener may answer from its cache from now on."""
    sessions = []
    for number in range(devices):
        frame = FrameReceived(fleet.heartbeat_of(number), fleet.path_of(number))
        cached = [e for e in rules.engine.handle(frame, START) if isinstance(e, CacheHeartbeat)]
        sessions.append(cached[0].session)
    return sessions


def cost(devices: int, heartbeats: int) -> float:
    """CPU µs of the rules for each heartbeat, timers included, as the listener's cache hands them over."""
    rules = Rules(devices)
    sessions = cached_sessions(rules, devices)
    circle = sessions + sessions[:BATCH]
    step = INTERVAL * BATCH / devices
    gc.collect()
    gc.freeze()  # as the server does once it has loaded
    began, place, now = time.process_time(), 0, 0.0
    for _ in range(heartbeats // BATCH):
        rules.advance(now)
        rules.engine.handle(HeartbeatsRepeated(circle[place : place + BATCH]), at(now))
        place = (place + BATCH) % devices
        now += step
    spent = time.process_time() - began
    gc.unfreeze()
    return spent / heartbeats * 1e6


def parse_cost(devices: int, heartbeats: int) -> float:
    """The same for heartbeats that the cache does not know: decoded, looked up and answered one by one."""
    rules = Rules(devices)
    cached_sessions(rules, devices)
    frames = [FrameReceived(fleet.heartbeat_of(n), fleet.path_of(n)) for n in range(devices)]
    began = time.process_time()
    for beat in range(heartbeats):
        now = INTERVAL * beat / devices
        rules.advance(now)
        rules.engine.handle(frames[beat % devices], at(now))
    return (time.process_time() - began) / heartbeats * 1e6


def loss_errors(losses: int) -> list[float]:
    """Seconds from the moment a loss had to be told to the event, for devices that fall silent one after another
    while as many stay; below 0: told early."""
    random = Random(SEED)
    rules = Rules(2 * losses)
    sessions = cached_sessions(rules, 2 * losses)
    silent = {n: random.uniform(0, 10 * INTERVAL) for n in range(losses)}
    until = 10 * INTERVAL + 2 * fleet.REPORT_WITHIN
    beats = [(random.uniform(0, INTERVAL), n) for n in range(2 * losses)]
    heapq.heapify(beats)
    last: dict[int, float] = {}
    errors: list[float] = []
    while beats:
        now, number = heapq.heappop(beats)
        errors += _errors(rules.advance(now), last)
        rules.engine.handle(HeartbeatsRepeated([sessions[number]]), at(now))
        last[number] = now
        later = now + random.uniform(0.8, 1.2) * INTERVAL
        if later < silent.get(number, until):
            heapq.heappush(beats, (later, number))
    return errors


def _errors(effects: list[Effect], last: dict[int, float]) -> list[float]:
    told = [e.event for e in effects if isinstance(e, RecordEvent) and e.event.kind == EventKind.CONTACT_LOST]
    return [
        (event.received_at - START.wall) / SECOND - last[event.device_id - 1] - fleet.REPORT_WITHIN
        for event in told
        if event.device_id is not None
    ]


def measure(rounds: int, heartbeats: int = HEARTBEATS, losses: int = LOSSES) -> list[Result]:
    """Alternating rounds; the best of each, since only other work on the machine makes one slower."""
    pairs = [(cost(SMALL, heartbeats), cost(LARGE, heartbeats)) for _ in range(rounds)]
    small, large = (min(column) for column in zip(*pairs, strict=True))
    parsed = parse_cost(SMALL, heartbeats // 4)
    errors = loss_errors(losses)
    if len(errors) != losses:
        raise RuntimeError(f"{losses} devices fell silent, {len(errors)} losses were told")
    worst = max(abs(error) for error in errors)
    return [
        Result(PART, f"rules, a heartbeat from the cache, {SMALL:,} devices", small, "µs"),
        Result(PART, f"rules, a heartbeat from the cache, {LARGE:,} devices", large, "µs"),
        Result(PART, "the second to the first", large / small, "", at_most=COST_MAY_GROW),
        Result(PART, "rules, a heartbeat parsed", parsed, "µs"),
        Result(PART, f"loss told, {losses:,} devices, from the limit at most", worst, "s", at_most=LOSS_WITHIN),
    ]
