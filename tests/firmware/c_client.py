"""The C client as Python drives it: one device, its memory, its handlers, and what it tells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cffi import FFI

from lfcp.constants import COMMAND_MEMORY, SETTINGS, VERBS
from tests.firmware.c_library import declarations

FRAME_ROOM = 208  # LFCP_CLIENT_MAX_FRAME
OWN = frozenset({"ENAL", "DSAL", "WCAM", "SCAM", "CONF"})  # carried out by the client itself
AFTER_ITS_ACK = frozenset({"RST", "DSLP"})
GUARD = 0xA5
HEADERS = (
    "lfcp_codec.h",
    "lfcp_signing.h",
    "lfcp_client.h",
    "lfcp_path.h",
    "lfcp_upload.h",
    "lfcp_motion.h",
    "lfcp_meeting.h",
)


class Kept(NamedTuple):
    counter: int | None  # None: the memory is empty
    commands: Sequence[str]
    settings: dict[str, int]


class Device(NamedTuple):
    name: str
    key: bytes | None
    labels: str
    interval: int
    commands: Sequence[str]
    jitter: float = 0.0
    detector: bool = True
    camera: bool = True
    failover: bool = True
    plain: bool = False


class Obeyed(NamedTuple):
    verb: str
    p1: str
    p2: str


class CClientLibrary:
    """The shared libraries with the client's declarations."""

    def __init__(self, libraries: Path, scratch: Path) -> None:
        self.ffi: Any = FFI()
        self.ffi.cdef(declarations(scratch, HEADERS))
        self.lfcp: Any = self.ffi.dlopen(str(libraries / "liblfcp.so"))
        mbedtls: Any = self.ffi.dlopen(str(libraries / "liblfcp_mbedtls.so"))
        self.crypto = self.ffi.addressof(mbedtls, "lfcp_crypto_mbedtls")


class CClient:
    """now: ms. memory: records by name, which outlive the client. obeyed: what handlers were called for."""

    def __init__(
        self, library: CClientLibrary, device: Device, memory: dict[str, bytes], boot_id: int, now: int = 0
    ) -> None:
        self._library = library
        self._ffi, self._lfcp = library.ffi, library.lfcp
        self.device, self.memory = device, memory
        self.obeyed: list[Obeyed] = []
        self.reachable = False
        self.told: list[str] = []
        self.write_fails = False
        self._alive: list[Any] = []  # cffi keeps nothing alive that C points to
        self._config = self._configured()
        self.client = self._ffi.new("lfcp_client *")
        self.ok(self._lfcp.lfcp_client_start(self.client, self._config, boot_id, now))

    def ok(self, status: int) -> None:
        assert status == self._lfcp.LFCP_OK, self.code(status)

    def code(self, status: int) -> str:
        return self._string(self._lfcp.lfcp_status_text(status))

    def _string(self, text: Any) -> str:
        return str(self._ffi.string(text).decode("ascii"))

    def poll(self, now: int) -> list[tuple[str, bytes]]:
        frames = []
        while (sent := self._poll(now)) is not None:
            frames.append(sent)
        return frames

    def _poll(self, now: int) -> tuple[str, bytes] | None:
        frame = self._ffi.new("uint8_t[]", bytes([GUARD]) * (FRAME_ROOM + 1))
        length, server = self._ffi.new("size_t *"), self._ffi.new("unsigned *")
        self.ok(self._lfcp.lfcp_client_poll(self.client, now, frame, FRAME_ROOM, length, server))
        assert frame[FRAME_ROOM] == GUARD
        return (self.device.labels[server[0]], bytes(self._ffi.buffer(frame, length[0]))) if length[0] else None

    def next_wakeup(self) -> int:
        at = self._ffi.new("uint64_t *")
        self.ok(self._lfcp.lfcp_client_next_wakeup_ms(self.client, at))
        return int(at[0])

    def receive(self, label: str, frame: bytes, now: int) -> tuple[str, list[list[Any]]]:
        """The status, and the events as protocol/vectors/exchanges.json writes them."""
        event, server, before = self._ffi.new("lfcp_event *"), self.device.labels.index(label), len(self.obeyed)
        memory = self._ffi.from_buffer("uint8_t[]", frame)
        status = self._lfcp.lfcp_client_receive(self.client, server, memory, len(frame), now, event)
        return self.code(status), [*self._told(label, event), *self._commanded(label, self.obeyed[before:])]

    def _told(self, label: str, event: Any) -> list[list[Any]]:
        kind, verb = event.kind, self._string(self._lfcp.lfcp_verb_entry_of(event.verb).name)
        if kind == self._lfcp.LFCP_EVENT_HEARTBEAT_ANSWERED:
            return [["heartbeat", label, event.number or None]]
        if kind == self._lfcp.LFCP_EVENT_MESSAGE_STORED:
            return [["message", label, verb, self._text_of(event.number)]]
        if kind == self._lfcp.LFCP_EVENT_COMMAND and verb in AFTER_ITS_ACK:
            return [["command", label, verb, ["0", "0"]]]
        return []

    def _commanded(self, label: str, obeyed: list[Obeyed]) -> list[list[Any]]:
        return [["command", label, each.verb, [each.p1, each.p2]] for each in obeyed]

    def _text_of(self, number: int) -> str:
        """A message that was stored stays in its place until that is needed."""
        places = self.client.queue.places
        return next(self._string(each.text) for each in places if each.number == number)

    def queue(self, verb: str, text: str, now: int) -> bool:
        status = self._lfcp.lfcp_client_queue(self.client, self._verb(verb), text.encode("ascii"), now)
        assert status in (self._lfcp.LFCP_OK, self._lfcp.LFCP_NO_ROOM)
        return bool(status == self._lfcp.LFCP_OK)

    def done(self) -> None:
        self.ok(self._lfcp.lfcp_client_command_done(self.client))

    def failed(self, why: str, now: int) -> None:
        self.ok(self._lfcp.lfcp_client_command_failed(self.client, why.encode("ascii"), now))

    def sleep(self, seconds: int, now: int) -> None:
        self.ok(self._lfcp.lfcp_client_sleep(self.client, seconds, now))

    @property
    def running(self) -> bool:
        return int(self.client.running) != 0xFF

    @property
    def may_sleep(self) -> bool:
        return bool(self._lfcp.lfcp_client_may_sleep(self.client))

    @property
    def missed(self) -> int:
        return min(int(self.client.servers[at].misses) for at in range(len(self.device.labels)))

    @property
    def detector_on(self) -> bool:
        return bool(self._lfcp.lfcp_client_detector_on(self.client))

    @property
    def camera_on(self) -> bool:
        return bool(self._lfcp.lfcp_client_camera_on(self.client))

    def _verb(self, verb: str) -> int:
        return int(getattr(self._lfcp, f"LFCP_VERB_{verb}"))

    def _configured(self) -> Any:
        ffi, device = self._ffi, self.device
        config = ffi.new("lfcp_config *")
        config.name = self._keep(ffi.new("char[]", device.name.encode("ascii")))
        if device.key is not None:
            config.key = self._keep(ffi.new("uint8_t[]", device.key))
        config.servers = len(device.labels)
        for at, label in enumerate(device.labels):
            config.labels[at] = label.encode("ascii")
        config.interval_s = device.interval
        config.plain_heartbeats = device.plain
        config.detector_on, config.camera_on = device.detector, device.camera
        config.commands, config.command_count = self._entries(), len(device.commands)
        config.crypto = self._library.crypto
        self._call_back(config)
        return config

    def _keep(self, value: Any) -> Any:
        self._alive.append(value)
        return value

    def _entries(self) -> Any:
        handler = self._keep(self._ffi.callback("lfcp_handler", self._carry_out))
        entries = [(self._verb(verb), handler, self._ffi.NULL) for verb in self.device.commands]
        return self._keep(self._ffi.new("lfcp_command_entry[]", entries))

    def _call_back(self, config: Any) -> None:
        callback = self._ffi.callback
        config.storage.read = self._keep(callback("int(void *, const char *, uint8_t *, size_t)", self._read))
        config.storage.write = self._keep(callback("int(void *, const char *, const uint8_t *, size_t)", self._write))
        bits = min(int(self.device.jitter * 2**32), 2**32 - 1)
        config.random = self._keep(callback("uint32_t(void *)", lambda _context: bits))
        config.failover.configured = self.device.failover
        config.failover.internet_reachable = self._keep(callback("bool(void *)", lambda _context: self.reachable))
        config.failover.tell_directly = self._keep(callback("void(void *, const char *)", self._tell))

    def _carry_out(self, _context: Any, _client: Any, command: Any) -> None:
        verb = self._string(self._lfcp.lfcp_verb_entry_of(command.verb).name)
        if verb not in AFTER_ITS_ACK:  # its event was told before
            p1, p2 = (self._string(text) for text in (command.p1, command.p2))
            self.obeyed.append(Obeyed(verb, p1, p2))

    def _read(self, _context: Any, key: Any, data: Any, size: int) -> int:
        record = self.memory.get(self._string(key))
        if record is None or len(record) != size:
            return 1
        self._ffi.memmove(data, record, size)
        return 0

    def _write(self, _context: Any, key: Any, data: Any, size: int) -> int:
        if self.write_fails:
            return -1
        self.memory[self._string(key)] = bytes(self._ffi.buffer(data, size))
        return 0

    def _tell(self, _context: Any, text: Any) -> None:
        self.told.append(self._string(text))


def memory_of(kept: Kept) -> dict[str, bytes]:
    """The records that say the same."""
    entries = b"".join(
        each[0].encode("ascii") + int(each.partition(".")[2], 16).to_bytes(8, "big") for each in kept.commands
    )
    memory = {name: value.to_bytes(4, "big", signed=True) for name, value in kept.settings.items()}
    memory["commands"] = entries.ljust(9 * COMMAND_MEMORY, b"\0")
    if kept.counter is not None:
        memory["counter"] = kept.counter.to_bytes(8, "big")
    return memory


def kept_in(memory: dict[str, bytes]) -> Kept:
    record = memory.get("commands", b"")
    entries = [record[at : at + 9] for at in range(0, len(record), 9) if record[at]]
    commands = [f"{chr(each[0])}.{int.from_bytes(each[1:], 'big'):x}" for each in entries]
    settings = {name: int.from_bytes(memory[name], "big", signed=True) for name in SETTINGS if name in memory}
    return Kept(int.from_bytes(memory["counter"], "big") if "counter" in memory else None, commands, settings)


ALL_COMMANDS = tuple(verb for verb, entry in VERBS.items() if entry.command)
