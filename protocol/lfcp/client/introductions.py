"""Who is to be met: invitations, each told once and answered as often as it comes, and requests for a session."""

import math
from collections import OrderedDict, deque

from lfcp.client.commands import OwedAck
from lfcp.client.events import ConnectionAccepted, ConnectionRefused, Invited
from lfcp.client.heard import ConnectRequest, RequestAnswered, Summoned
from lfcp.client.invitations import is_reason
from lfcp.constants import HEARTBEAT_AGAIN_MS, HEARTBEAT_AGAINS, RendezvousReason
from lfcp.messages import UNUSED

MAX_INVITATIONS = 16  # remembered; a device has 2 sessions at a time, an operator 4
MAX_REQUESTS = 8  # that have no answer yet
FIRST_AGAIN = 0.5  # s; then as heartbeats


class _Invitation:
    __slots__ = ("answer", "counter")

    def __init__(self) -> None:
        self.counter = 0  # of the newest copy
        self.answer: str | None = None  # None: not given yet; "": taken; else why it is refused


class _Sending:
    __slots__ = ("due", "sends")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.due = -math.inf
        self.sends = 0

    def sent(self, now: float) -> None:
        wait = FIRST_AGAIN if self.sends == 0 else HEARTBEAT_AGAIN_MS / 1000 * math.pow(2, self.sends - 1)
        self.sends += 1
        self.due = math.inf if self.sends > HEARTBEAT_AGAINS + 1 else now + wait


class Introductions:
    """acks: where the ACKs of invitations are put. Times are monotonic seconds."""

    __slots__ = ("_acks", "_invitations", "_numbered", "_requests", "_unproven")

    def __init__(self, acks: deque[OwedAck]) -> None:
        self._acks = acks
        self._invitations: OrderedDict[tuple[str, int], _Invitation] = OrderedDict()
        self._requests: OrderedDict[int, tuple[ConnectRequest, _Sending]] = OrderedDict()
        self._unproven: set[int] = set()  # requests that came too early once
        self._numbered = 0

    def connect(self, server: str, device: str, port: int, options: str) -> int:
        """The request's number. The oldest of too many is given up."""
        self._numbered += 1
        request = ConnectRequest(self._numbered, server, device, port, options)
        self._requests[request.number] = request, _Sending()
        if len(self._requests) > MAX_REQUESTS:
            self._drop(next(iter(self._requests)))
        return request.number

    def asks(self, number: int) -> bool:
        """Whether the request may be answered still and is sent again."""
        return number in self._requests

    def poll(self, server: str, now: float) -> list[ConnectRequest]:
        """What to send now."""
        due = [each for each in self._requests.values() if each[0].server == server and each[1].due <= now]
        for _, sending in due:
            sending.sent(now)
        return [request for request, _ in due]

    def next_wakeup(self, server: str) -> float:
        of_server = (sending.due for request, sending in self._requests.values() if request.server == server)
        return min(of_server, default=math.inf)

    def answered(self, answer: RequestAnswered) -> list[ConnectionAccepted | ConnectionRefused]:
        """A request that came before its path was proven is sent again, once."""
        request = answer.request
        if request.number not in self._requests:
            return []
        if (
            answer.reason == RendezvousReason.UNPROVEN
            and answer.session is None
            and request.number not in self._unproven
        ):
            self._unproven.add(request.number)
            self._requests[request.number][1].restart()
            return []
        self._drop(request.number)
        if answer.session is None:
            return [ConnectionRefused(request.server, request.number, answer.reason)]
        return [ConnectionAccepted(request.server, request.number, answer.session)]

    def summoned(self, summons: Summoned) -> list[Invited]:
        invited = summons.invited
        place = invited.server, invited.session
        news = place not in self._invitations
        invitation = self._invitations.setdefault(place, _Invitation())
        invitation.counter = summons.counter
        if len(self._invitations) > MAX_INVITATIONS:
            self._invitations.popitem(last=False)
        if invitation.answer is not None:
            self._acknowledge(place, invitation)
        return [invited] if news else []

    def answer(self, server: str, session: int, why_not: str = "") -> None:
        """why_not: a code; "": it is taken. Raises ValueError, also for one told so long ago that it is forgotten."""
        if why_not and not is_reason(why_not):
            raise ValueError("a reason is a word of a-z, 0-9 and _")
        invitation = self._invitations.get((server, session))
        if invitation is None:
            raise ValueError(f"no invitation to session {session:x} of server {server}")
        invitation.answer = why_not
        self._acknowledge((server, session), invitation)

    def _acknowledge(self, place: tuple[str, int], invitation: _Invitation) -> None:
        server, session = place
        why = invitation.answer
        self._acks.append(OwedAck(server, invitation.counter, f"{session:x}", bool(why), why or UNUSED))

    def _drop(self, number: int) -> None:
        del self._requests[number]
        self._unproven.discard(number)
