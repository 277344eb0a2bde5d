"""The C library as Python sees it: the same questions as to lfcp, and answers to compare with lfcp's."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from cffi import FFI

from lfcp.authenticator import Purpose, Way
from tests.firmware.building import INCLUDE
from tests.needs import need_program

HEADERS = ("lfcp_codec.h", "lfcp_signing.h")
SYSTEM_HEADERS = ("stdbool.h", "stddef.h", "stdint.h")  # cffi knows their types itself
ROOM = 1024  # bytes; more than any frame or field takes
GUARD = 0xA5
MAX_COUNTER = (1 << 64) - 1

# Every answer that may be a str is then the code of the reason why not.


class Read(NamedTuple):
    name: bytes
    verb: bytes
    params: tuple[bytes, ...]
    counter: int | None


def declarations(folder: Path, headers: Sequence[str] = HEADERS) -> str:
    """The headers as cffi wants them: without comments, macros and what they include of the system."""
    for name in SYSTEM_HEADERS:
        (folder / name).touch()
    text = "".join(f'#include "{name}"\n' for name in headers)
    command = [need_program("cc", "gcc libc6-dev"), "-E", "-P", "-nostdinc", f"-I{folder}", f"-I{INCLUDE}", "-"]
    preprocessed = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return preprocessed.replace("extern const", "extern")  # in ABI mode cffi reads no constant that is a structure


class CLibrary:
    def __init__(self, libraries: Path, scratch: Path) -> None:
        self.ffi = FFI()
        self._memory_of: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # cffi keeps no pointers alive
        self.ffi.cdef(declarations(scratch))
        self.lfcp: Any = self.ffi.dlopen(str(libraries / "liblfcp.so"))
        mbedtls: Any = self.ffi.dlopen(str(libraries / "liblfcp_mbedtls.so"))
        self.crypto = self.ffi.addressof(mbedtls, "lfcp_crypto_mbedtls")

    def code(self, status: int) -> str:
        return str(self.ffi.string(self.lfcp.lfcp_status_text(status)), "ascii")

    def text(self, value: bytes) -> Any:
        """An lfcp_text of memory of exactly this size, so that a sanitizer sees who reads beyond."""
        memory = self.ffi.new("char[]", len(value)) if value else self.ffi.NULL
        if value:
            self.ffi.memmove(memory, value, len(value))
        text = self.ffi.new("lfcp_text *", (memory, len(value)))
        self._memory_of[text] = memory
        return text

    def bytes_of(self, text: Any) -> bytes:
        return bytes(self.ffi.buffer(text.at, text.length))

    def verb(self, name: str) -> int:
        """Its number, or the first one that is none."""
        return int(getattr(self.lfcp, f"LFCP_VERB_{name}", self.lfcp.LFCP_VERB_COUNT))

    def verb_name(self, verb: int) -> bytes:
        return bytes(self.ffi.string(self.lfcp.lfcp_verb_entry_of(verb).name))

    def decode(self, frame: bytes) -> Read | str:
        message = self.ffi.new("lfcp_message *")
        memory = self.ffi.from_buffer("uint8_t[]", frame)
        status = self.lfcp.lfcp_decode(memory, len(frame), message)
        return self._read(message) if status == self.lfcp.LFCP_OK else self.code(status)

    def _read(self, message: Any) -> Read:
        params = tuple(map(self.bytes_of, message.params))
        counter = message.counter if message.has_signature else None
        return Read(self.bytes_of(message.name), self.verb_name(message.verb), params, counter)

    def verify(self, tag_key: bytes, frame: bytes) -> str:
        """The code of what lfcp_verify says of a frame that can be read."""
        message = self.ffi.new("lfcp_message *")
        memory = self.ffi.from_buffer("uint8_t[]", frame)
        assert self.lfcp.lfcp_decode(memory, len(frame), message) == self.lfcp.LFCP_OK
        return self.code(self.lfcp.lfcp_verify(self.crypto, tag_key, memory, message))

    def encode(self, name: bytes, verb: str, params: Sequence[bytes], size: int = ROOM) -> bytes | str:
        texts = [self.text(value) for value in (name, *params)]
        fields = self._fields(texts, verb)
        return self._written(size, lambda *room: self.lfcp.lfcp_encode(*room, *fields))

    def encode_signed(
        self, tag_key: bytes, counter: int, name: bytes, verb: str, params: Sequence[bytes], size: int = ROOM
    ) -> bytes | str:
        texts = [self.text(value) for value in (name, *params)]
        signing = (self.crypto, tag_key, counter)
        fields = self._fields(texts, verb)
        return self._written(size, lambda *room: self.lfcp.lfcp_encode_signed(*signing, *room, *fields))

    def _fields(self, texts: list[Any], verb: str) -> tuple[Any, ...]:
        name, *params = [text[0] for text in texts]
        return name, self.verb(verb), self.ffi.new("lfcp_text[]", params), len(params)

    def _written(self, size: int, call: Any, kind: str = "uint8_t") -> bytes | str:
        """What the call wrote into `size` bytes; it must leave those behind them alone."""
        memory = self.ffi.new(f"{kind}[]", ROOM + 1)
        self.ffi.buffer(memory)[:] = bytes([GUARD]) * (ROOM + 1)
        length = self.ffi.new("size_t *")
        status = call(memory, size, length)
        written = bytes(self.ffi.buffer(memory))
        assert set(written[size:]) == {GUARD}
        return written[: length[0]] if status == self.lfcp.LFCP_OK else self.code(status)

    def derive(self, key: bytes, purpose: Purpose, way: Way, label: str) -> bytes | str:
        sub_key = self.ffi.new("uint8_t[32]")
        status = self.lfcp.lfcp_derive(
            self.crypto, key, list(Purpose).index(purpose), list(Way).index(way), label.encode("latin-1"), sub_key
        )
        return bytes(self.ffi.buffer(sub_key)) if status == self.lfcp.LFCP_OK else self.code(status)

    def seal(
        self, seal_key: bytes, counter: int, name: bytes, verb: str, at: int, text: bytes, size: int = ROOM
    ) -> bytes | str:
        return self._sealing(self.lfcp.lfcp_seal, seal_key, counter, name, verb, at, text, size)

    def unseal(
        self, seal_key: bytes, counter: int, name: bytes, verb: str, at: int, field: bytes, size: int = ROOM
    ) -> bytes | str:
        return self._sealing(self.lfcp.lfcp_unseal, seal_key, counter, name, verb, at, field, size)

    def _sealing(
        self, function: Any, key: bytes, counter: int, name: bytes, verb: str, at: int, text: bytes, size: int
    ) -> bytes | str:
        of, said = self.text(name), self.text(text)
        where = (self.crypto, key, counter, of[0], self.verb(verb), at, said[0])
        return self._written(size, lambda *room: function(*where, *room), "char")

    def key_from_text(self, text: bytes) -> bytes | str:
        key = self.ffi.new("uint8_t[32]")
        said = self.text(text)
        status = self.lfcp.lfcp_key_from_text(said.at, said.length, key)
        return bytes(self.ffi.buffer(key)) if status == self.lfcp.LFCP_OK else self.code(status)

    def is_name(self, text: bytes) -> bool:
        said = self.text(text)
        return bool(self.lfcp.lfcp_is_name(said[0]))

    def window(self, highest: int, counters: Sequence[int]) -> list[bool]:
        window = self.ffi.new("lfcp_window *")
        self.lfcp.lfcp_window_open(window, highest)
        return [self.lfcp.lfcp_window_accept(window, counter) == self.lfcp.LFCP_OK for counter in counters]

    def digest(self, values: Sequence[int | None]) -> str:
        """values: of every setting in the order of the table; None: not given."""
        digest = self.ffi.new("char[9]")
        given = [value is not None for value in values]
        status = self.lfcp.lfcp_settings_digest(self.crypto, given, [value or 0 for value in values], digest)
        assert status == self.lfcp.LFCP_OK
        return str(self.ffi.string(digest), "ascii")
