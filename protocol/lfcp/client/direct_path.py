"""The direct path that both sides have agreed on, as long as it is consented to."""

import math
from collections.abc import Callable

from lfcp.candidates import Kind
from lfcp.client.consent import Consent
from lfcp.client.probing import Pair, Prober
from lfcp.client.punching_steps import LFCP_SOCKET
from lfcp.tunnel import Kind as Datagram


class DirectPath:
    """pair, kind: None while there is none, and what is sent goes through the server. leads: role 0, which asks for
    consent with NOMINATE: should a NAT give it another port, the other side follows."""

    def __init__(self, prober: Prober, random: Callable[[], float], now: float, *, leads: bool) -> None:
        self.pair: Pair | None = None
        self.kind: Kind | None = None
        self.round_trip: float | None = None
        self._prober = prober
        self._asks = Datagram.NOMINATE if leads else Datagram.PROBE
        self._random = random
        self._consent = Consent(random, now)

    @property
    def socket(self) -> int:
        """The one in use."""
        return LFCP_SOCKET if self.pair is None else self.pair.socket

    def yields_to(self, kind: Kind) -> bool:
        """Whether another address of that kind may take its place: a worse one only where this one does not answer."""
        return self.kind is None or kind.rank <= self.kind.rank or self._consent.doubted

    def use(self, pair: Pair, now: float) -> bool:
        """Whether that is a change. The pair is a good one."""
        if pair == self.pair:
            return False
        check = self._prober.checks[pair]
        self.pair, self.kind, self.round_trip = pair, check.kind, check.round_trip
        self._consent = Consent(self._random, now)
        return True

    def leave(self) -> bool:
        """For the relay. Whether that is a change."""
        was, self.pair = self.pair, None
        self.kind = self.round_trip = None
        self._prober.rest()
        return was is not None

    def carried(self, pair: Pair | None, now: float) -> None:
        """DATA, one way or the other. pair: None: through the server."""
        if pair is not None and pair == self.pair:
            self._consent.used(now)

    def answered(self, pair: Pair, round_trip: float, now: float) -> None:
        """A probe of this pair was."""
        if pair == self.pair:
            self.round_trip = round_trip
            self._consent.answered(now)

    def poll(self, now: float) -> bool:
        """Asks for consent when that is due. True: it was lost, there is no direct path any more."""
        if self.pair is None:
            return False
        if self._consent.lost(now):
            self._prober.drop(self.pair)
            return self.leave()
        if self._consent.due(now):
            self._prober.ask(self._asks, self.pair, now)
        return False

    def next_wakeup(self) -> float:
        return math.inf if self.pair is None else self._consent.next_wakeup()
