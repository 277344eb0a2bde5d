"""The C client with lfcp_path, as Python drives it."""

from typing import Any, NamedTuple

from tests.firmware.c_client import FRAME_ROOM, CClient, CClientLibrary, Device

MOST_SOCKETS = 64  # numbers that a short ladder gives


class Sent(NamedTuple):
    socket: int
    label: str
    frame: bytes


class CPathClient(CClient):
    def __init__(
        self, library: CClientLibrary, device: Device, memory: dict[str, bytes], boot_id: int, sockets: int, now: int
    ) -> None:
        self.path = library.ffi.new("lfcp_path *")
        library.lfcp.lfcp_path_start(self.path, library.ffi.addressof(library.lfcp, "lfcp_ladder_usual"), sockets)
        super().__init__(library, device, memory, boot_id, now)

    def _configured(self) -> Any:
        config = super()._configured()
        config.modules = self._ffi.addressof(self.path, "module")
        return config

    def poll_path(self, now: int) -> list[Sent]:
        frames = []
        while (sent := self._poll_path(now)) is not None:
            frames.append(sent)
        return frames

    def _poll_path(self, now: int) -> Sent | None:
        frame, length = self._ffi.new("uint8_t[]", FRAME_ROOM), self._ffi.new("size_t *")
        server, socket = self._ffi.new("unsigned *"), self._ffi.new("unsigned *")
        polled = self._lfcp.lfcp_path_poll(self.path, self.client, now, frame, FRAME_ROOM, length, server, socket)
        self.ok(polled)
        data = bytes(self._ffi.buffer(frame, length[0]))
        return Sent(socket[0], self.device.labels[server[0]], data) if data else None

    def next_path_wakeup(self) -> int:
        at = self._ffi.new("uint64_t *")
        self._lfcp.lfcp_path_next_wakeup_ms(self.path, self.client, at)
        return int(at[0])

    def wants_socket(self, now: int) -> bool:
        return bool(self._lfcp.lfcp_path_wants_socket(self.path, self.client, now))

    def new_socket(self, now: int) -> None:
        self._lfcp.lfcp_path_new_socket(self.path, self.client, now)

    def network_changed(self, now: int) -> None:
        self._lfcp.lfcp_path_network_changed(self.path, self.client, now)

    @property
    def sockets(self) -> frozenset[int]:
        return frozenset(at for at in range(MOST_SOCKETS) if self._lfcp.lfcp_path_uses(self.path, at))

    @property
    def timers(self) -> frozenset[int]:
        """All of them, ms since the start."""
        keeps = {int(each.due) for each in self.path.ladder.keeps}
        return frozenset(keeps | {int(at) for each in self.client.servers for at in (each.next_beat, each.beat_again)})

    @property
    def mapping(self) -> str:
        return str(self._lfcp.lfcp_path_mapping(self.path).decode("ascii"))

    @property
    def life(self) -> int:
        life = self._ffi.new("uint32_t *")
        self._lfcp.lfcp_path_life(self.path, life)
        return int(life[0])
