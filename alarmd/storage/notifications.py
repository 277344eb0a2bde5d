"""What the other members of a cluster say, as they say it: LISTEN, in a thread and on a connection of its own.

Whatever is said while nobody listens is lost. So the listener is told of every new connection, and asks for everything.
"""

import threading
from collections.abc import Callable

import psycopg
import structlog
from psycopg import sql

from alarmd.storage.cluster_queries import ALL, channel
from alarmd.storage.database_url import parse
from alarmd.storage.engines import LIBPQ

LOOK_UP = 0.5  # s between two looks whether to stop
RECONNECT = 1.0  # s

_log = structlog.get_logger(__name__)


class Notifications:
    """heard(payload), connected(): called on this object's own thread, which is a daemon."""

    def __init__(self, url: str, incarnation: int, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        self._url = parse(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._channels = (ALL, channel(incarnation))
        self._heard = heard
        self._connected = connected
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                _log.warning("the other servers cannot be heard, trying again", reason=str(error).splitlines()[:1])
                self._stopping.wait(RECONNECT)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True, **LIBPQ) as connection:  # type: ignore[arg-type]  # libpq's own
            for one in self._channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(one)))
            self._connected()
            while not self._stopping.is_set():
                for notification in connection.notifies(timeout=LOOK_UP):
                    self._heard(notification.payload)
