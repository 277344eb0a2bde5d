"""Several real servers on one real PostgreSQL, as an operator would run them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.cluster.balancer import Balancer, at_random
from tests.serving import Served, served

NAMES = "abc"


class Cluster:
    """servers: in the order of their start, so that the first one judges."""

    def __init__(self, directory: Path, url: str, stack: ExitStack, settings: dict[str, str]) -> None:
        self._directory = directory
        self._url = url
        self._stack = stack
        self._settings = settings
        self.servers: list[Served] = []

    def add(self) -> Served:
        """One more; all have the same server.key."""
        directory = self._directory / NAMES[len(self.servers)]
        (directory / "state").mkdir(parents=True, mode=0o700)
        if self.servers:
            shutil.copy(self.servers[0].state / "server.key", directory / "state" / "server.key")
        server = self._stack.enter_context(
            served(
                directory,
                STORAGE_URL=self._url,
                CLUSTER_MEMBERS="true",
                ARCHIVE_DIRECTORY=str(self._directory / "archive"),
                **self._settings,
            )
        )
        self.servers.append(server)
        return server

    @property
    def ports(self) -> list[int]:
        return [server.lfcp_port for server in self.servers]

    def balancer(self, seed: int = 1) -> Balancer:
        balancer = Balancer(self.ports, at_random(seed))
        self._stack.callback(balancer.close)
        return balancer

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the database says."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]  # tests write their own queries

    def count(self, query: str) -> int:
        return int(str(self.rows(query)[0][0]))


@pytest.fixture
def clusters(tmp_path: Path, postgresql_url: str) -> Iterator[Callable[..., Cluster]]:
    """Starts so many servers; settings: as for `served`."""
    with ExitStack() as stack:

        def start(servers: int, **settings: str) -> Cluster:
            cluster = Cluster(tmp_path, postgresql_url, stack, settings)
            for _ in range(servers):
                cluster.add()
            return cluster

        yield start
