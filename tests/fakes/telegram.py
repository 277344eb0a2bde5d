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
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFa"
BOT = {"id": 123456789, "is_bot": True, "first_name": "alarmd", "username": "alarmd_bot"}
MAX_TEXT = 4096  # UTF-16 code units
MAX_CALLBACK = 64  # bytes
STRUCTURED = ("reply_markup", "commands", "reply_parameters", "link_preview_options", "allowed_updates", "scope")


class ApiError(Exception):
    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters


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
    """One message in a chat, and what became of it."""

    chat: Chat
    id: int
    date: int
    text: str
    keyboard: dict[str, Any] | None
    reply_to: int | None
    edits: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        message = {
            "message_id": self.id,
            "date": self.date,
            "chat": self.chat.shown(),
            "from": BOT,
            "text": self.text,
        }
        if self.keyboard:
            message["reply_markup"] = self.keyboard
        if self.edits:
            message["edit_date"] = self.date
        return message

    def buttons(self) -> list[dict[str, Any]]:
        return [button for row in (self.keyboard or {}).get("inline_keyboard", []) for button in row]


class FakeTelegram:
    """fault: asked for each request with its method and parameters. flood: messages a second that a chat takes before
    it says 429, None for any number. calls: every method that was called, in order."""

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
        self._updates: list[dict[str, Any]] = []
        self._numbers: Counter[str] = Counter()
        self._changed = threading.Condition()

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

    def press(self, message: Posted, data: str, user: int, name: str = "ann") -> None:
        """A person presses a button."""
        query = {
            "id": str(self._next("query")),
            "from": _person(user, name),
            "chat_instance": "1",
            "message": message.shown(),
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
        text, keyboard = _checked(parameters)
        reply_to = parameters.get("reply_parameters", {}).get("message_id", parameters.get("reply_to_message_id"))
        with self._changed:
            message = Posted(chat, self._next("message"), int(time.time()), text, keyboard, reply_to)
            self.posted.append(message)
            self.times.append((chat.id, time.monotonic()))
        return message.shown()

    def _edit_message_text(self, parameters: Mapping[str, Any]) -> Any:
        chat = self._chat(parameters)
        number = int(parameters["message_id"])
        message = next((one for one in self.posted if one.chat is chat and one.id == number), None)
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        text, keyboard = _checked(parameters)
        if (text, keyboard) == (message.text, message.keyboard):
            raise ApiError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message",
            )
        message.edits.append(message.text)
        message.text, message.keyboard = text, keyboard
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


def _checked(parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    text = parameters.get("text", "")
    if not text.strip():
        raise ApiError(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > MAX_TEXT:
        raise ApiError(400, "Bad Request: message is too long")
    keyboard = parameters.get("reply_markup") or None
    for row in (keyboard or {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button.get("callback_data", "").encode()) <= MAX_CALLBACK:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return text.strip(), keyboard if (keyboard or {}).get("inline_keyboard") else None


def _snake(method: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method)


def _parameters(handler: BaseHTTPRequestHandler) -> dict[str, Any]:
    """From the URL, JSON, a form or multipart, as the clients choose; values that are JSON are read as such."""
    body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
    kind = handler.headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        read: dict[str, Any] = json.loads(body)
        return read
    if kind.startswith("multipart/form-data"):
        message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        parts = [(part.get_param("name", header="content-disposition"), part) for part in message.iter_parts()]  # type: ignore[attr-defined]
        return {name: _value(name, part.get_content()) for name, part in parts}
    return _form(body.decode())


def _form(text: str) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in parse_qsl(text, keep_blank_values=True)}


def _value(name: str, text: str) -> Any:
    return json.loads(text) if name in STRUCTURED else text


@contextmanager
def fake_telegram() -> Iterator[FakeTelegram]:
    made = FakeTelegram()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            path, _, query = self.path.partition("?")
            _, token, method = path.split("/")
            parameters = {**_form(query), **_parameters(self)}
            fault = made.fault(method, parameters)
            if fault is not None and not fault.processed:
                self._fail(fault)
                return
            status, body = self._result(token, method, parameters)
            if fault is not None:
                self._fail(fault)
                return
            self._answer(status, json.dumps(body).encode())

        def do_GET(self) -> None:
            self.do_POST()

        def _result(self, token: str, method: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            try:
                if token != f"bot{made.token}":
                    raise ApiError(401, "Unauthorized")
                return 200, {"ok": True, "result": made.handle(method, parameters)}
            except ApiError as error:
                return error.code, error.body

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

        def log_message(self, *_what: object) -> None:
            """Nothing of it in the output of tests."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *_who: object) -> None:
            """A client that goes away is what tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.closed.set()
        with made._changed:
            made._changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()
