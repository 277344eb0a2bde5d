"""A real server on a machine that is a network namespace; it dies with the tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.netlab.namespaces import DIES_WITH_US, Namespace
from tests.serving import LIMIT, Served


class MachineServer(Served):
    """settings: as of `served`. Launch it."""

    command_line = (*DIES_WITH_US, *Served.command_line)

    def __init__(self, machine: Namespace, directory: Path, settings: Mapping[str, str]) -> None:
        self._machine = machine
        self.settings = dict(settings)
        super().__init__(directory, self.settings, {})

    @property
    def database_url(self) -> str:
        return self.environ.get("ALARMD_STORAGE_URL", f"sqlite:///{self.state / 'alarmd.sqlite'}")

    def launch(self) -> None:
        with self._machine.entered():
            super().launch()

    def ask_api(self, path: str, **params: Any) -> Any:
        with self.api() as api:
            return api.get(path, params=params).raise_for_status().json()

    def tell_api(self, path: str, **body: Any) -> Any:
        with self.api() as api:
            return api.post(path, json=body).raise_for_status().json()

    def happened(self, kind: str) -> int:
        """How many events of this kind it has stored."""
        return len(self.ask_api("/events", kind=kind, limit=1000)["events"])

    def api(self) -> httpx.Client:
        """On control.sock: a file, which is the same on every machine of the laboratory."""
        transport = httpx.HTTPTransport(uds=str(self.state / "control.sock"))
        return httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=LIMIT)
