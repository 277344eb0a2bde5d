"""One function for each kind of effect that leaves the house."""

from collections.abc import Callable
from typing import Any

from alarmd.adapters.flow_cache import FlowCache
from alarmd.adapters.log_sampling import RejectedFrames
from alarmd.adapters.sockets import Sockets
from alarmd.core.effects import (
    CacheHeartbeat,
    CloseConnection,
    EvictHeartbeat,
    FetchPicture,
    Performed,
    RejectFrame,
    SendFrame,
    TakePart,
    TellPeer,
)
from alarmd.core.paths import Path


class EffectPerformer:
    """perform(effect) never raises on what the network does. Answers to operators are the turn runner's.
    fetch: asks a camera for a picture; returns at once. tell_peer: so does this."""

    def __init__(
        self,
        sockets: Sockets,
        flow_cache: FlowCache,
        rejected: RejectedFrames,
        fetch: Callable[[FetchPicture], None],
        tell_peer: Callable[[TellPeer], None],
    ) -> None:
        self._sockets = sockets
        self._flow_cache = flow_cache
        self._rejected = rejected
        self._table: dict[type[Any], Callable[[Any], None]] = {
            SendFrame: self._send,
            CloseConnection: self._close,
            RejectFrame: self._reject,
            CacheHeartbeat: self._cache,
            EvictHeartbeat: self._evict,
            FetchPicture: fetch,
            TakePart: self._take,
            TellPeer: tell_peer,
        }

    def perform(self, effect: Performed) -> None:
        self._table[type(effect)](effect)

    def stop_reading(self, path: Path) -> None:
        endpoint = self._sockets.get(path.socket)
        if endpoint is not None:
            endpoint.stop_reading(path)

    def _send(self, effect: SendFrame) -> None:
        endpoint = self._sockets.get(effect.path.socket)
        if endpoint is not None:  # else the connection closed meanwhile; its peer asks again
            endpoint.send(effect.path, effect.payload)

    def _close(self, effect: CloseConnection) -> None:
        endpoint = self._sockets.get(effect.path.socket)
        if endpoint is not None:
            endpoint.close(effect.path)

    def _reject(self, effect: RejectFrame) -> None:
        self._rejected.tell(effect.path, effect.reason, effect.sample)

    def _cache(self, effect: CacheHeartbeat) -> None:
        endpoint = self._sockets.get(effect.path.socket)
        if endpoint is not None:
            endpoint.cache(effect)

    def _take(self, effect: TakePart) -> None:
        endpoint = self._sockets.get(effect.path.socket)
        if endpoint is not None:
            endpoint.take(effect)

    def _evict(self, effect: EvictHeartbeat) -> None:
        self._flow_cache.evict(effect.session)
