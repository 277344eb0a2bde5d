"""Destinations of alarms."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from alarmd.core.settings import Route
from alarmd.destinations.section import Api, DestinationSection, Gets, is_url, split, with_secret
from alarmd.relays.desk import Desk
from alarmd.relays.interface import Relay

MIN_SECRET = 16  # characters
MAX_CHATS = 64  # of one bot
_BOT_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}", re.ASCII)


class LogDestination(DestinationSection):
    """The server's own log."""

    kind: Literal["log"]

    def summary(self) -> str:
        return "the server's own log"

    def relay(self, _name: str, _desk: Desk) -> Relay:
        from alarmd.relays.log_only import LogOnly

        return LogOnly()


def _is_long(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_SECRET:
        raise ValueError(f"needs {MIN_SECRET} characters or more; `openssl rand -hex 32` makes a good one")
    return value


class WebhookDestination(DestinationSection):
    """secret: shared with the receiver, which checks the signature by it."""

    kind: Literal["webhook"]
    url: Annotated[SecretStr, AfterValidator(is_url)]
    secret: Annotated[SecretStr, AfterValidator(_is_long)] = SecretStr("")
    secret_file: str = ""

    @model_validator(mode="before")
    @classmethod
    def _has_its_secret(cls, given: Any) -> Any:
        return with_secret(given, "secret")

    def summary(self) -> str:
        parts: SplitResult = urlsplit(self.url.get_secret_value())
        return f"webhook at {parts.scheme}://{parts.netloc}"

    def relay(self, _name: str, desk: Desk) -> Relay:
        from alarmd.relays.webhook import Webhook

        url, secret = self.url.get_secret_value(), self.secret.get_secret_value()
        return Webhook(url, secret.encode(), desk.label, desk.now)


def _is_bot_token(value: SecretStr) -> SecretStr:
    if not _BOT_TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("this is no bot token; @BotFather gives one, like 123456789:AAbbCC...")
    return value


def _no_twice(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) < len(value):
        raise ValueError("names one twice")
    return value


Id = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Ids = Annotated[tuple[Id, ...], BeforeValidator(split), Field(max_length=MAX_CHATS), AfterValidator(_no_twice)]


class TelegramDestination(DestinationSection):
    """api: of a Bot API server of one's own. chats: ids; those of groups are negative. escalation_chats: told too, once
    nobody acknowledged an alarm for escalate_after seconds. users: who may answer in groups; in a private chat its
    owner may."""

    gets: ClassVar[frozenset[Gets]] = frozenset({Gets.ALARMS, Gets.FILMS})
    instead: ClassVar[str] = "; pictures of alarms go there by themselves, and any other when it is asked for"

    kind: Literal["telegram"]
    bot_token: Annotated[SecretStr, AfterValidator(_is_bot_token)] = SecretStr("")
    bot_token_file: str = ""
    api: Api = "https://api.telegram.org"
    chats: Annotated[Ids, Field(min_length=1)]
    escalation_chats: Ids = ()
    escalate_after: Annotated[int, Field(ge=1, le=86_400)] = 300
    users: Ids = ()

    @model_validator(mode="before")
    @classmethod
    def _has_its_token(cls, given: Any) -> Any:
        return with_secret(given, "bot_token")

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
