"""What may be written into a section [destinations.NAME], and the relay that is made of it."""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from alarmd.core.settings import PictureRoute, Route
from alarmd.relays.desk import Desk
from alarmd.relays.interface import Relay

LOG = "log"  # the destination that is there without a section
MAX_DESTINATIONS = 16
MAX_SECRET_FILE = 10_000  # bytes
MIN_SECRET = 16  # characters
MAX_CHATS = 64  # of one bot
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}", re.ASCII)


def _with_secret(given: Any, setting: str) -> Any:
    """The section with the secret in it, also when a file holds it: `setting` or `setting`_file, and not both."""
    if not isinstance(given, Mapping):
        return given
    file = given.get(f"{setting}_file")
    if bool(file) == bool(given.get(setting)):
        raise ValueError(f"set either {setting} or {setting}_file")
    return {**given, setting: _read(str(file))} if file else given


def _read(file: str) -> str:
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


def _no_twice(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) < len(value):
        raise ValueError("names one twice")
    return value


Id = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Ids = Annotated[tuple[Id, ...], BeforeValidator(split), Field(max_length=MAX_CHATS), AfterValidator(_no_twice)]


class _Destination(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    def routes(self, name: str) -> tuple[Route, ...]:
        """Whom to tell there, and when. name: of the section."""
        return (Route(name),)

    def picture_routes(self, name: str) -> tuple[PictureRoute, ...]:
        """Which pictures go there as they come."""
        return (PictureRoute(name),)


class LogDestination(_Destination):
    """The server's own log."""

    kind: Literal["log"]

    def summary(self) -> str:
        return "the server's own log"

    def relay(self, _name: str, _desk: Desk) -> Relay:
        from alarmd.relays.log_only import LogOnly

        return LogOnly()


def _is_url(value: SecretStr) -> SecretStr:
    """Its path or query may be a secret, so no error repeats it."""
    try:
        parts = urlsplit(value.get_secret_value())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this URL cannot be read; write https://host/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("write https://host/path")
    if parts.username is not None:
        raise ValueError("a URL with a user name or password is refused; requests are signed with `secret`")
    if parts.scheme == "http" and not _is_at_home(host):
        raise ValueError("http can be read on the way; use https, or the private IP address of a receiver at home")
    return value


def _is_at_home(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"


def _is_long(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_SECRET:
        raise ValueError(f"needs {MIN_SECRET} characters or more; `openssl rand -hex 32` makes a good one")
    return value


class WebhookDestination(_Destination):
    """secret: shared with the receiver, which checks the signature by it."""

    kind: Literal["webhook"]
    url: Annotated[SecretStr, AfterValidator(_is_url)]
    secret: Annotated[SecretStr, AfterValidator(_is_long)] = SecretStr("")
    secret_file: str = ""

    @model_validator(mode="before")
    @classmethod
    def _has_its_secret(cls, given: Any) -> Any:
        return _with_secret(given, "secret")

    def summary(self) -> str:
        parts: SplitResult = urlsplit(self.url.get_secret_value())
        return f"webhook at {parts.scheme}://{parts.netloc}"

    def relay(self, _name: str, desk: Desk) -> Relay:
        from alarmd.relays.webhook import Webhook

        url, secret = self.url.get_secret_value(), self.secret.get_secret_value()
        return Webhook(url, secret.encode(), desk.label, desk.now)


def _is_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("this is no bot token; @BotFather gives one, like 123456789:AAbbCC...")
    return value


def _is_api(value: str) -> str:
    parts = urlsplit(_is_url(SecretStr(value)).get_secret_value())
    if parts.query or parts.fragment:
        raise ValueError("write https://host")
    return value.rstrip("/")


class TelegramDestination(_Destination):
    """api: of a Bot API server of one's own. chats: ids; those of groups are negative. escalation_chats: told too, once
    nobody acknowledged an alarm for escalate_after seconds. users: who may answer in groups; in a private chat its
    owner may."""

    kind: Literal["telegram"]
    bot_token: Annotated[SecretStr, AfterValidator(_is_token)] = SecretStr("")
    bot_token_file: str = ""
    api: Annotated[str, AfterValidator(_is_api)] = "https://api.telegram.org"
    chats: Annotated[Ids, Field(min_length=1)]
    escalation_chats: Ids = ()
    escalate_after: Annotated[int, Field(ge=1, le=86_400)] = 300
    users: Ids = ()

    @model_validator(mode="before")
    @classmethod
    def _has_its_token(cls, given: Any) -> Any:
        return _with_secret(given, "bot_token")

    @model_validator(mode="after")
    def _tells_nobody_twice(self) -> Self:
        both = set(self.chats) & set(self.escalation_chats)
        if both:
            raise ValueError(f"chat {min(both)} is in both chats and escalation_chats")
        return self

    def routes(self, name: str) -> tuple[Route, ...]:
        first = [Route(name, str(chat)) for chat in self.chats]
        return (*first, *(Route(name, str(chat), self.escalate_after) for chat in self.escalation_chats))

    def summary(self) -> str:
        bot, _, _ = self.bot_token.get_secret_value().partition(":")
        shown = f"Telegram bot {bot} at {self.api}, chats {', '.join(map(str, self.chats))}"
        later = ", ".join(map(str, self.escalation_chats))
        return f"{shown}, after {self.escalate_after} s also {later}" if later else shown

    def relay(self, name: str, desk: Desk) -> Relay:
        from alarmd.relays.telegram.relay import BotSettings, Telegram  # not before: it takes half a second to load

        chats = (*self.chats, *self.escalation_chats)
        return Telegram(name, BotSettings(self.bot_token.get_secret_value(), self.api, chats, self.users), desk)


KINDS: dict[str, type[LogDestination | TelegramDestination | WebhookDestination]] = {
    "log": LogDestination,
    "telegram": TelegramDestination,
    "webhook": WebhookDestination,
}
Destination = Annotated[LogDestination | TelegramDestination | WebhookDestination, Field(discriminator="kind")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,31}$")]  # no underscore: it is in names of variables


def no_bot_twice(destinations: dict[str, Destination]) -> dict[str, Destination]:
    """Two that ask for what people wrote to one bot would get half of it each."""
    bots = [one.bot_token.get_secret_value() for one in destinations.values() if isinstance(one, TelegramDestination)]
    if len(set(bots)) < len(bots):
        raise ValueError("two have one bot_token; give one of them all chats, or make a bot for each")
    return destinations


def from_environment(environ: Mapping[str, str | None], prefix: str) -> dict[str, dict[str, str]]:
    """PREFIX_NAME_SETTING, in whatever case, by name and setting."""
    found: dict[str, dict[str, str]] = {}
    for variable, value in environ.items():
        name, separator, setting = variable.lower().removeprefix(prefix.lower()).partition("_")
        if variable.lower().startswith(prefix.lower()) and separator and value is not None:
            found.setdefault(name, {})[setting] = value
    return found


def mistake(error: Any) -> str:
    """One line of what pydantic finds wrong in these sections, without the wrong value."""
    place = [str(part) for part in error["loc"]]
    kind = place.pop(2) if len(place) > 2 else ""
    what = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
    name = ".".join(place)
    if kind == "[key]":
        return f"{name}: a name is a small letter, and after it small letters and digits, 32 in all"
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return f"{name}.kind: write {', '.join(KINDS)}"
    if error["type"] == "extra_forbidden":
        known = KINDS[kind].model_fields
        return f"{name}: no such setting; known are {', '.join(known)}"
    if error["type"] == "missing":
        what = "is missing"
    if len(place) < 3:
        return f"{name}: {what}" + ("; write a section [destinations.NAME]" if error["type"].endswith("_type") else "")
    return f"{name}: {what} (environment: ALARMD_{'_'.join(place[:3]).upper()})"


def unlisted(defined: Iterable[str], listed: Iterable[str]) -> Iterator[str]:
    """Mistakes between the sections there are and the names that alarms.destinations lists."""
    there, named = {LOG, *defined}, list(listed)
    for name in named:
        if name not in there:
            yield f"alarms.destinations: there is no destination {name!r}; known are {', '.join(sorted(there))}"
    for name in sorted(there - {LOG} - set(named)):
        yield f"destinations.{name}: no alarm would be told there; add it to alarms.destinations"
