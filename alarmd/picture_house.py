"""Everything about pictures, built and connected: the archive, the ways in, the upkeep, films and copies."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from alarmd.adapters.exit_codes import UNAVAILABLE, StartError
from alarmd.adapters.manifest_copies import ManifestCopies
from alarmd.adapters.nightly_films import NightlyFilms
from alarmd.adapters.open_storage import OpenStorage
from alarmd.adapters.reactor_clock import now
from alarmd.adapters.turn_runner import TurnRunner
from alarmd.config import Config
from alarmd.core.effects import FetchPicture
from alarmd.core.inputs import LiveEnded, LiveRequested
from alarmd.core.state import State
from alarmd.frames.archive import DirectoryArchive
from alarmd.frames.errors import ArchiveError
from alarmd.frames.film.daily import DailyFilms
from alarmd.frames.forsaken import Forsaken
from alarmd.frames.intake import MAX_WAITING, Intake
from alarmd.frames.limits import Limits
from alarmd.frames.live import LiveHub
from alarmd.frames.puller import MAX_REQUESTS, Puller
from alarmd.frames.upkeep import Upkeep
from alarmd.metrics import Metrics
from alarmd.web.ingest.certificates import CertificateError
from alarmd.web.ingest.desk import UploadDesk
from alarmd.web.ingest.reception import KnownCameras
from alarmd.web.ingest.senders import Doorkeeper
from alarmd.web.ingest.service import Ports, UploadService
from alarmd.web.listening import ListenError


class PictureHouse:
    """__init__ raises StartError; what it made is let go by `undo`, or by stop() and close()."""

    def __init__(
        self,
        config: Config,
        storage: OpenStorage,
        runner: TurnRunner,
        state: State,
        metrics: Metrics,
        undo: ExitStack,
    ) -> None:
        self._config = config
        self._storage = storage
        self._runner = runner
        self._metrics = metrics
        self.live = LiveHub(
            begins=lambda device: runner.submit(LiveRequested(device), now()),
            ends=lambda device: runner.submit(LiveEnded(device), now()),
        )
        self._build_archive(undo)
        self._build_films(state)
        self._puller = Puller(self.intake.take, lambda failed: runner.submit(failed, now()))
        self._build_uploads(state)
        metrics.queue("pictures", lambda: len(self.intake), MAX_WAITING)
        metrics.queue("pulled_pictures", lambda: len(self._puller), MAX_REQUESTS)

    def _build_archive(self, undo: ExitStack) -> None:
        try:
            self.archive = DirectoryArchive(self._config.archive_directory, self._config.archive.reserve)
        except ArchiveError as error:
            raise StartError(UNAVAILABLE, f"{error}; see archive.directory") from error
        storage, kept, runner = self._storage, self._config.archive, self._runner
        drop = partial(storage.call, storage.store.drop_pictures)
        limits = Limits(kept.keep_days, kept.keep_alarm_days, kept.keep_bytes, kept.keep_pictures)
        drop_attached = partial(storage.call, storage.store.drop_attached)
        forsaken = Forsaken(drop_attached, lambda given_up: runner.submit(given_up, now()), now)
        self._upkeep = Upkeep(self.archive, storage.reader, drop, forsaken, limits, now, self._metrics)
        undo.callback(self._upkeep.close)
        self.intake = Intake(self.archive, runner.submit_request, now, self._upkeep.stored, self._upkeep.full)
        undo.callback(self.intake.close)

    def _build_films(self, state: State) -> None:
        config, submit = self._config, self._runner.submit_request
        self.day_films = DailyFilms(self.archive, self._storage.reader, config.state_directory / "films")
        self._manifests = ManifestCopies(self.archive, config.copy_recipients(), submit)
        self._films = NightlyFilms(config.films.cameras, config.film_recipients(), self.day_films, state, submit, now)

    def _build_uploads(self, state: State) -> None:
        desk = UploadDesk(
            doorkeeper=Doorkeeper(KnownCameras(state), lambda: now().mono),
            take=self.intake.take,
            introduce=self._runner.submit_request,
            now=now,
            metrics=self._metrics,
        )
        self._uploads = UploadService(desk, self._config.ingest.limits(), self._config.ingest.trusted_proxies)

    @property
    def upload_addresses(self) -> list[tuple[str, int]]:
        return self._uploads.addresses

    def fetch(self, wanted: FetchPicture) -> None:
        self._puller.fetch(wanted)

    def work(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What runs as long as the server does, by name."""
        return {
            "archive": self._upkeep.run,
            "certificate": self._uploads.watch,
            "films": self._films.run,
            "manifests": self._manifests.run,
        }

    def start_uploads(self) -> None:
        """Raises StartError."""
        ingest = self._config.ingest
        certificate = (Path(ingest.certificate), Path(ingest.key)) if ingest.certificate else None
        try:
            self._uploads.start(Ports(ingest.addresses, ingest.port, ingest.http_port, ingest.tls_port, certificate))
        except ListenError as error:
            raise StartError(UNAVAILABLE, f"{error}; see ingest.addresses and the ports of [ingest]") from error
        except CertificateError as error:
            raise StartError(UNAVAILABLE, f"{error}; see ingest.certificate and ingest.key") from error

    async def stop_uploads(self) -> None:
        await self._uploads.stop()

    async def stop_fetching(self) -> None:
        await self._puller.stop()

    def close(self) -> None:
        self.intake.close()
        self._upkeep.close()
