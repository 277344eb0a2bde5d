"""The part of a session that uploads pictures, over TCP: docs/protocol.md, "Pictures"."""

from collections.abc import Mapping

from lfcp.client.peer import Peer
from lfcp.constants import Trigger
from lfcp.report import Report
from lfcp.signed_fields import EventId
from lfcp.uploads import Part, picture_digest


class PictureSession:
    """Of ClientSession, which says what it is made of. Times are monotonic seconds."""

    report: Report | None
    _peers: Mapping[str, Peer]
    _uploads = 0  # ids of its own that were given

    @property
    def given_up(self) -> int:
        """Pictures that a server did not get, tried often enough."""
        return sum(peer.pictures.given_up for peer in self._peers.values())

    def offer(self, picture: bytes, trigger: Trigger, upload: str | None = None, server: str | None = None) -> bool:
        """Let this server, or each, have a picture. upload: the id that it was asked for by; None: one of our own,
        which needs a report with a boot id. False: too many wait for a server already."""
        upload = upload or self._own_upload()
        peers = self._peers.values() if server is None else [self._peers[server]]
        taken = [peer.pictures.put(upload, picture, trigger) for peer in peers]
        return all(taken)

    def poll_picture(self, server: str, now: float) -> tuple[bytes, memoryview] | None:
        """A line, and what is sent behind its LF, on a TCP connection to this server; None: nothing now."""
        peer = self._peers[server]
        queued = peer.pictures.poll(now)
        if queued is None:
            return None
        return peer.link.part(queued.part), memoryview(queued.data)[queued.part.offset :]

    def next_picture(self, server: str) -> float:
        """When poll_picture() has something; math.inf: before an answer or a new picture never."""
        return self._peers[server].pictures.next_wakeup()

    def pictures_waiting(self, server: str) -> int:
        return len(self._peers[server].pictures)

    def connection_broke(self, server: str, now: float) -> None:
        """Or no answer came on it for so long that it was closed."""
        self._peers[server].pictures.broken(now)

    def live_line(self, server: str, picture: bytes) -> bytes:
        """The line of a live picture, which is sent behind its LF."""
        part = Part(self._own_upload(), 0, len(picture), picture_digest(picture), Trigger.LIVE)
        return self._peers[server].link.part(part)

    def _own_upload(self) -> str:
        if self.report is None or self.report.boot_id is None:
            raise ValueError("a picture of one's own needs a report with a boot id")
        self._uploads += 1
        return str(EventId(self.report.boot_id, self._uploads))
