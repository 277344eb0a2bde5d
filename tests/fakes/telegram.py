"""A Bot API server for tests, over real HTTP: what alarmd uses of it, with the limits and the errors of the real one.

tests/fakes/test_telegram.py holds it against client libraries that other people wrote for the real one.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import telegram_requests
from tests.fakes.http_server import FakeHandler, http_server
from tests.fakes.telegram_checks import ApiError, Media, album, attached, caption, keyboard, media, text
from tests.fakes.telegram_requests import chunks, form

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFa"
BOT = {"id": 123456789, "is_bot": True, "first_name": "alarmd", "username": "alarmd_bot"}
UPLOAD = 50_000  # bytes of a request that is one


@dataclass
class Fault:
    """What happens instead of an answer, once or for as long as it is set. processed: the request is carried out, and
    only the answer is lost. status and body: what is answered; None: nothing, the line is held until the end."""

    processed: bool = False
    status: int | None = None
    body: bytes = b""


@dataclass
class Chat:
    id: int
    type: str  # private, group or supergroup
    title: str
    migrated_to: int | None = None
    writable: bool = True

    def shown(self) -> dict[str, Any]:
        named = {"first_name": self.title} if self.type == "private" else {"title": self.title}
        return {"id": self.id, "type": self.type, **named}


@dataclass
class Posted:
    """One message in a chat, and what became of it. text: or caption. album: of which it is one."""

    chat: Chat
    id: int
    date: int
    text: str
    keyboard: dict[str, Any] | None
    reply_to: int | None
    edits: list[str] = field(default_factory=list)
    media: Media | None = None
    silent: bool = False
    album: str = ""

    def shown(self) -> dict[str, Any]:
        message: dict[str, Any] = {
            "message_id": self.id,
            "date": self.date,
            "chat": self.chat.shown(),
            "from": BOT,
        }
        if self.media is None:
            message["text"] = self.text
        else:
            message |= self.media.shown()
            if self.text:
                message["caption"] = self.text
        if self.album:
            message["media_group_id"] = self.album
        if self.keyboard:
            message["reply_markup"] = self.keyboard
        if self.edits:
            message["edit_date"] = self.date
        return message

    def buttons(self) -> list[dict[str, Any]]:
        return [button for row in (self.keyboard or {}).get("inline_keyboard", []) for button in row]


class FakeTelegram:
    """fault: asked for each request with its method and parameters. calls: every method that was called, in order.
    may_upload: while it is clear, what has a large body is not read. uploading: those that wait for it."""

    def __init__(self) -> None:
        self.url = ""
        self.token = TOKEN
        self.chats: dict[int, Chat] = {}
        self.posted: list[Posted] = []
        self.answers: list[dict[str, Any]] = []  # to callback queries
        self.commands: list[dict[str, str]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.times: list[tuple[int, float]] = []  # chat and monotonic time of each message posted
        self.fault: Callable[[str, dict[str, Any]], Fault | None] = lambda _method, _parameters: None
        self.retry_after: dict[int, int] = {}  # by chat; answered once
        self.closed = threading.Event()
        self.may_upload = threading.Event()
        self.may_upload.set()
        self.uploading = 0
        self._updates: list[dict[str, Any]] = []
        self._numbers: Counter[str] = Counter()
        self._changed = threading.Condition()

    def close(self) -> None:
        """Whoever waits for an answer gets none."""
        self.closed.set()
        self.may_upload.set()
        with self._changed:
            self._changed.notify_all()

    def add_chat(self, number: int, title: str = "ann", kind: str | None = None) -> Chat:
        chat = self.chats[number] = Chat(number, kind or ("private" if number > 0 else "group"), title)
        return chat

    def migrate(self, number: int, to: int) -> Chat:
        """A group becomes a supergroup: the old one answers with the new one's id."""
        self.chats[number].migrated_to = to
        return self.add_chat(to, self.chats[number].title, "supergroup")

    def texts(self, chat: int) -> list[str]:
        return [message.text for message in self.posted if message.chat.id == chat]

    def called(self, method: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == method]

    def say(self, chat: int, text: str, user: int | None = None, name: str = "ann") -> None:
        """A person writes to the bot."""
        message: dict[str, Any] = {
            "message_id": self._next("message"),
            "date": int(time.time()),
            "chat": self.chats[chat].shown(),
            "from": _person(user if user is not None else chat, name),
            "text": text,
        }
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        self._update("message", message)

    def press(self, message: Posted, data: str, user: int, name: str = "ann", *, old: bool = False) -> None:
        """A person presses a button. old: Telegram has the message itself no longer (InaccessibleMessage)."""
        shown = message.shown()
        query = {
            "id": str(self._next("query")),
            "from": _person(user, name),
            "chat_instance": "1",
            "message": {"chat": shown["chat"], "message_id": shown["message_id"], "date": 0} if old else shown,
            "data": data,
        }
        self._update("callback_query", query)

    def handle(self, method: str, parameters: dict[str, Any]) -> Any:
        with self._changed:
            self.calls.append((method, parameters))
        name = f"_{_snake(method)}"
        if not hasattr(self, name):
            raise ApiError(404, "Not Found")
        return getattr(self, name)(parameters)

    def _get_me(self, _parameters: Mapping[str, Any]) -> Any:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    def _delete_webhook(self, _parameters: Mapping[str, Any]) -> Any:
        return True

    def _set_my_commands(self, parameters: Mapping[str, Any]) -> Any:
        self.commands = parameters["commands"]
        return True

    def _get_updates(self, parameters: Mapping[str, Any]) -> Any:
        offset, timeout = int(parameters.get("offset", 0)), float(parameters.get("timeout", 0))
        with self._changed:
            self._updates = [update for update in self._updates if update["update_id"] >= offset]
            self._changed.wait_for(lambda: self._updates or self.closed.is_set(), min(timeout, 1.0))
            return list(self._updates)

    def _send_message(self, parameters: Mapping[str, Any]) -> Any:
        chat = self._chat(parameters)
        return self._post(chat, parameters, text(parameters)).shown()

    def _send_photo(self, parameters: Mapping[str, Any]) -> Any:
        return self._send_file("photo", parameters)

    def _send_document(self, parameters: Mapping[str, Any]) -> Any:
        return self._send_file("document", parameters)

    def _send_video(self, parameters: Mapping[str, Any]) -> Any:
        return self._send_file("video", parameters)

    def _send_file(self, kind: str, parameters: Mapping[str, Any]) -> Any:
        chat = self._chat(parameters)
        file = parameters.get(kind)
        if isinstance(file, str):
            file = parameters.get(file.removeprefix("attach://"))
        return self._post(chat, parameters, caption(parameters), media(kind, file)).shown()

    def _send_media_group(self, parameters: Mapping[str, Any]) -> Any:
        chat, items = self._chat(parameters), parameters["media"]
        sent, number = album(items, parameters), str(self._next("album"))
        return [self._post(chat, parameters, said, one, number).shown() for said, one in sent]

    def _post(
        self, chat: Chat, parameters: Mapping[str, Any], said: str, file: Media | None = None, group: str = ""
    ) -> Posted:
        reply_to = parameters.get("reply_parameters", {}).get("message_id", parameters.get("reply_to_message_id"))
        silent = parameters.get("disable_notification") in (True, "true", "True")
        buttons = keyboard(parameters)
        with self._changed:
            number = self._next("message")
            message = Posted(chat, number, int(time.time()), said, buttons, reply_to, [], file, silent, group)
            self.posted.append(message)
            self.times.append((chat.id, time.monotonic()))
        return message

    def _edit_message_text(self, parameters: Mapping[str, Any]) -> Any:
        message = self._posted(parameters)
        if message.media is not None:
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        return self._change(message, text(parameters), keyboard(parameters), None)

    def _edit_message_caption(self, parameters: Mapping[str, Any]) -> Any:
        message = self._posted(parameters)
        if message.media is None:
            raise ApiError(400, "Bad Request: there is no caption in the message to edit")
        return self._change(message, caption(parameters), keyboard(parameters), message.media)

    def _edit_message_media(self, parameters: Mapping[str, Any]) -> Any:
        """What a message of text becomes too."""
        message, item = self._posted(parameters), parameters["media"]
        return self._change(message, caption(item), keyboard(parameters), attached(item, parameters))

    def _posted(self, parameters: Mapping[str, Any]) -> Posted:
        chat, number = self._chat(parameters), int(parameters["message_id"])
        message = next((one for one in self.posted if one.chat is chat and one.id == number), None)
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        return message

    def _change(self, message: Posted, said: str, buttons: dict[str, Any] | None, file: Media | None) -> Any:
        if (said, buttons, file) == (message.text, message.keyboard, message.media):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message",
            )
        message.edits.append(message.text)
        message.text, message.keyboard, message.media = said, buttons, file
        return message.shown()

    def _answer_callback_query(self, parameters: Mapping[str, Any]) -> Any:
        if len(parameters.get("text", "")) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        self.answers.append(dict(parameters))
        return True

    def _chat(self, parameters: Mapping[str, Any]) -> Chat:
        number = int(parameters["chat_id"])
        if number in self.retry_after:
            seconds = self.retry_after.pop(number)
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        chat = self.chats.get(number)
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.migrated_to,
            )
        if not chat.writable:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def _update(self, kind: str, what: dict[str, Any]) -> None:
        with self._changed:
            self._updates.append({"update_id": self._next("update"), kind: what})
            self._changed.notify_all()

    def _next(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]


def _person(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": name, "username": name}


def _snake(method: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method)


@contextmanager
def fake_telegram() -> Iterator[FakeTelegram]:
    made = FakeTelegram()

    class Handler(FakeHandler):
        def do_POST(self) -> None:  # noqa: N802  as http.server calls it
            path, _, query = self.path.partition("?")
            _, token, method = path.split("/")
            length = int(self.headers.get("Content-Length", "0"))
            if length >= UPLOAD:
                self._wait_until_it_may_upload()
            kind = self.headers.get("Content-Type", "")
            body = chunks(self.rfile) if "Transfer-Encoding" in self.headers else self.rfile.read(length)
            parameters = {**form(query), **telegram_requests.parameters(kind, body)}
            fault = made.fault(method, parameters)
            if fault is not None and not fault.processed:
                self._fail(fault)
                return
            status, body = self._result(token, method, parameters)
            if fault is not None:
                self._fail(fault)
                return
            self._answer(status, json.dumps(body).encode())

        def do_GET(self) -> None:  # noqa: N802  as http.server calls it
            self.do_POST()

        def _result(self, token: str, method: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            try:
                if token != f"bot{made.token}":
                    raise ApiError(401, "Unauthorized")
                return 200, {"ok": True, "result": made.handle(method, parameters)}
            except ApiError as error:
                return error.code, error.body

        def _wait_until_it_may_upload(self) -> None:
            made.uploading += 1
            made.may_upload.wait()
            made.uploading -= 1

        def _fail(self, fault: Fault) -> None:
            if fault.status is None:
                made.closed.wait()
                self.close_connection = True
                return
            self._answer(fault.status, fault.body)

        def _answer(self, status: int, body: bytes) -> None:
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    with http_server(Handler, made.close) as url:
        made.url = url
        yield made
