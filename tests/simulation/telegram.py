"""What the operator reads, and who brings it there: a destination that takes its time, fails, and sometimes says that
it failed after it told. The worker keeps the order of relays/lane.py: claim, send, confirm, settled for the peer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from alarmd.core.effects import CopyDelivery, QueueDelivery, RetryDelivery
from alarmd.core.inputs import DeliverySettled
from alarmd.core.instant import SECOND
from alarmd.core.records import Delivery
from alarmd.relays.backoff import delay
from alarmd.relays.breaker import Breaker
from alarmd.relays.lane import DELIVERY_TIMEOUT, LEASE, POLL
from alarmd.storage.interface import Claim, Lease
from tests.simulation.company import WaitingTurn
from tests.simulation.network import TELEGRAM, Network
from tests.simulation.server import MAX_COMMIT, SimulatedServer
from tests.simulation.world import World

MAX_ANSWER = 0.4  # s that it takes
AT_ONCE = 12  # messages that a worker has under way
NEWS = (QueueDelivery, CopyDelivery, RetryDelivery)


@dataclass(frozen=True, slots=True)
class Told:
    at: float
    by: str
    delivery: Delivery


@dataclass
class SimulatedTelegram:
    """refuses, lies: parts of the messages that it does not take, and that it takes and says it does not."""

    world: World
    refuses: float = 0.0
    lies: float = 0.0
    told: list[Told] = field(default_factory=list)

    def take(self, by: str, delivery: Delivery) -> bool:
        """Whether it says that it told."""
        if self.world.random.random() < self.refuses:
            return False
        self.told.append(Told(self.world.now, by, delivery))
        self.world.note(
            f"the operator is told by {by}: {delivery.subject} of alarm {delivery.alarm_id}: {delivery.text}"
        )
        return self.world.random.random() >= self.lies


class SimulatedVoice:
    """The delivery worker of one server."""

    def __init__(self, server: SimulatedServer, network: Network, telegram: SimulatedTelegram) -> None:
        self.server = server
        self.network = network
        self.telegram = telegram

    def started(self) -> None:
        self._owner = f"{self.server.label}{self.server.life}"
        self._breaker = Breaker()
        self._under_way = 0
        self._looks = False

    def serves(self) -> None:
        self._poll()

    def died(self) -> None: ...

    def left(self) -> None: ...

    def doubled(self, turn: WaitingTurn) -> None: ...

    def stored(self, turn: WaitingTurn) -> None:
        if any(isinstance(effect, NEWS) for effect in turn.durable):
            self._look_soon()

    def _poll(self) -> None:
        self._look()
        self.server.later(POLL, self._poll)

    def _look_soon(self) -> None:
        if self.server.serves and not self._looks:
            self._looks = True
            self.server.later(0.001, self._look)

    def _look(self) -> None:
        self._looks = False
        now = self.server.instant()
        room = self._breaker.room(now.mono, self._under_way, AT_ONCE)
        if room:
            wish = Claim(self._owner, TELEGRAM, now, LEASE, room, room)
            for lease in self.server.store.claim_deliveries(wish):
                self._send(lease)

    def _send(self, lease: Lease) -> None:
        """It may arrive whatever becomes of the server, and be told although the answer is lost."""
        self._under_way += 1
        answered: list[bool] = []

        def answer(told: bool) -> None:
            if not answered:
                answered.append(told)
                self._under_way -= 1
                self._confirm(lease, told)
                self._look_soon()

        answers = {told: self.server.bound(partial(answer, told)) for told in (False, True)}
        self.server.world.at(self._while(), lambda: self._arrive(lease.delivery, answers))
        self.server.later(DELIVERY_TIMEOUT, partial(answer, False))

    def _while(self) -> float:
        return self.server.world.random.uniform(0.01, MAX_ANSWER)

    def _arrive(self, delivery: Delivery, answers: dict[bool, Callable[[], None]]) -> None:
        label = self.server.label
        if self.network.passes(label, TELEGRAM):
            told = self.telegram.take(label, delivery)
            if self.network.passes(TELEGRAM, label):
                self.server.world.at(self._while(), answers[told])

    def _confirm(self, lease: Lease, told: bool) -> None:
        identity, now, chance = lease.delivery.identity, self.server.instant(), self.server.world.random
        if told:
            self._breaker.answered()
            self.server.store.finish_delivery(identity, self._owner, now.wall)
            self.server.later(chance.uniform(0.0005, MAX_COMMIT), lambda: self.server.handle(DeliverySettled(identity)))
            return
        self._breaker.failed(now.mono, chance.random())
        due = now.wall + round(delay(lease.attempt, chance.random()) * SECOND)
        self.server.store.retry_delivery(identity, self._owner, due, "no answer", uncertain=True)
