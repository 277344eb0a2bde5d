"""What recipients were told, where it is, and where they are: so that a message can be changed later."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, and_, or_, select

from alarmd.core.records import Delivery
from alarmd.storage import rows
from alarmd.storage.batches import INSERT
from alarmd.storage.interface import Lease, Message, StoredAlarm, StoredPicture
from alarmd.storage.named import stored_alarm, stored_picture, with_device, with_device_and_zone
from alarmd.storage.tables import alarms, messages, moves, pictures


def leases(connection: Connection, claimed: Sequence[tuple[int, bool, Delivery]]) -> list[Lease]:
    """claimed: attempt, uncertain, delivery; of one destination."""
    deliveries = [delivery for *_, delivery in claimed]
    references = _references(connection, deliveries)
    members = _members(connection, deliveries[0].destination, references)
    told = {number for together in members.values() for number in together}
    about = _alarms(connection, told | {one.alarm_id for one in deliveries if one.alarm_id is not None})
    attached = _pictures(connection, {one.attachment for one in deliveries if one.attachment})

    def message(delivery: Delivery) -> Message | None:
        reference = references.get((delivery.recipient, delivery.alarm_id)) if delivery.alarm_id is not None else None
        if reference is None:
            return None
        return Message(reference, tuple(about[number] for number in members[delivery.recipient, reference]))

    def lease(attempt: int, uncertain: bool, one: Delivery) -> Lease:
        alarm = about[one.alarm_id] if one.alarm_id is not None else None
        return Lease(one, attempt, alarm, attached.get(one.attachment), uncertain, message(one))

    return [lease(*one) for one in claimed]


def remember(
    connection: Connection, destination: str, recipient: str, alarm_id: int | None, reference: str, moved_to: str
) -> None:
    """Empty: as it was."""
    insert = INSERT[connection.dialect.name]
    if reference and alarm_id is not None:
        told = insert(messages).values(
            destination=destination, recipient=recipient, alarm_id=alarm_id, reference=reference
        )
        key = ["destination", "recipient", "alarm_id"]
        connection.execute(told.on_conflict_do_update(index_elements=key, set_={"reference": reference}))
    if moved_to:
        move = insert(moves).values(destination=destination, recipient=recipient, address=moved_to)
        key = ["destination", "recipient"]
        connection.execute(move.on_conflict_do_update(index_elements=key, set_={"address": moved_to}))


def moved(connection: Connection, destination: str) -> dict[str, str]:
    found = select(moves.c.recipient, moves.c.address).where(moves.c.destination == destination)
    return {row.recipient: row.address for row in connection.execute(found)}


def _references(connection: Connection, deliveries: Sequence[Delivery]) -> dict[tuple[str, int], str]:
    """By recipient and alarm."""
    wanted = [and_(messages.c.recipient == one.recipient, messages.c.alarm_id == one.alarm_id) for one in deliveries]
    query = select(messages).where(messages.c.destination == deliveries[0].destination, or_(*wanted))
    return {(row.recipient, row.alarm_id): row.reference for row in connection.execute(query)}


def _members(
    connection: Connection, destination: str, references: dict[tuple[str, int], str]
) -> dict[tuple[str, str], list[int]]:
    """The alarms that each message tells of, by recipient and reference."""
    wanted = {(recipient, reference) for (recipient, _), reference in references.items()}
    same = [and_(messages.c.recipient == recipient, messages.c.reference == it) for recipient, it in sorted(wanted)]
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    if same:
        query = select(messages).where(messages.c.destination == destination, or_(*same)).order_by(messages.c.alarm_id)
        for row in connection.execute(query):
            found[row.recipient, row.reference].append(row.alarm_id)
    return found


def _pictures(connection: Connection, keys: Collection[str]) -> dict[str, StoredPicture]:
    if not keys:
        return {}
    found = connection.execute(with_device(pictures).where(pictures.c.key.in_(keys)))
    return {stored.picture.key: stored for stored in rows.read(stored_picture, found)}


def _alarms(connection: Connection, ids: Iterable[int]) -> dict[int, StoredAlarm]:
    found = connection.execute(with_device_and_zone(alarms, alarms.c.zone_id).where(alarms.c.id.in_(set(ids))))
    return {stored.alarm.id: stored for stored in rows.read(stored_alarm, found)}
