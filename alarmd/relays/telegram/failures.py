"""What Telegram's errors mean: whose fault it is, and whether the message may have been posted all the same."""

import os
from datetime import timedelta

import httpx
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from alarmd.relays.interface import GiveUp, Outcome, TryAgain

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else the library warns at every RetryAfter that it has one

NOT_SENT = (  # or not all of the request, of which nothing is carried out then
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
)
MAX_WORDS = 200  # characters of what Telegram says
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_UNCHANGED = "message is not modified"
_CAPTIONED = "no text in the message to edit"
_TOO_LARGE = "request entity too large"  # 413


def is_unchanged(error: BadRequest) -> bool:
    """The message says so already."""
    return _UNCHANGED in error.message.lower()


def is_gone(error: BadRequest) -> bool:
    """There is no such message any more."""
    return any(words in error.message.lower() for words in _GONE)


def is_captioned(error: BadRequest) -> bool:
    """The message has a picture, and a caption in place of its text."""
    return _CAPTIONED in error.message.lower()


def pause(error: RetryAfter) -> float:
    """Seconds that Telegram wants to be left alone."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


def outcome_of(error: TelegramError, chat: str) -> Outcome:
    """chat: as configured. Of errors but RetryAfter and ChatMigrated."""
    if isinstance(error, InvalidToken):
        return GiveUp("Telegram knows no bot with this bot_token: ask @BotFather for the right one")
    if isinstance(error, Forbidden):
        return GiveUp(
            f"the bot may not write to chat {chat} ({error.message[:MAX_WORDS]}): add it to the group, "
            "or have the person send it /start"
        )
    if isinstance(error, BadRequest):
        return GiveUp(f"Telegram refuses this for chat {chat}: {error.message[:MAX_WORDS]}; check `chats`")
    if _TOO_LARGE in error.message.lower():
        return TryAgain(None, "Telegram finds this too large")
    words = "no answer" if isinstance(error, NetworkError) else "an answer that cannot be read"
    cause = error.__cause__
    because = f"{words}: {type(cause or error).__name__}"
    return TryAgain(None, because, uncertain=not isinstance(cause, NOT_SENT))
