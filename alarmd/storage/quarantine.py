"""Turns that the database refused for what is in them: kept for a person to look at, bounded, without secrets."""

import hashlib
from dataclasses import replace

from sqlalchemy import Connection, delete, select

from alarmd.core.effects import DurableEffect, SaveCommand
from alarmd.storage.batches import INSERT
from alarmd.storage.interface import Turn
from alarmd.storage.tables import quarantine

MAX_TURNS = 1000  # the oldest goes when one more comes
MAX_TEXT = 8192  # characters kept of one turn


def keep(connection: Connection, turn: Turn, reason: str) -> None:
    """A turn that was kept before is not kept again."""
    text = describe(turn)
    kept = {
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "reason": reason.encode("ascii", "backslashreplace").decode(),
        "turn": text[:MAX_TEXT],
    }
    insert = INSERT[connection.dialect.name](quarantine).values(kept)
    connection.execute(insert.on_conflict_do_nothing(index_elements=["digest"]))
    newest = select(quarantine.c.row).order_by(quarantine.c.row.desc()).offset(MAX_TURNS).limit(1).scalar_subquery()
    connection.execute(delete(quarantine).where(quarantine.c.row <= newest))


def describe(turn: Turn) -> str:
    """In ASCII, for what the database refused may be a character that it cannot hold."""
    return "\n".join(ascii(_without_secrets(effect)) for effect in turn)


def _without_secrets(effect: DurableEffect) -> DurableEffect:
    if isinstance(effect, SaveCommand):
        return SaveCommand(replace(effect.command, params=("…",) * len(effect.command.params)))
    return effect
