"""What the API answers about operators' machines."""

from typing import Self

from pydantic import BaseModel, Field

from alarmd.core.views import OperatorView
from alarmd.storage.interface import StoredDevice
from alarmd.web.history_schemas import Shape
from alarmd.web.place_schemas import GivenKey
from alarmd.web.times import Moment


class Machine(Shape):
    name: str
    last_contact: Moment | None = Field(description="null: never, or not in this run of the server.")
    address: str
    key_epochs: list[int] | None = Field(
        description="Of its keys, the newest last; several until the newest is first used. null: another server knows."
    )
    path_proven: bool | None = Field(
        description="It proved that it is at its address: it may connect now. null: another server knows."
    )
    first_seen: Moment = Field(description="When it was added.")

    @classmethod
    def of_view(cls, view: OperatorView) -> Self:
        seen = view.contact if view.contact.address else None
        return cls.copied(
            view.device,
            last_contact=seen and seen.last_contact,
            address=seen.address if seen else "",
            key_epochs=list(view.key_epochs),
            path_proven=view.path_proven,
        )

    @classmethod
    def of_stored(cls, stored: StoredDevice) -> Self:
        """One that another server of a cluster hears, if any does."""
        seen = stored.contact if stored.contact and stored.contact.address else None
        return cls.copied(
            stored.device,
            last_contact=seen and seen.last_contact,
            address=seen.address if seen else "",
            key_epochs=None,
            path_proven=None,
        )


class Machines(BaseModel):
    """By name."""

    operators: list[Machine]


class OperatorKey(GivenKey):
    """What an operator's machine has to be told."""

    operator: str
