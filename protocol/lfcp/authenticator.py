"""Sub-keys, tags and the form of signed frames: docs/protocol.md, "Keys and tags". No key here ever shows in a repr."""

import re
from base64 import b64decode, b64encode
from binascii import b2a_base64
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest, digest
from typing import NamedTuple

from lfcp.constants import COUNTER_DIGITS, KEY, TAG, Reason
from lfcp.errors import ProtocolError

DOMAIN = b"LFCP2"
MAX_COUNTER = (1 << 4 * COUNTER_DIGITS) - 1
TAG_BYTES = TAG * 3 // 4
KEY_TEXT = 43  # characters of a key as text
_BLOCK = 64  # bytes that SHA-256 takes at once
_NO_SALT = bytes(KEY)  # RFC 5869 §2.2
_LABEL = re.compile(r"[A-Z]")
_KEY_TEXT = re.compile(r"[A-Za-z0-9_-]{43}")
_COUNTER = re.compile(r"[1-9a-f][0-9a-f]{0,15}")
_TAG = re.compile(r"[A-Za-z0-9_-]{16}")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Way(StrEnum):
    """Which way a frame travels."""

    UP = "U"  # from the device
    DOWN = "D"


class Purpose(StrEnum):
    TAG = "tag"
    SEAL = "seal"


class PreparedKey:
    """A tag's sub-key for who uses it often: the two blocks that every HMAC begins with (RFC 2104 §2) are hashed once.
    That is a third of the time of an HMAC from the bare key, and some 700 bytes."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def hmac(self, data: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()


class Signature(NamedTuple):
    counter: int
    tag: str


def derive(key: bytes, purpose: Purpose, way: Way, label: str) -> bytes:
    """HKDF-SHA-256 of RFC 5869, one block. key: the device's 32 bytes. label: the server's. Raises ValueError."""
    if len(key) != KEY:
        raise ValueError(f"a key has {KEY} bytes, not {len(key)}")
    if _LABEL.fullmatch(label) is None:
        raise ValueError("a label is one letter from A to Z")
    return expand(key, f"LFCP2,{purpose},{way},{label}")


def expand(key: bytes, info: str) -> bytes:
    """HKDF-SHA-256 of RFC 5869 without salt, one block: 32 bytes. key: any number of them."""
    return digest(digest(_NO_SALT, key, "sha256"), f"{info}\x01".encode(), "sha256")


def tag_of(tag_key: bytes | PreparedKey, head: bytes) -> bytes:
    """head: the frame up to and with the comma before its tag."""
    data = DOMAIN + head
    mac = tag_key.hmac(data) if isinstance(tag_key, PreparedKey) else digest(tag_key, data, "sha256")
    return b2a_base64(mac[:TAG_BYTES], newline=False).translate(_URL_SAFE)


def verified(tag_key: bytes | PreparedKey, frame: bytes) -> bool:
    """Whether a frame that has the form of a signed one, without its end, carries the right tag. In constant time."""
    return compare_digest(tag_of(tag_key, frame[:-TAG]), frame[-TAG:])


def signature_of(counter: str, tag: str) -> Signature | None:
    """What the last two fields say; None if they have not the form of a signature."""
    if len(tag) != TAG or _TAG.fullmatch(tag) is None or _COUNTER.fullmatch(counter) is None:
        return None
    return Signature(int(counter, 16), tag)


def key_as_text(key: bytes) -> str:
    return b64encode(key, b"-_").decode("ascii").rstrip("=")


def key_from_text(text: str) -> bytes:
    """Raises ProtocolError, which does not repeat the text. Every key has one text: unused bits must be zero."""
    if _KEY_TEXT.fullmatch(text) is not None:
        key = b64decode(text + "=", b"-_")
        if key_as_text(key) == text:
            return key
    raise ProtocolError(Reason.BAD_KEY, f"a key has {KEY_TEXT} characters of base64url")
