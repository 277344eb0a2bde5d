"""What people may see of the rendezvous under way."""

from dataclasses import dataclass

from alarmd.core.meeting_lifecycle import MeetingState
from alarmd.core.meetings import Meeting
from alarmd.core.state import State


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """session: its id, in hexadecimal. port: at the device, 0: its LFCP. since: wall µs. established: both sides have
    taken it. relayed_bytes: through this server; what goes directly nobody counts."""

    session: str
    operator: str
    device: str
    port: int
    since: int
    established: bool
    relayed_bytes: int


def connections(state: State) -> list[ConnectionView]:
    """The oldest first."""
    return [_connection(meeting) for meeting in state.meetings.by_id.values()]


def _connection(meeting: Meeting) -> ConnectionView:
    operator, device = (side.session.device.name for side in meeting.sides)
    return ConnectionView(
        session=f"{meeting.id:x}",
        operator=operator,
        device=device,
        port=meeting.request.port,
        since=meeting.began,
        established=meeting.state is MeetingState.MET,
        relayed_bytes=meeting.relayed_bytes,
    )
