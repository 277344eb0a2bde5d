"""A request's head, an answer, and a refusal, as this listener sees them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class UploadRefusedError(Exception):
    """reason: a code, also the metrics' label. field: the header or part at fault, may be empty. message: what is
    wrong, the limit and the fix. retry_after: s, 0: no use in trying again. headers: of the answer."""

    def __init__(
        self,
        status: int,
        reason: str,
        field: str,
        message: str,
        *,
        retry_after: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.field = field
        self.message = message
        self.headers = (*headers, ("Retry-After", str(retry_after))) if retry_after else headers


@dataclass(frozen=True, slots=True)
class Head:
    """path: as sent, without query, percent-encoded. headers: names in small letters. source: the sender's address, by
    the word of a trusted proxy if there is one. Nothing of it is repeated in a log: path and headers hold secrets."""

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, tuple[str, ...]] = field(repr=False)
    source: str

    def get(self, name: str) -> str:
        """The header's value, empty if it is not there. Said twice it is refused: who is to be believed?"""
        values = self.headers.get(name.lower(), ())
        if len(values) > 1:
            raise UploadRefusedError(400, "repeated_header", name, f"the header {name} may be sent once")
        return values[0].strip() if values else ""

    @property
    def media_type(self) -> str:
        return self.get("Content-Type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    media_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, *, with_body: bool = True) -> bytes:
        """As sent: always HTTP/1.1, which the cameras look for, whatever they speak; and the last on its connection."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"Date: {formatdate(usegmt=True)}"]
        if self.status != HTTPStatus.NO_CONTENT:  # which may have no length, RFC 9110 section 8.6
            lines += [f"Content-Type: {self.media_type}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, ("Connection", "close"))]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + (self.body if with_body else b"")


Finish = Callable[[bytes], Awaitable[Answer]]  # what is done with a request's body


def json_answer(status: int, content: object, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, json.dumps(content).encode(), JSON, headers)


def refused(error: UploadRefusedError) -> Answer:
    """In the shape of every error of this server."""
    problem = {"reason": error.reason, "field": error.field, "message": error.message, "errors": []}
    return json_answer(error.status, problem, error.headers)
