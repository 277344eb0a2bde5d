"""What the two servers of a pair say to each other, as commands of AMP (Asynchronous Messaging Protocol, Twisted).

Why AMP: it answers each question on one connection in any order and in both directions, which is all that this needs;
its boxes name their fields, so that either side may know more of them than the other; and it comes with Twisted, on
whose TLS and reactor the rest of the server runs. It carries at most 65,535 bytes in a value, so records go in pages.
HTTP/2 or gRPC would be another library each, to carry the same two dozen fields.

A field that a later version adds must be optional; a command that it adds, never needed for what an older one can do.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from twisted.protocols.amp import Argument, Command, Integer, String, Unicode

from alarmd.storage.interface import Vector

OLDEST = 1  # versions of this conversation that this program speaks
NEWEST = 1
MAX_NAMES = 50_000  # bytes of devices' names in one Hears


_INTEGER, _TEXT, _BYTES = (cast(Argument, cast(Any, kind)()) for kind in (Integer, Unicode, String))


def _fields(**kinds: Argument) -> list[tuple[bytes, Argument]]:
    return [(name.encode(), kind) for name, kind in kinds.items()]


class RefusedError(Exception):
    """The two cannot work together; says why. The connection ends."""


class NotNowError(Exception):
    """Nothing of this page is promised; the same page may be told again later."""


class Hello(Command):
    """The first thing that each says. oldest, newest: versions spoken. wall: µs. vector: what is stored here, see
    Vector. last_alarm, last_command: ids. lfcp_port: where devices reach this server."""

    arguments = _fields(
        oldest=_INTEGER,
        newest=_INTEGER,
        label=_TEXT,
        program=_TEXT,
        vector=_BYTES,
        last_alarm=_INTEGER,
        last_command=_INTEGER,
        lfcp_port=_INTEGER,
    )
    response = _fields(wall=_INTEGER)
    errors = {RefusedError: b"REFUSED"}  # noqa: RUF012  Twisted's way


class Beat(Command):
    """Every now and then, so that silence means something."""

    arguments = _fields()
    response = _fields(wall=_INTEGER)


class Tell(Command):
    """A page of records, see Wire. number: counts up from 0; after a page that was refused the same one comes again.
    The answer means: stored."""

    arguments = _fields(number=_INTEGER, page=_BYTES)
    response = _fields(skipped=_INTEGER)
    errors = {NotNowError: b"NOT_NOW"}  # noqa: RUF012  as above


class Ask(Command):
    """What is stored at the other server now: it was told too much too quickly, and is told from the database again."""

    arguments = _fields()
    response = _fields(vector=_BYTES)


class Hears(Command):
    """Devices that are heard from now on, and that are no longer: two lists of names."""

    arguments = _fields(heard=_BYTES, unheard=_BYTES)
    response = _fields()


class CaughtUp(Command):
    """Everything that was stored here when this conversation began has been told, and is stored there."""

    arguments = _fields()
    response = _fields()


class Goodbye(Command):
    """A planned stop; nothing follows."""

    arguments = _fields()
    response = _fields()


def common_version(oldest: int, newest: int) -> int | None:
    """The highest version that both speak."""
    version = min(newest, NEWEST)
    return version if version >= max(oldest, OLDEST) else None


def write_vector(vector: Vector) -> bytes:
    return json.dumps([[kind, origin, stamp] for (kind, origin), stamp in vector.items()]).encode()


def read_vector(data: bytes) -> Vector:
    """Raises ValueError."""
    try:
        return {(str(kind), str(origin)): int(stamp) for kind, origin, stamp in json.loads(data)}
    except TypeError:
        raise ValueError("no vector") from None


def write_names(names: Iterable[str]) -> bytes:
    return json.dumps(list(names)).encode()


def read_names(data: bytes) -> tuple[str, ...]:
    """Raises ValueError."""
    names = json.loads(data)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("no list of names")
    return tuple(names)


def portions(heard: Mapping[str, bool]) -> Iterator[Mapping[str, bool]]:
    """As many names as fit into one Hears, again and again."""
    portion: dict[str, bool] = {}
    size = 0
    for name, is_heard in heard.items():
        needs = 6 * len(name) + 4  # as JSON escapes the worst of them
        if size + needs > MAX_NAMES:
            yield portion
            portion, size = {}, 0
        portion[name] = is_heard
        size += needs
    if portion:
        yield portion
