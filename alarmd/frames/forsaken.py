"""Pictures that have to go although a destination waits for them: their deliveries are settled with them and told
together, or a bucket that was away for weeks would answer with an event for each."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from alarmd.core.inputs import DeliveryAbandoned
from alarmd.core.instant import Instant

TELL_EVERY = 3600.0  # s between two events of one destination
REASON = "deleted from the archive to make room before it could be delivered"

_log = structlog.get_logger(__name__)


class Forsaken:
    """drop_attached: the store's, on the database's writer; raises StorageError. tell: takes the input of the rules."""

    def __init__(
        self,
        drop_attached: Callable[[Sequence[str], int, str], Awaitable[Mapping[str, int]]],
        tell: Callable[[DeliveryAbandoned], None],
        now: Callable[[], Instant],
    ) -> None:
        self._drop_attached = drop_attached
        self._tell = tell
        self._now = now
        self._untold: Counter[str] = Counter()
        self._told = -TELL_EVERY  # monotonic s

    async def give_up(self, keys: Sequence[str]) -> None:
        """Their files are gone."""
        self._untold.update(await self._drop_attached(keys, self._now().wall, REASON))

    def tell(self) -> None:
        """What was given up since the last time, once an hour at most."""
        mono = self._now().mono
        if not self._untold or mono - self._told < TELL_EVERY:
            return
        for destination, count in sorted(self._untold.items()):
            _log.error("pictures went before a destination took them", destination=destination, deliveries=count)
            self._tell(DeliveryAbandoned(f"{count} with a picture", destination, None, REASON))
        self._untold.clear()
        self._told = mono
