"""What a Bot API server takes, and how it refuses the rest. The limits are those of the published description
(core.telegram.org/bots/api), the errors those that the real one is known to answer with."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError

MAX_TEXT = 4096  # UTF-16 code units
MAX_CAPTION = 1024  # of them
MAX_CALLBACK = 64  # bytes
ALBUM = (2, 10)  # pictures of one
MAX_PHOTO = 10_485_760  # bytes
MAX_SIDES = 10_000  # pixels, together
MAX_RATIO = 20
LEAST_SIDE = 10  # pixels; what the real one takes is written nowhere, but it refuses tiny ones
MAX_FILE = 50_000_000  # bytes


class ApiError(Exception):
    """code: of HTTP, and in the body of the answer."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters


@dataclass(frozen=True)
class Media:
    kind: str  # photo, document or video
    data: bytes
    size: tuple[int, int] = (0, 0)

    def shown(self) -> dict[str, Any]:
        file: dict[str, Any] = {"file_id": "AgAC", "file_unique_id": "AQAD", "file_size": len(self.data)}
        width, height = self.size
        if self.kind == "photo":
            return {"photo": [{**file, "width": width, "height": height}]}
        if self.kind == "video":
            return {"video": {**file, "width": 640, "height": 480, "duration": 1, "mime_type": "video/mp4"}}
        return {"document": {**file, "file_name": "a.jpg", "mime_type": "image/jpeg"}}


def media(kind: str, file: Any) -> Media:
    if not isinstance(file, bytes):
        raise ApiError(400, "Bad Request: there is no file")
    if len(file) > MAX_FILE:
        raise ApiError(413, "Request Entity Too Large")
    return Media(kind, file, _size(file)) if kind == "photo" else Media(kind, file)


def attached(item: Mapping[str, Any], parameters: Mapping[str, Any]) -> Media:
    """item: an InputMedia, with its file in a part of the request."""
    return media(item["type"], parameters.get(item["media"].removeprefix("attach://")))


def album(items: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]) -> list[tuple[str, Media]]:
    """Captions and files."""
    if not ALBUM[0] <= len(items) <= ALBUM[1]:
        raise ApiError(400, "Bad Request: wrong number of items in the album")
    kinds = {item["type"] for item in items}
    if "document" in kinds and len(kinds) > 1:
        raise ApiError(400, "Bad Request: document can't be mixed with other media types")
    return [(caption(item), attached(item, parameters)) for item in items]


def text(parameters: Mapping[str, Any]) -> str:
    said = str(parameters.get("text", ""))
    if not said.strip():
        raise ApiError(400, "Bad Request: message text is empty")
    if _units(said) > MAX_TEXT:
        raise ApiError(400, "Bad Request: message is too long")
    return said.strip()


def caption(parameters: Mapping[str, Any]) -> str:
    said = str(parameters.get("caption", ""))
    if _units(said) > MAX_CAPTION:
        raise ApiError(400, "Bad Request: message caption is too long")
    return said.strip()


def keyboard(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    found = parameters.get("reply_markup") or None
    for row in (found or {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button.get("callback_data", "").encode()) <= MAX_CALLBACK:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return found if (found or {}).get("inline_keyboard") else None


def _size(file: bytes) -> tuple[int, int]:
    if len(file) > MAX_PHOTO:
        raise ApiError(
            400,
            f"Bad Request: file of size {len(file)} bytes is too big for a photo; "
            f"the maximum size is {MAX_PHOTO} bytes",
        )
    try:
        size = Image.open(io.BytesIO(file)).size
    except UnidentifiedImageError:
        raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
    if sum(size) > MAX_SIDES or max(size) > MAX_RATIO * min(size) or min(size) < LEAST_SIDE:
        raise ApiError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    return size


def _units(said: str) -> int:
    return len(said.encode("utf-16-le")) // 2
