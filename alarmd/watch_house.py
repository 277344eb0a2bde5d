"""Who watches the watchman: the dead man's ping and the daily proof, built and connected as far as they are wanted."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from alarmd.adapters.daily_proof import DailyProof
from alarmd.adapters.dead_man_ping import DeadManPing
from alarmd.adapters.drill.places import from_here
from alarmd.adapters.drill.walk import Places, walk
from alarmd.adapters.local_time import local_time
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.config import Config
from alarmd.core.inputs import ProofEnded
from alarmd.core.state import HOME
from alarmd.outbox_house import OutboxHouse
from alarmd.web.dependencies import Dependencies
from alarmd.web.health import problems


class WatchHouse:
    def __init__(self, config: Config, house: Dependencies, runner: TurnRunner, outbox: OutboxHouse) -> None:
        self._config = config
        self._house = house
        self._runner = runner
        self._outbox = outbox
        self._blind = house.state.blind

    def work(self, lfcp: tuple[str, int]) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What runs as long as the server does, by name. lfcp: where devices on this machine reach it."""
        watch = self._config.watch
        work: dict[str, Callable[[], Awaitable[None]]] = {}
        if url := watch.ping_url.get_secret_value():
            work["ping"] = DeadManPing(url, watch.ping_every, self._fault).run
        if watch.daily_proof:
            drill = partial(walk, Places(self._config.control_socket, from_here(*lfcp)))
            work["daily proof"] = DailyProof(watch.daily_proof, self._time_at_home, drill, self._proved).run
        return work

    def _time_at_home(self) -> datetime:
        home = self._house.state.zone_named(HOME)
        return local_time(self._house.state, home.id if home else None, now().wall)

    def _proved(self, ended: ProofEnded) -> None:
        self._runner.submit(ended, now())

    async def _fault(self) -> str:
        """What keeps this server from its job; empty: nothing. To have stood still is told once."""
        found = await problems(self._house)
        found += [f"{name} takes no messages" for name in self._outbox.left_alone()]
        blind, self._blind = self._house.state.blind - self._blind, self._house.state.blind
        if blind:
            found.append(f"this server stood still for {blind:.0f} s")
        return "; ".join(found)
