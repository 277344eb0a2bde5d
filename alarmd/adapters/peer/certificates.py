"""The directory `pair` in the state directory: who the other server is, and what the two know each other by."""

import json
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alarmd.adapters.exit_codes import CANNOT_CREATE, UNUSABLE_DATA, StartError
from alarmd.adapters.state_directory import give_to_owner
from alarmd.storage.sqlite_file import sync_directory

if TYPE_CHECKING:
    from alarmd.adapters.peer.authority import Papers  # whoever only reads the files need not wait for x509

NAME = "pair"
FORMAT = 1
PAIR_KEY = 32  # bytes
MAX_FILE = 100_000  # bytes of any of them
FACTS, AUTHORITY, CERTIFICATE, KEY, SECRET = "pair.json", "authority.pem", "certificate.pem", "key.pem", "pair.key"
NOT_OURS = stat.S_IRWXG | stat.S_IRWXO
OWNER_ONLY = 0o600
_WAY_OUT = (
    "it must belong to the user that runs alarmd; if it is lost, say `alarmd peer leave` here and "
    "`alarmd peer init --renew` at the other server"
)


class Role(StrEnum):
    """Who opens the connection between the two: the one that was invited."""

    LISTENS = "listens"
    DIALS = "dials"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is not secret of a pair. identity: of the pair, in hexadecimal. dial: host and port of the peer, for the
    one that dials."""

    identity: str
    label: str
    peer_label: str
    role: Role
    dial: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class PairFiles(Facts):
    """A pair as its files say. certificate, key, authority: PEM. pair_key: 32 bytes that both servers have."""

    certificate: Path
    key: Path
    authority: Path
    pair_key: bytes = field(repr=False)


def load_pair(state_directory: Path) -> PairFiles | None:
    """None: this server is alone, and meant to be. Raises StartError with what to do."""
    directory = state_directory / NAME
    if not directory.exists():
        return None
    try:
        for name in (KEY, SECRET):
            _require_private(directory / name)
        for name in (AUTHORITY, CERTIFICATE):
            _read(directory / name)
        return PairFiles(
            **_facts(json.loads(_read(directory / FACTS))),
            certificate=directory / CERTIFICATE,
            key=directory / KEY,
            authority=directory / AUTHORITY,
            pair_key=bytes.fromhex(_read(directory / SECRET).decode("ascii")),
        )
    except OSError as error:
        raise StartError(UNUSABLE_DATA, f"cannot read {error.filename}: {error.strerror}; {_WAY_OUT}") from error
    except (ValueError, KeyError, TypeError, IndexError):
        raise StartError(UNUSABLE_DATA, f"{directory} holds something else than a pair; {_WAY_OUT}") from None


def save_pair(state_directory: Path, facts: Facts, papers: "Papers", pair_key: bytes) -> None:
    """In the place of the pair that was there, if any: whole, or not at all. Raises StartError."""
    content = {
        FACTS: json.dumps({"format": FORMAT, **_plain(facts)}, indent=2).encode() + b"\n",
        AUTHORITY: papers.authority,
        CERTIFICATE: papers.certificate,
        KEY: papers.key,
        SECRET: pair_key.hex().encode(),
    }
    try:
        made = Path(tempfile.mkdtemp(dir=state_directory, prefix=f".{NAME}."))  # mode 0700
        try:
            for name, data in content.items():
                _write(made / name, data)
            for path in (*made.iterdir(), made):
                give_to_owner(path, state_directory)
            sync_directory(made)
            _put_in_place(made, state_directory / NAME)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise StartError(CANNOT_CREATE, f"cannot write {state_directory / NAME}: {error.strerror}") from error


def drop_pair(state_directory: Path) -> bool:
    """Whether there was one. Raises StartError."""
    directory = state_directory / NAME
    if not directory.exists():
        return False
    try:
        shutil.rmtree(directory)
        sync_directory(state_directory)
    except OSError as error:
        raise StartError(CANNOT_CREATE, f"cannot remove {directory}: {error.strerror}") from error
    return True


def _plain(facts: Facts) -> dict[str, Any]:
    return {
        "pair": facts.identity,
        "label": facts.label,
        "peer": facts.peer_label,
        "role": facts.role.value,
        "dial": facts.dial,
    }


def _facts(read: Any) -> dict[str, Any]:
    dial = read["dial"]
    return {
        "identity": str(read["pair"]),
        "label": str(read["label"]),
        "peer_label": str(read["peer"]),
        "role": Role(read["role"]),
        "dial": None if dial is None else (str(dial[0]), int(dial[1])),
    }


def _require_private(path: Path) -> None:
    if path.stat().st_mode & NOT_OURS:
        raise StartError(UNUSABLE_DATA, f"others may read or change {path}: chmod 600 {path}")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE)


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(made: Path, place: Path) -> None:
    """A directory cannot be renamed over one that is not empty; without the one before there is no pair, and whoever
    was interrupted here says it again."""
    if place.exists():
        shutil.rmtree(place)
    made.rename(place)
    sync_directory(place.parent)
