"""Records as the two servers of a pair write them to each other: pages of JSON, read strictly.

The two may run different versions for as long as an upgrade takes. So each field has its name: what a newer version
has more is ignored; what an older one has less is the field's default, or the record is refused and says which it was.
Secrets are sealed under the pair's key: a page that ends up in a log or a memory dump gives none away.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from alarmd.adapters.peer.fields import KINDS, Refused, Shape, kind_of
from alarmd.core.records import Camera, Command, DeviceKey, Told
from alarmd.storage.interface import is_secret
from alarmd.storage.vault import CannotOpenError, Vault

MAX_PAGE = 60_000  # bytes; AMP carries 65,535
MAX_RECORDS = 100  # in a page: merging them is one turn, and a heartbeat waits for its end

_NAMES = ("device", "zone", "site")
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Page(NamedTuple):
    """records: how many it stands for, with those that are too large to be told."""

    data: bytes
    records: int


class Reading(NamedTuple):
    """refused: for each record that makes no sense, which and why; without its values."""

    told: tuple[Told, ...]
    refused: tuple[str, ...]


class Wire:
    """vault: on the key that both servers of the pair have."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def pages(self, records: Iterable[Told]) -> Iterator[Page]:
        parts: list[bytes] = []
        size = count = 0
        for told in records:
            part = self._write(told)
            if parts and (size + len(part) + 2 > MAX_PAGE or count >= MAX_RECORDS):
                yield Page(b"[%b]" % b",".join(parts), count)
                parts, size, count = [], 0, 0
            if len(part) + 2 <= MAX_PAGE:
                parts.append(part)
                size += len(part) + 1
            count += 1
        if count:
            yield Page(b"[%b]" % b",".join(parts), count)

    def read(self, data: bytes) -> Reading:
        """Raises ValueError if it is no page at all."""
        try:
            page = json.loads(data)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(page, list):
            raise ValueError("a page is a list")
        told: list[Told] = []
        refused: list[str] = []
        for one in page:
            try:
                read = self._read(one)
            except Refused as reason:
                refused.append(str(reason))
            else:
                told += () if read is None else (read,)
        return Reading(tuple(told), tuple(refused))

    def _write(self, told: Told) -> bytes:
        record = told.record
        kind = kind_of(record)
        one: dict[str, Any] = {"kind": kind, "record": KINDS[kind].plain(record)}
        one |= {name: value for name in _NAMES if (value := getattr(told, name)) is not None}
        self._seal(told, one)
        return _dump(one).encode("utf-8", "backslashreplace")

    def _seal(self, told: Told, one: dict[str, Any]) -> None:
        record, bound_to = told.record, _bound_to(told)
        if isinstance(record, DeviceKey):
            one["sealed"] = {"secret": self._sealed(record.secret, bound_to)}
        elif isinstance(record, Camera):
            one["sealed"] = {"pull_url": self._sealed(record.pull_url.encode(), bound_to)}
        elif isinstance(record, Command) and is_secret(record):
            one["sealed"] = {"params": self._sealed(_dump(record.params).encode(), bound_to)}
            del one["record"]["params"]

    def _sealed(self, secret: bytes, bound_to: bytes) -> str:
        return b64encode(self._vault.seal(secret, bound_to)).decode()

    def _read(self, one: Any) -> Told | None:
        if not isinstance(one, dict) or not isinstance(one.get("record"), dict):
            raise Refused("a record is an object with a kind and a record")
        kind = one.get("kind")
        shape = KINDS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            return None
        names = {name: _name(one, name) for name in _NAMES}
        try:
            record = one["record"] | self._unsealed(shape, one) if "sealed" in one else one["record"]
            told = Told(shape.read(record), **names)
        except Refused as reason:
            raise Refused(f"{kind}.{reason}") from None
        return told

    def _unsealed(self, shape: Shape, one: dict[str, Any]) -> dict[str, Any]:
        """The fields that were sealed, as they are in the record."""
        sealed = one["sealed"]
        if not isinstance(sealed, dict):
            raise Refused("sealed: not an object")
        bound_to = shape.bound_to(one["record"], one.get("device"))
        return {name: self._open(name, value, bound_to) for name, value in sealed.items() if name in shape.secrets}

    def _open(self, name: str, value: Any, bound_to: bytes) -> Any:
        try:
            secret = self._vault.open(b64decode(value), bound_to)
            return _plain(name, secret)
        except (CannotOpenError, ValueError, TypeError):
            raise Refused(f"{name}: not sealed with the key of this pair") from None


def _bound_to(told: Told) -> bytes:
    """A secret that is copied to another record does not open there."""
    shape = KINDS[kind_of(told.record)]
    return shape.bound_to({name: getattr(told.record, name) for name in shape.identity}, told.device)


def _name(one: dict[str, Any], name: str) -> str | None:
    value = one.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(f"{name}: not a text")
    return value


def _plain(name: str, secret: bytes) -> Any:
    if name == "params":
        return json.loads(secret)
    return secret.decode() if name == "pull_url" else secret
