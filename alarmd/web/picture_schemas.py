"""What the API answers about cameras and pictures. The command line reads the same shapes."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, Field

from alarmd.core import views
from alarmd.core.records import Trigger
from alarmd.core.views import CameraView
from alarmd.storage.interface import StoredPicture
from alarmd.web.history_schemas import Shape
from alarmd.web.times import Moment


class Picture(Shape):
    id: int
    device: str | None
    sequence: int = Field(description="Counts the device's.")
    key: str = Field(description="Its place in the archive.")
    captured_at: Moment = Field(description="As its source says; else when it was received.")
    received_at: Moment
    trigger: Trigger = Field(description="Why it was taken.")
    alarm_id: int | None
    digest: str = Field(description="SHA-256, in hexadecimal.")
    size: int = Field(description="Bytes.")
    width: int = Field(description="Pixels.")
    height: int
    repair: str = Field(description="What was mended; empty: nothing.")

    @classmethod
    def of(cls, stored: StoredPicture) -> Self:
        return cls.copied(stored.picture, device=stored.device)


class Pictures(BaseModel):
    """Newest first; with `after` oldest first."""

    pictures: list[Picture]


class Camera(Shape):
    """How pictures come from a device. The pull URL and the upload secret are never shown: they are secret."""

    device: str
    source_networks: list[str] = Field(description="Uploads over HTTP from elsewhere are refused; empty: none are.")
    by_address: bool = Field(description="Uploads from these networks that name nobody are this device's.")
    has_secret: bool = Field(description="It may upload with a secret.")
    introduced: bool = Field(description="It uploaded as to PrusaConnect, so its secret is bound to it.")
    info: str = Field(description="What it said of itself then, JSON; empty: nothing.")
    pulled: bool = Field(description="The server asks it at its pull URL.")
    every: int = Field(description="Seconds between pictures that the server asks for; 0: it does not.")
    on_alarm: bool = Field(description="A picture is asked for when an alarm is raised.")
    askable: bool = Field(description="The server can ask it for a picture, by its pull URL or by SNAP.")
    failing: str = Field(description="Why no picture came when it was last asked; empty: one came.")
    picture: Picture | None = Field(description="The newest.")
    age: float | None = Field(description="Seconds since the newest was taken; null: there is none.")

    @classmethod
    def of_view(cls, view: CameraView, wall: int) -> Self:
        newest = view.picture
        return cls.copied(
            view.camera,
            device=view.device,
            has_secret=bool(view.camera.upload_digest),
            introduced=bool(view.camera.fingerprint),
            pulled=bool(view.camera.pull_url),
            askable=view.askable,
            failing=view.failing,
            picture=newest and Picture.of(StoredPicture(newest, view.device)),
            age=None if newest is None else views.picture_age(newest, wall),
        )


class Cameras(BaseModel):
    """One page, by name: devices that are set up as cameras, or sent a picture."""

    cameras: list[Camera]
    next: str | None = Field(description="`after` of the next page; null: this is the last.")


class MadeSecret(BaseModel):
    """What a camera uploads with. The server gives it away this once."""

    device: str
    secret: str = Field(repr=False, description="20 letters and digits. PrusaConnect's cameras take it as their token.")


class SnapshotState(StrEnum):
    ASKED = "asked"
    TAKEN = "taken"
    FAILED = "failed"


class Snapshot(BaseModel):
    """A picture that a person asked for."""

    device: str
    upload: str = Field(description="What it is asked for by; GET /cameras/{name}/snapshot tells of it.")
    state: SnapshotState
    picture: Picture | None = Field(description="Once it is taken.")
    reason: str = Field(description="Why it failed; empty: it did not.")
