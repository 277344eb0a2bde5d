"""Which of the two servers acts: the preferred one speaks, the other waits its turn and speaks if nobody did.

Fail open: a server that has no link to its peer acts as if it were alone. Twice beats never.
"""

from alarmd.core.device_session import DeviceSession
from alarmd.core.instant import SECOND
from alarmd.core.records import Delivery, Presence
from alarmd.core.state import State
from lfcp.constants import Verb

UNHEARD = frozenset({Presence.LATE, Presence.LOST, Presence.ELSEWHERE})


def speaks(state: State) -> bool:
    """Whether this server tells the alarms, and listens to what people answer, at once."""
    pair = state.settings.pair
    return pair is None or not state.peer_met or pair.preferred == state.settings.label


def due(state: State, wall: int) -> int:
    """When this server tells what there is to tell now, wall µs."""
    pair = state.settings.pair
    return wall if pair is None or speaks(state) else wall + round(pair.voice_delay * SECOND)


def due_of_copy(state: State, delivery: Delivery, wall: int) -> int:
    """When this server tells what the peer made, wall µs. What the peer made while it was alone, it tells at once."""
    pair = state.settings.pair
    if pair is None or delivery.due_at > delivery.created_at:
        return due(state, wall)
    return wall + round(pair.voice_delay * SECOND)


def apart(state: State) -> bool:
    """Whether the peer may want something else of a device, and say so. Only a signed device tells by a version whose
    wish is newer, see wanted_state.compare; of another one nothing is corrected by what it reports."""
    return state.settings.pair is not None and not state.peer_met


def copies(state: State, verb: str) -> bool:
    """Whether the ACK of such a message waits for the peer's copy, and says so."""
    return state.peer_met and verb == Verb.MOAL


def serves(state: State, session: DeviceSession) -> bool:
    """Whether this server sends the device its commands and asks it for pictures: the one that hears it does. Of two
    that hear it, or do not, the preferred one: a device without a key would do everything twice."""
    here = session.path is not None and session.presence not in UNHEARD
    if here is (session.device.name in state.peer_hears):
        return speaks(state)
    return here
