"""Which attempt runs, and what the two sides tell each other about it by HELLO, through the server."""

import math
from collections.abc import Callable, Mapping

from lfcp.candidates import Address
from lfcp.client.attempts import Attempt, FirstAttempt, SecondAttempt
from lfcp.client.birthday import birthday
from lfcp.client.direct_path import DirectPath
from lfcp.client.hello import Delivery, Hello, Turn
from lfcp.client.nomination import Nominator
from lfcp.client.probing import PUNCHING
from lfcp.client.punching_steps import LFCP_SOCKET, PathChanged, Relay, Step
from lfcp.client.rounds import LEAST_PAUSE, Rounds
from lfcp.client.side import BIRTHDAY, FIRST, SECOND, Side
from lfcp.tunnel import Kind as Datagram
from lfcp.tunnel import Outbound

_ATTEMPTS: Mapping[int, Callable[[Side, Turn, float], Attempt]] = {
    FIRST: FirstAttempt,
    SECOND: SecondAttempt,
    BIRTHDAY: birthday,
}


class Meeting:
    """Role 0 leads: it begins attempts; role 1 begins one when it hears of it."""

    def __init__(
        self, side: Side, path: DirectPath, nominator: Nominator, outbound: Outbound, steps: list[Step], now: float
    ) -> None:
        self.attempt: Attempt = FirstAttempt(side, Turn(1, FIRST), now, side.invitation.delay)
        self._side = side
        self._path = path
        self._nominator = nominator
        self._outbound = outbound
        self._steps = steps
        self._rounds = Rounds(now) if side.invitation.role == 0 else None
        self._delivery = Delivery()
        self._said: Turn | None = None  # in one's own HELLO
        self._theirs: Hello | None = None  # the newest that was heard
        self._over = False  # the attempt is, and nothing was found
        self._round_at = now  # when the round began

    @property
    def round_trip(self) -> float | None:
        """Through the server, s."""
        return self._delivery.round_trip

    def heard(self, hello: Hello, now: float) -> None:
        self._theirs = hello
        if self._rounds is None and self._may_begin(hello.turn, now):
            if self._path.leave():  # role 0 has none any more, or it would not search
                self._steps.append(PathChanged(None, None, self.round_trip))
            self._begin(hello.turn, now)
        if hello.turn == self.attempt.turn and now < self.attempt.ends:
            self.attempt.heard(hello, now)

    def answers(self, counter: int, now: float) -> bool:
        """Whether that answers one's own HELLO."""
        if not self._delivery.heard_answer(counter, now):
            return False
        if self._said == self.attempt.turn:
            self.attempt.answered()
        return True

    def opened(self, socket: int, addresses: tuple[Address, ...], now: float) -> None:
        self._side.sockets.opened(socket, addresses)
        if now < self.attempt.ends:
            self.attempt.opened(socket, now)

    def server_saw(self, socket: int, address: Address, now: float) -> None:
        if now < self.attempt.ends:
            self.attempt.server_saw(socket, address, now)

    def settle(self) -> None:
        """There is a direct path."""
        if self._rounds is not None:
            self._rounds.settle()

    def poll(self, now: float) -> None:
        if now >= self.attempt.ends + PUNCHING:
            self._side.sockets.close_but(self._path.socket)
        if self._path.pair is None:
            self._search(now)
        self._tell(now)

    def next_wakeup(self) -> float:
        due = self._delivery.next_wakeup()
        if self._side.sockets.any_but(self._path.socket):
            due = min(due, self.attempt.ends + PUNCHING)
        return due if self._path.pair is not None else min(due, self._next_of_search())

    def _search(self, now: float) -> None:
        self._over = now >= self.attempt.ends
        if not self._over:
            self.attempt.poll(now)
        elif self._rounds is not None and not self._nominator.busy:
            attempts = self._side.attempts(self.attempt.turn.round, self._theirs)
            turn = self._rounds.following(self.attempt.turn, attempts, now)
            if turn is not None:
                self._begin(turn, now)

    def _next_of_search(self) -> float:
        if not self._over:
            return min(self.attempt.next_wakeup(), self.attempt.ends)
        if self._rounds is None or self._nominator.busy:
            return math.inf
        return self._rounds.next_wakeup(self.attempt.turn)

    def _may_begin(self, turn: Turn, now: float) -> bool:
        """Who leads must not make this side send without pause: some addresses to try are of his choice."""
        is_early = turn.round > self.attempt.turn.round and now < self._round_at + LEAST_PAUSE
        allowed = turn.attempt != BIRTHDAY or BIRTHDAY in self._side.attempts(turn.round, self._theirs)
        return turn > self.attempt.turn and allowed and not is_early

    def _begin(self, turn: Turn, now: float) -> None:
        self._over = False
        self._round_at = now if turn.round > self.attempt.turn.round else self._round_at
        self._side.prober.checks.clear()
        self._side.sockets.close_but(LFCP_SOCKET)
        self.attempt = _ATTEMPTS[turn.attempt](self._side, turn, now)

    def _tell(self, now: float) -> None:
        if self._said != self.attempt.turn and self.attempt.candidates is not None:
            own = self._side.own
            self._said = self.attempt.turn
            self._delivery.say(Hello(self._said, own.mapping, own.many_sockets, self.attempt.candidates), now)
        if self._delivery.due(now):
            self._steps.append(Relay(self._outbound.seal(Datagram.HELLO, self._delivery.text)))
            self._delivery.sent(self._outbound.counter, now)
