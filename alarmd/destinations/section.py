"""What sections of all kinds have in common: secrets in files, lists in the environment, URLs that are safe to use."""

import ipaddress
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from alarmd.core.settings import PictureRoute, Route

MAX_SECRET_FILE = 10_000  # bytes


class Gets(StrEnum):
    """What goes to destinations; the section whose `destinations` lists them."""

    ALARMS = "alarms"
    PICTURES = "pictures"
    FILMS = "films"


class DestinationSection(BaseModel):
    """gets: what destinations of this kind can be listed for. keeps: copies of the archive. instead: what to do about
    one that is listed wrongly, where that is not plain."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    gets: ClassVar[frozenset[Gets]] = frozenset(Gets)
    keeps: ClassVar[bool] = False
    instead: ClassVar[str] = ""

    def routes(self, name: str) -> tuple[Route, ...]:
        """Whom to tell there, and when. name: of the section."""
        return (Route(name),)

    def picture_routes(self, name: str) -> tuple[PictureRoute, ...]:
        """Which pictures go there as they come."""
        return (PictureRoute(name),)


def with_secret(given: Any, setting: str, *, required: bool = True) -> Any:
    """The section with the secret in it, also when a file holds it: `setting` or `setting`_file, and not both."""
    if not isinstance(given, Mapping):
        return given
    file, written = given.get(f"{setting}_file"), given.get(setting)
    if (file and written) or (required and not file and not written):
        raise ValueError(f"set either {setting} or {setting}_file")
    return {**given, setting: read_secret(str(file))} if file else given


def read_secret(file: str) -> str:
    """What a secret's file holds. Raises ValueError without any of it."""
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(MAX_SECRET_FILE).decode()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not text") from None
    if not text.strip():
        raise ValueError(f"{file} is empty")
    return text.strip()


def split(value: object) -> object:
    """A list in the environment: JSON, or its parts separated by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def is_url(value: SecretStr) -> SecretStr:
    """Its path or query may be a secret, so no error repeats it."""
    try:
        parts = urlsplit(value.get_secret_value())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this URL cannot be read; write https://host/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("write https://host/path")
    if parts.username is not None:
        raise ValueError("a URL with a user name or password is refused; there are settings for secrets")
    if parts.scheme == "http" and not _is_at_home(host):
        raise ValueError("http can be read on the way; use https, or the private IP address of a receiver at home")
    return value


def _is_at_home(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"


def _is_api(value: str) -> str:
    parts = urlsplit(is_url(SecretStr(value)).get_secret_value())
    if parts.query or parts.fragment:
        raise ValueError("write https://host")
    return value.rstrip("/")


Api = Annotated[str, AfterValidator(_is_api)]  # where a service is, without a secret
