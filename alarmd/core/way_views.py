"""What people may see of a device's way to this server: docs/protocol.md, "Through NAT"."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from alarmd.core.device_session import DeviceSession
from alarmd.core.mappings import CERTAIN
from alarmd.core.paths import Stay, Way
from lfcp.candidates import Mapping

NOTHING_KNOWN = Way()


@dataclass(frozen=True, slots=True)
class WayView:
    """mapping, life (s, 0: not known), interval (s between heartbeats): as the device reports them; None: it does not.
    stated_interval: the longest one, s, that it is told. safe_interval: the longest one, s, that its mapping outlives
    for sure. fits: it beats often enough for its mapping and its report_within. round_trip: s. disputed: an address
    that was proven beside its own, for the moment; empty: none. stays: where it was, the present address last."""

    mapping: Mapping | None
    life: int | None
    interval: int | None
    stated_interval: int
    safe_interval: int | None
    fits: bool
    round_trip: float | None
    disputed: str
    stays: tuple[Stay, ...]


def way(session: DeviceSession, seen: int) -> WayView:
    """seen: wall µs of its last sign of life."""
    known, signed = session.way or NOTHING_KNOWN, session.signed
    doubt = signed.doubt if signed is not None else None
    return WayView(
        mapping=known.mapping,
        life=known.life,
        interval=known.interval,
        stated_interval=session.stated_interval,
        safe_interval=known.safe_interval,
        fits=fits(session),
        round_trip=signed.round_trip if signed is not None else None,
        disputed=str(doubt.path) if doubt is not None else "",
        stays=known.history(session.path, seen) if session.path is not None else (),
    )


def fits(session: DeviceSession) -> bool:
    known = session.way or NOTHING_KNOWN
    port_changes = known.port_changes if known.port_changed_at == session.seen else 0
    return max(known.unfit, port_changes) < CERTAIN


def mapping_counts(sessions: Iterable[DeviceSession]) -> Counter[Mapping]:
    """Devices that do not report it are unknown, too."""
    return Counter(((one.way or NOTHING_KNOWN).mapping or Mapping.UNKNOWN) for one in sessions)
