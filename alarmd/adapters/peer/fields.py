"""The fields of each kind of record that the servers of a pair exchange: how they are written, what they may hold."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from alarmd.core.records import (
    Alarm,
    Camera,
    Command,
    Delivery,
    Device,
    DeviceKey,
    Event,
    Mark,
    Replicated,
    Site,
    Zone,
)

MAX_INTEGER = 2**63  # what a database keeps


class Refused(Exception):  # noqa: N818  of a record: it says why
    """`field: what is wrong`; without the value, which may be a secret."""


Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind. readers: by field, what checks its value. defaults: of fields that may be missing. secrets: fields that
    never go unsealed. identity: fields that say which record it is."""

    kind: str
    make: Callable[..., Replicated]
    readers: Mapping[str, Read]
    defaults: Mapping[str, Any]
    secrets: tuple[str, ...]
    identity: tuple[str, ...]

    def plain(self, record: Replicated) -> dict[str, Any]:
        """Everything but what is never in the clear and what is None."""
        values = ((name, getattr(record, name)) for name in self.readers if name not in _ALWAYS_SEALED)
        return {name: value for name, value in values if value is not None}

    def read(self, values: Mapping[str, Any]) -> Replicated:
        """Raises Refused."""
        defaults = self.defaults
        try:
            found = [read(values[n] if n in values else defaults[n]) for n, read in self.readers.items()]
        except (KeyError, ValueError, TypeError):
            raise Refused(self._fault(values)) from None
        return self.make(*found)

    def bound_to(self, values: Mapping[str, Any], device: str | None) -> bytes:
        """What a secret of this record is sealed for."""
        whose = ("alarmd pair", self.kind, device or "", *(str(values.get(one)) for one in self.identity))
        return ",".join(whose).encode("utf-8", "backslashreplace")

    def _fault(self, values: Mapping[str, Any]) -> str:
        """Of the first field that is wrong. Looked for only now: nearly every record is right."""
        for name, read in self.readers.items():
            if name not in values and name not in self.defaults:
                return f"{name}: missing"
            try:
                read(values.get(name, self.defaults.get(name)))
            except (ValueError, TypeError):
                return f"{name}: not what this version of alarmd knows"
        raise AssertionError("every field is right after all")


_ALWAYS_SEALED = ("secret", "pull_url")


def _integer(value: Any) -> int:
    if type(value) is not int or not -MAX_INTEGER <= value < MAX_INTEGER:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _text(value: Any) -> str:
    """No lone surrogates, and no NUL, which PostgreSQL has no place for."""
    if type(value) is not str or "\0" in value:
        raise ValueError
    if not value.isascii():
        value.encode()
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        raise ValueError
    return tuple(map(_text, value))


def _bytes(value: Any) -> bytes:
    """Only from what was sealed: JSON has none."""
    if type(value) is not bytes:
        raise ValueError
    return value


def _member(of: type[StrEnum]) -> Read:
    members = {member.value: member for member in of}

    def read(value: Any) -> StrEnum:
        if type(value) is not str or value not in members:
            raise ValueError
        return members[value]

    return read


_READERS: dict[Any, Read] = {int: _integer, float: _number, bool: _flag, str: _text, bytes: _bytes}


def _reader(hint: Any) -> tuple[Read, bool]:
    """For a type; and whether None is of it."""
    if get_origin(hint) is UnionType:
        (inner,) = (one for one in get_args(hint) if one is not NoneType)
        read = _reader(inner)[0]
        return lambda value: None if value is None else read(value), True
    if get_origin(hint) is tuple:
        return _texts, False
    if hint in _READERS:
        return _READERS[hint], False
    return _member(hint), False


def _shape(kind: str, of: type, identity: tuple[str, ...] = (), secrets: tuple[str, ...] = ()) -> Shape:
    hints = get_type_hints(of)
    readers = {one.name: _reader(hints[one.name]) for one in fields(of)}
    defaults: dict[str, Any] = {name: None for name, (_, may_be_none) in readers.items() if may_be_none}
    defaults |= {one.name: one.default for one in fields(of) if one.default is not MISSING}
    return Shape(kind, of, {name: read for name, (read, _) in readers.items()}, defaults, secrets, identity)


_SHAPES = (
    _shape("site", Site),
    _shape("zone", Zone),
    _shape("device", Device),
    _shape("key", DeviceKey, ("epoch",), ("secret",)),
    _shape("camera", Camera, (), ("pull_url",)),
    _shape("mark", Mark),
    _shape("alarm", Alarm),
    _shape("command", Command, ("identity",), ("params",)),
    _shape("event", Event),
    _shape("delivery", Delivery),
)
KINDS: Mapping[str, Shape] = {shape.kind: shape for shape in _SHAPES}
_KIND_OF: Mapping[type, str] = {cast(type, shape.make): shape.kind for shape in _SHAPES}


def kind_of(record: Replicated) -> str:
    return _KIND_OF[type(record)]
