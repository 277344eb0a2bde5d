"""Everything that tells people, built and connected: destinations, the worker of the outbox, who listens to answers."""

import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from alarmd.adapters.local_time import local_time
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.config import Config
from alarmd.core import standby
from alarmd.core.state import State
from alarmd.metrics import Metrics
from alarmd.picture_house import PictureHouse
from alarmd.relays.delivery_worker import DeliveryWorker
from alarmd.relays.desk import Desk, Listens
from alarmd.relays.emergency_outbox import EmergencyOutbox
from alarmd.relays.lane import House
from alarmd.relays.listening import listen_while
from alarmd.storage.interface import EventFilter, StoredAlarm, StoredEvent


class OutboxHouse:
    """read_events: asks the database in a thread of its own."""

    def __init__(
        self,
        config: Config,
        storage: OpenStorage,
        runner: TurnRunner,
        state: State,
        metrics: Metrics,
        emergency: EmergencyOutbox,
        pictures: PictureHouse,
        read_events: Callable[[EventFilter], Awaitable[list[StoredEvent]]],
    ) -> None:
        self._state = state
        desk = Desk(
            label=config.server.label,
            submit=runner.submit_request,
            read_events=read_events,
            state=state,
            now=now,
            local=partial(local_time, state),
            moved=storage.reader.moved,
            archive=pictures.archive,
            film=pictures.day_films.make,
        )
        self._relays = {name: one.relay(name, desk) for name, one in config.used().items()}
        house = House(
            store=storage.store,
            call_store=storage.call,
            emergency=emergency,
            abandoned=lambda abandoned: runner.submit(abandoned, now()),
            settled=(lambda settled: runner.submit(settled, now())) if state.settings.pair else None,
            live_alarm=self._live_alarm,
            metrics=metrics,
            now=now,
            owner=storage.owner,
            jitter=random.random,
        )
        self._worker = DeliveryWorker(self._relays, house)

    def work(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What runs as long as the server does, by name."""
        listening = ((f"answers from {name}", relay) for name, relay in self._relays.items())
        speaks = partial(standby.speaks, self._state)
        listen = {
            name: partial(listen_while, speaks, relay.listen) for name, relay in listening if isinstance(relay, Listens)
        }
        return {"deliveries": self._worker.run, **listen}

    def left_alone(self) -> list[str]:
        """Destinations that take no messages."""
        return self._worker.left_alone()

    async def stop(self, seconds: float) -> None:
        """Let the tries under way end, for so long."""
        await self._worker.stop(seconds)

    def _live_alarm(self, alarm_id: int) -> StoredAlarm | None:
        alarm = self._state.alarms.get(alarm_id)
        return None if alarm is None else StoredAlarm.live(self._state, alarm)
