"""Keys of devices in the database: sealed on their way in, opened at a start, dropped when they are used no more."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete

from alarmd.core.effects import DropKey, SaveKey
from alarmd.core.records import DeviceKey
from alarmd.storage import high_water
from alarmd.storage.interface import StorageUnusableError
from alarmd.storage.rows import Row, Values
from alarmd.storage.tables import device_keys
from alarmd.storage.vault import CannotOpenError, Vault

Change = SaveKey | DropKey


def rows_to_save(vault: Vault, changes: Iterable[Change]) -> list[Values]:
    """Of the keys that are there after these changes."""
    return [_sealed(vault, change.key) for change in _last_of_each(changes) if isinstance(change, SaveKey)]


def drop_changed(connection: Connection, changes: Iterable[Change]) -> None:
    """The keys that are not there after these changes."""
    dropped = [change for change in _last_of_each(changes) if isinstance(change, DropKey)]
    columns = device_keys.c
    drop(connection, [and_(columns.device_id == one.device_id, columns.epoch == one.epoch) for one in dropped])


def drop(connection: Connection, wanted: Iterable[ColumnElement[bool]]) -> int:
    """Those that meet any of the conditions. Returns how many went; their stamps stay counted."""
    made = device_keys.c.origin, device_keys.c.hlc
    gone = [
        row for condition in wanted for row in connection.execute(delete(device_keys).where(condition).returning(*made))
    ]
    high_water.note(connection, ((high_water.stamp(device_keys, row.origin), row.hlc) for row in gone))
    return len(gone)


def opened(vault: Vault, found: Iterable[Row]) -> tuple[DeviceKey, ...]:
    """Rows to records. Raises StorageUnusableError with what to do."""
    keys = [_opened(vault, row) for row in found]
    good = tuple(key for key in keys if key is not None)
    if len(good) < len(keys):
        raise StorageUnusableError(
            f"server.key does not open {len(keys) - len(good)} of its {len(keys)} device keys: put back server.key "
            "from your copy; if there is none, `alarmd drop-keys` removes the keys of all devices, and each needs a "
            "new one"
        )
    return good


def _sealed(vault: Vault, key: DeviceKey) -> Values:
    sealed = vault.seal(key.secret, _bound_to(key.device_id, key.epoch))
    return key.device_id, key.epoch, sealed, key.created_at, key.origin, key.hlc


def _opened(vault: Vault, row: Row) -> DeviceKey | None:
    device_id, epoch, sealed, created_at, origin, hlc = row
    try:
        secret = vault.open(sealed, _bound_to(device_id, epoch))
    except CannotOpenError:
        return None
    return DeviceKey(device_id, epoch, secret, created_at, origin, hlc)


def _bound_to(device_id: int, epoch: int) -> bytes:
    """A row that is copied to another device or epoch does not open there."""
    return f"alarmd device key,{device_id},{epoch}".encode()


def _last_of_each(changes: Iterable[Change]) -> Sequence[Change]:
    """For each key the change that counts in the end."""
    return list({_identity(change): change for change in changes}.values())


def _identity(change: Change) -> tuple[int, int]:
    what = change.key if isinstance(change, SaveKey) else change
    return what.device_id, what.epoch
