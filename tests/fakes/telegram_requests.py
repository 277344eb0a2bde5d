"""What clients of the Bot API send: parameters in the URL, as JSON, as a form or as multipart with files."""

import json
import re
from email.parser import BytesHeaderParser
from email.policy import HTTP
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

STRUCTURED = (
    "reply_markup",
    "commands",
    "reply_parameters",
    "link_preview_options",
    "allowed_updates",
    "scope",
    "media",
)


def parameters(kind: str, body: bytes) -> dict[str, Any]:
    """kind: the Content-Type. Values that are JSON are read as such; files are bytes."""
    if kind.startswith("application/json"):
        read: dict[str, Any] = json.loads(body)
        return read
    if kind.startswith("multipart/form-data"):
        return _multipart(kind, body)
    return form(body.decode())


def chunks(body: BinaryIO) -> bytes:
    """A body of unknown length (RFC 9112, 7.1)."""
    read = []
    while size := int(body.readline(), 16):
        read.append(body.read(size))
        body.readline()
    body.readline()
    return b"".join(read)


def form(text: str) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in parse_qsl(text, keep_blank_values=True)}


def _multipart(kind: str, body: bytes) -> dict[str, Any]:
    found = re.search(r'boundary="?([^";]+)', kind)
    assert found is not None, kind
    read: dict[str, Any] = {}
    for part in body.split(f"--{found[1]}".encode())[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = BytesHeaderParser(policy=HTTP).parsebytes(head)
        disposition = headers["content-disposition"].params
        data = data.removesuffix(b"\r\n")
        name = disposition["name"]
        read[name] = data if "filename" in disposition else _value(name, data.decode())
    return read


def _value(name: str, text: str) -> Any:
    return json.loads(text) if name in STRUCTURED else text
