"""Destinations of pictures that have no use for alarms."""

import re
import tomllib
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from alarmd.core.settings import PictureRoute
from alarmd.destinations.section import Api, DestinationSection, Gets, split, with_secret
from alarmd.relays.desk import Desk
from alarmd.relays.interface import Relay
from lfcp.text import is_name

MAX_CAMERAS = 100  # of one destination; their file is no longer than any secret's
_CAMERA_TOKEN = re.compile(r"[A-Za-z0-9_-]{20}", re.ASCII)
_PREFIX = re.compile(r"(?!.*(?:\.\.|//))[A-Za-z0-9_.-][A-Za-z0-9_./-]{0,199}|", re.ASCII)


def _cameras(value: object) -> object:
    """Also as the environment has them, cam1=TOKEN,cam2=TOKEN, and as a file does, TOML."""
    if not isinstance(value, str):
        return value
    if "\n" in value or '"' in value:
        try:
            return tomllib.loads(value)
        except tomllib.TOMLDecodeError:
            raise ValueError('is not TOML; write lines like cam1 = "TOKEN"') from None
    listed = split(value)
    assert isinstance(listed, list)
    return {name.strip(): token.strip() for name, _, token in (part.partition("=") for part in listed)}


def _are_cameras(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    tokens = [token.get_secret_value() for token in value.values()]
    for name, token in zip(value, tokens, strict=True):
        if is_name(name) is None:
            raise ValueError(f"{name[:40]!r} is no device's name")
        if not _CAMERA_TOKEN.fullmatch(token):
            raise ValueError(f"{name}: a camera's token in PrusaConnect has 20 letters and digits")
    if len(set(tokens)) < len(tokens):
        raise ValueError("two cameras have one token; make a camera in PrusaConnect for each")
    return value


Cameras = Annotated[
    dict[str, SecretStr],
    BeforeValidator(_cameras),
    Field(min_length=1, max_length=MAX_CAMERAS),
    AfterValidator(_are_cameras),
]


class PrusaConnectDestination(DestinationSection):
    """cameras: their tokens, by device. every: seconds between two pictures of one."""

    gets: ClassVar[frozenset[Gets]] = frozenset({Gets.PICTURES})

    kind: Literal["prusaconnect"]
    cameras: Cameras = Field(default_factory=dict)
    cameras_file: str = ""
    every: Annotated[int, Field(ge=10, le=86_400)] = 10
    api: Api = "https://webcam.connect.prusa3d.com"

    @model_validator(mode="before")
    @classmethod
    def _has_its_cameras(cls, given: Any) -> Any:
        return with_secret(given, "cameras")

    def picture_routes(self, name: str) -> tuple[PictureRoute, ...]:
        return (PictureRoute(name, frozenset(self.cameras), each=True, apart=self.every),)

    def summary(self) -> str:
        return f"PrusaConnect at {self.api}, every {self.every} s, of {', '.join(self.cameras)}"

    def relay(self, _name: str, desk: Desk) -> Relay:
        from alarmd.relays.prusaconnect import PrusaConnect, said_of

        tokens = {name: token.get_secret_value() for name, token in self.cameras.items()}
        return PrusaConnect(self.api, tokens, self.every, partial(said_of, desk.state), desk.archive, desk.now)


def _is_prefix(value: str) -> str:
    """It becomes part of keys as a directory does."""
    if not _PREFIX.fullmatch(value):
        raise ValueError("write letters, digits and . _ - /, not beginning with /, without .. and //")
    return f"{value.rstrip('/')}/" if value else ""


class S3Destination(DestinationSection):
    """region, endpoint_url: empty for what the AWS configuration says. Without access_key the chain of all AWS tools is
    used: variables, ~/.aws, the machine's role."""

    gets: ClassVar[frozenset[Gets]] = frozenset({Gets.PICTURES, Gets.FILMS})
    keeps: ClassVar[bool] = True

    kind: Literal["s3"]
    bucket: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")]
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,64}$")] = ""
    endpoint_url: Literal[""] | Api = ""
    prefix: Annotated[str, AfterValidator(_is_prefix)] = ""
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    secret_key_file: str = ""

    @model_validator(mode="before")
    @classmethod
    def _has_its_secret(cls, given: Any) -> Any:
        return with_secret(given, "secret_key", required=False)

    @model_validator(mode="after")
    def _has_both_keys(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key.get_secret_value()):
            raise ValueError("set access_key and secret_key, or neither for the credentials of AWS tools")
        return self

    def summary(self) -> str:
        return f"S3 at {self.endpoint_url or 'Amazon'}, bucket {self.bucket}, keys {self.prefix}..."

    def relay(self, _name: str, desk: Desk) -> Relay:
        from alarmd.relays.s3 import S3, BucketSettings  # not before: it takes half a second to load

        settings = BucketSettings(
            self.bucket,
            self.region,
            self.endpoint_url,
            self.prefix,
            self.access_key,
            self.secret_key.get_secret_value(),
        )
        return S3(settings, desk.archive)
