"""Bytes of a connection → lines, within a bound."""

from lfcp.constants import LINE_BUFFER, Reason
from lfcp.errors import ProtocolError


class LineBuffer:
    """Lines end with LF; a CR before it is dropped. How the bytes are cut into chunks makes no difference."""

    def __init__(self, limit: int = LINE_BUFFER) -> None:
        """limit: bytes of a line without its line end."""
        self._limit = limit
        self._rest = b""
        self.overrun = False  # a line was over the limit: nothing more will be read

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now. Raises ProtocolError once a line is over the limit: at once if no line
        is complete before it, otherwise at the next call, after those lines were handed out."""
        lines: list[bytes] = []
        if not self.overrun:
            *complete, rest = (self._rest + chunk).split(b"\n")
            for line in complete:
                lines.append(line.removesuffix(b"\r"))
                self.overrun = len(lines[-1]) > self._limit
                if self.overrun:
                    lines.pop()
                    break
            self._keep(rest)
        if self.overrun and not lines:
            raise ProtocolError(Reason.LINE_TOO_LONG, f"a line has at most {self._limit} bytes")
        return lines

    def _keep(self, rest: bytes) -> None:
        """One byte over the limit may still be the CR of the line end."""
        over = len(rest) > self._limit + 1 or (len(rest) == self._limit + 1 and not rest.endswith(b"\r"))
        self.overrun = self.overrun or over
        self._rest = b"" if self.overrun else rest
