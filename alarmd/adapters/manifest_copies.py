"""Sealed manifests on their way to whoever keeps copies of the archive: what shows what a copy lacks belongs to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from alarmd.core.inputs import ManifestSealed
from alarmd.core.records import Record
from alarmd.core.refusals import RequestRefusedError
from alarmd.frames.archive import Archive
from alarmd.frames.errors import ArchiveError
from alarmd.frames.manifests import manifest_keys

LOOK_EVERY = 600.0  # s between looks whether a day was sealed
LATEST = 8  # of each camera at a start: more days than any database was away

_log = structlog.get_logger(__name__)


class ManifestCopies:
    """submit: to the rules. What was told before a restart is told again by the same identity, which sends it to nobody
    twice."""

    def __init__(
        self,
        archive: Archive,
        recipients: Sequence[tuple[str, str]],
        submit: Callable[[ManifestSealed], Awaitable[tuple[Record, ...]]],
    ) -> None:
        self._archive = archive
        self._recipients = tuple(recipients)
        self._submit = submit
        self._told: dict[str, str] = {}  # the newest, by device

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if self._recipients:
                await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Tell of those that are new. What fails is tried again at the next look."""
        try:
            for device in await asyncio.to_thread(self._archive.cameras):
                for key in await asyncio.to_thread(self._new, device):
                    await self._submit(ManifestSealed(key, self._recipients))
                    self._told[device] = key
        except (ArchiveError, RequestRefusedError) as error:
            _log.warning("a manifest was not copied; next try in ten minutes", reason=str(error))

    def _new(self, device: str) -> list[str]:
        told = self._told.get(device, "")
        return [key for key in manifest_keys(self._archive, device)[-LATEST:] if key > told]
