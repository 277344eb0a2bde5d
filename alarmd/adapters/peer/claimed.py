"""What this server says that it has."""

from alarmd.storage.interface import Vector


class Claimed:
    """Until the peer has told everything once since the start, of this server's own records only those from before the
    start: one that was replaced, or restored from a backup, has lost some that the peer still has, and those it makes
    meanwhile must not hide them. label: this server's. before: the highest stamp in its database at the start."""

    def __init__(self, label: str, before: int) -> None:
        self._label = label
        self._before: int | None = before

    def everything(self) -> None:
        """The peer has told what it had."""
        self._before = None

    def of(self, known: Vector) -> Vector:
        """known: what is in the database."""
        if self._before is None:
            return known
        own = {key: min(stamp, self._before) for key, stamp in known.items() if key[1] == self._label}
        return {**known, **own}
