"""Bytes of a connection → lines, and the bodies that some lines announce, within a bound."""

from collections.abc import Callable

from lfcp.constants import LINE_BUFFER, Reason
from lfcp.errors import ProtocolError


def no_body(_line: bytes) -> int:
    """Of a stream of lines alone."""
    return 0


class LineBuffer:
    """Lines end with LF; a CR before it is dropped. How the bytes are cut into chunks makes no difference.

    awaited: bytes of a body that come next; body() takes them before feed() gives another line."""

    def __init__(self, limit: int = LINE_BUFFER, body_length: Callable[[bytes], int] = no_body) -> None:
        """limit: bytes of a line without its line end. body_length: how many bytes behind a line are no lines."""
        self._limit = limit
        self._body_length = body_length
        self._rest = b""
        self._unread = False  # the rest has not been looked at
        self.awaited = 0
        self.overrun = False  # a line was over the limit: nothing more will be read

    @property
    def pending(self) -> bool:
        """Whether feed(b""), or body(b"") while a body is awaited, has something to say."""
        return self.overrun or self._unread

    @property
    def begun(self) -> bool:
        """Whether there is a part of a line."""
        return bool(self._rest) and not self.awaited

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now, the last of them the one that announces a body if there is one. Raises
        ProtocolError once a line is over the limit: at once if no line is complete before it, otherwise at the next
        call, after those lines were handed out."""
        lines: list[bytes] = []
        if not self.overrun:
            *complete, rest = (self._rest + chunk).split(b"\n")
            self._unread = False
            for number, line in enumerate(complete, 1):
                lines.append(line.removesuffix(b"\r"))
                self.overrun = len(lines[-1]) > self._limit
                if self.overrun:
                    lines.pop()
                    break
                self.awaited = self._body_length(lines[-1])
                if self.awaited:
                    self._keep_unread(b"\n".join([*complete[number:], rest]))
                    return lines
            self._keep(rest)
        if self.overrun and not lines:
            raise ProtocolError(Reason.LINE_TOO_LONG, f"a line has at most {self._limit} bytes")
        return lines

    def body(self, chunk: bytes) -> bytes:
        """As much of the body as is there."""
        data = self._rest + chunk if self._rest else chunk
        taken = data[: self.awaited]
        self._keep_unread(data[self.awaited :])
        self.awaited -= len(taken)
        return taken

    def _keep_unread(self, rest: bytes) -> None:
        self._rest = rest
        self._unread = bool(rest)

    def _keep(self, rest: bytes) -> None:
        """One byte over the limit may still be the CR of the line end."""
        over = len(rest) > self._limit + 1 or (len(rest) == self._limit + 1 and not rest.endswith(b"\r"))
        self.overrun = self.overrun or over
        self._rest = b"" if self.overrun else rest
