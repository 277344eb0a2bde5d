"""What requests carry. A field that is not known is refused, so that a typing error changes nothing silently."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from alarmd.core.cameras import MAX_NETWORKS, MAX_URL
from alarmd.core.records import Arming, Dialect, Signing

MAX_TEXT = 256  # characters of a field; the rules know the real limits
MAX_PARAMS = 6


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeviceChange(Body):
    """What is left out stays as it is."""

    zone: str | None = Field(None, max_length=MAX_TEXT)
    dialect: Dialect | None = None
    report_within: float | None = Field(None, description="Seconds within which a loss is told.", allow_inf_nan=False)
    arming_answers: bool | None = None
    quarantined: bool | None = None
    muted: float | None = Field(
        None, description="Seconds from now in which its motion is told nobody; 0: told again.", allow_inf_nan=False
    )
    signing: Signing | None = Field(None, description="Of a device with a key: `mixed` or `signed`.")


class Adoption(Body):
    zone: str | None = Field(None, max_length=MAX_TEXT, description="null: the zone `home`.")


class KeyBody(Body):
    """zone and mixed are for a device's first key."""

    zone: str | None = Field(None, max_length=MAX_TEXT, description="null: where it is, or the zone `home`.")
    mixed: bool = Field(False, description="While it migrates: unsigned motion still raises alarms.")
    renew: bool = Field(False, description="It has a key, and gets one that takes its place.")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.renew and (self.mixed or self.zone is not None):
            raise ValueError("zone and mixed are for a first key; change them by themselves")
        return self


class SiteBody(Body):
    time_zone: str = Field(max_length=MAX_TEXT, description="IANA name.", examples=["Europe/Prague"])


class ZoneBody(Body):
    site: str = Field(max_length=MAX_TEXT)


class ArmingBody(Body):
    arming: Arming
    schedule: str | None = Field(
        None, max_length=1000, description="null: keep the one there is.", examples=["mo-fr 22:00-06:00"]
    )


class CameraBody(Body):
    """What is left out stays as it is."""

    source_networks: list[str] | None = Field(
        None,
        max_length=MAX_NETWORKS,
        description="Where its uploads may come from; empty: from anywhere.",
        examples=[["192.0.2.7", "2001:db8::/64"]],
    )
    by_address: bool | None = Field(None, description="Uploads from there that name nobody are its own.")
    pull_url: str | None = Field(
        None,
        max_length=MAX_URL,
        description="Answers with a JPEG or an MJPEG stream; never shown again; empty: none. On control.sock only.",
        examples=["http://192.0.2.7/capture"],
        repr=False,
    )
    every: int | None = Field(None, description="Seconds between pictures that the server asks for; 0: never.")
    on_alarm: bool | None = Field(None, description="Ask for one when an alarm is raised.")


class SecretBody(Body):
    renew: bool = Field(False, description="It has a secret, and gets one that takes its place.")


class CommandBody(Body):
    target: str = Field(max_length=MAX_TEXT, description='A device, "@" and a zone, or "*" for every adopted device.')
    verb: str = Field(max_length=MAX_TEXT, examples=["TLGS"])
    params: list[str] = Field(default_factory=list, max_length=MAX_PARAMS)
    time_to_live: float | None = Field(None, description="Seconds; null: as configured.", allow_inf_nan=False)
    in_clear: bool = Field(
        False,
        description="Accept that a secret travels unencrypted; on control.sock only. "
        "A device with a key gets it encrypted.",
    )
