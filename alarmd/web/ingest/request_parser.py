"""Bytes in, what they mean out: one request, read by httptools. No I/O."""

from dataclasses import dataclass, field
from enum import Enum

import httptools

from alarmd.web.ingest.limits import MAX_HEAD
from alarmd.web.ingest.messages import UploadRefusedError

Headers = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class RequestLine:
    """The request's head. path: of an origin-form or absolute-form target, without query. headers: by small name."""

    method: str
    path: str = field(repr=False)
    headers: Headers = field(repr=False)
    may_continue: bool  # HTTP/1.1, which has 100 (Continue)


class End(Enum):
    """Of the request. What follows is not looked at: cameras send stray bytes behind their pictures."""

    END = "end"


Event = RequestLine | bytes | End | UploadRefusedError


class RequestParser:
    """bytes are parts of the body. A refusal is the last event."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._events: list[Event] = []
        self._target = b""
        self._headers: Headers = {}
        self._head_size = 0
        self._in_head = True
        self.is_complete = False

    @property
    def method(self) -> str:
        return self._parser.get_method().decode("latin-1")

    def feed(self, data: bytes) -> list[Event]:
        room = MAX_HEAD - self._head_size if self._in_head else len(data)
        self._feed(data[:room])
        if self._in_head:
            self._head_size += len(data)
        if self._in_head and len(data) > room:
            self._refuse(431, "head_too_long", f"the headers may have {MAX_HEAD} bytes")
        else:
            self._feed(data[room:])
        events, self._events = self._events, []
        return events

    def _feed(self, data: bytes) -> None:
        if self.is_complete or not data:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400, "malformed", "this is not an HTTP request")

    def _refuse(self, status: int, reason: str, message: str) -> None:
        if not self.is_complete:
            self._events.append(UploadRefusedError(status, reason, "", message))

    # Called by httptools.

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else it is a trailer
            key = name.decode("latin-1").lower()
            self._headers[key] = (*self._headers.get(key, ()), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        if self.is_complete:
            return
        self._in_head = False
        if self._parser.should_upgrade():
            self._refuse(400, "upgrade", "only plain HTTP/1.0 and HTTP/1.1 are spoken here")
            return
        try:
            path = httptools.parse_url(self._target).path or b"/"
        except httptools.HttpParserInvalidURLError:
            self._refuse(400, "malformed", "the request's target cannot be read")
            return
        may_continue = self._parser.get_http_version() == "1.1"
        self._events.append(RequestLine(self.method, path.decode("latin-1"), self._headers, may_continue))

    def on_body(self, part: bytes) -> None:
        if not self.is_complete:
            self._events.append(part)

    def on_message_complete(self) -> None:
        if not self.is_complete:
            self.is_complete = True
            self._events.append(End.END)
