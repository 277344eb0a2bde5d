"""Cameras in the database: the URL that the server asks may hold a password, so it is sealed."""

from collections.abc import Iterable

from sqlalchemy import Connection, update

from alarmd.core.effects import SaveCamera
from alarmd.core.records import Camera
from alarmd.storage import rows
from alarmd.storage.interface import StorageUnusableError
from alarmd.storage.rows import Row, Values
from alarmd.storage.tables import cameras
from alarmd.storage.vault import CannotOpenError, Vault

URL = cameras.c.keys().index("pull_url")  # where it stands in a row
NONE = b""


def rows_to_save(vault: Vault, found: Iterable[SaveCamera]) -> list[Values]:
    return [rows.camera_row(each.camera, _sealed(vault, each.camera)) for each in found]


def opened(vault: Vault, found: Iterable[Row]) -> tuple[Camera, ...]:
    """Rows to records. Raises StorageUnusableError with what to do."""
    return tuple(rows.camera_of(row, _url(vault, row)) for row in found)


def drop_urls(connection: Connection) -> None:
    """Of all cameras: what sealed them is lost."""
    connection.execute(update(cameras).values(pull_url=NONE))


def _sealed(vault: Vault, camera: Camera) -> bytes:
    return vault.seal(camera.pull_url.encode(), _bound_to(camera.device_id)) if camera.pull_url else NONE


def _url(vault: Vault, row: Row) -> str:
    if row[URL] == NONE:
        return ""
    try:
        return vault.open(row[URL], _bound_to(row[0])).decode()
    except CannotOpenError:
        raise StorageUnusableError(
            "server.key does not open the URLs of cameras: put back server.key from your copy; if there is none, "
            "`alarmd drop-keys` removes them with the keys of all devices, and each has to be set again"
        ) from None


def _bound_to(device_id: int) -> bytes:
    """A row that is copied to another device does not open there."""
    return f"alarmd camera url,{device_id}".encode()
