"""What a peer does not have yet, of the store in memory: what replication_queries.py answers from a database."""

from collections.abc import Generator, Iterator, Mapping
from itertools import islice
from typing import Any

from alarmd.core.records import Told
from alarmd.storage.interface import Vector
from alarmd.storage.memory_store import MemoryStore
from alarmd.storage.memory_tables import MemoryTables
from alarmd.storage.tables import REPLICATED


def vector(store: MemoryStore) -> Vector:
    stamps = {kind: store.tables.by_name[table.name].stamps() for kind, table in REPLICATED.items()}
    return {(kind, origin): stamp for kind, found in stamps.items() for origin, stamp in found.items() if stamp > 0}


def changes(store: MemoryStore, since: Vector, page: int) -> Generator[tuple[Told, ...], None, None]:
    with store.lock:
        told = iter([each for kind in REPLICATED for each in _newer(store, kind, since)])
    while found := tuple(islice(told, page)):
        yield found


def _newer(store: MemoryStore, kind: str, since: Vector) -> Iterator[Told]:
    kept = store.outbox.tellable() if kind == "delivery" else store.tables.by_name[REPLICATED[kind].name].kept.values()
    devices = store.tables.by_name["devices"].kept
    newer = [each for each in kept if each.hlc > since.get((kind, each.origin), 0) and _is_told(kind, each, devices)]
    for record in sorted(newer, key=lambda each: (each.origin, each.hlc)):
        yield Told(record, **_names(store.tables, record))


def _is_told(kind: str, record: Any, devices: Mapping[int, Any]) -> bool:
    return kind not in ("key", "camera") or devices[record.device_id].forgotten_at is None


def _names(tables: MemoryTables, record: Any) -> dict[str, str | None]:
    """Of what its ids name."""
    found = {}
    for name in ("device", "zone", "site"):
        named = tables.by_name[f"{name}s"].kept.get(getattr(record, f"{name}_id", None))
        found[name] = named.name if named is not None else None
    return found
