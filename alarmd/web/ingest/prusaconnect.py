"""PrusaConnect's camera interface, OpenAPI 0.22 (connect.prusa3d.com/docs/cameras): its cameras and uploaders need
another host name and nothing else. Codes are formed as the genuine service was seen to (FORBIDDEN_INVALID_FINGERPRINT).
"""

import json
import uuid
from abc import abstractmethod
from http import HTTPStatus
from typing import Any, ClassVar

from alarmd.core.cameras import MAX_INFO
from alarmd.core.inputs import CameraIntroduced
from alarmd.web.ingest.desk import Arrival, wrong_fingerprint
from alarmd.web.ingest.messages import Answer, Finish, UploadRefusedError, json_answer
from alarmd.web.ingest.senders import RENEWAL, SECRET_LENGTH, Sender
from alarmd.web.ingest.uploads import STORED, device_upload

MIN_FINGERPRINT, MAX_FINGERPRINT = 16, 64  # characters
MAX_NAME = 64  # characters
MAX_INFO_BODY = 16 * MAX_INFO  # bytes that are read for it, on the loop: 16 MB of JSON would hold that up for seconds
KEPT = ("config", "options", "capabilities")
STATUSES = frozenset({400, 401, 403, 404, 429, 503})  # those that its clients know
NO_PRINTER = str(uuid.UUID(int=0))


class PrusaArrival(Arrival):
    methods: ClassVar[tuple[str, ...]] = ("PUT",)

    @abstractmethod
    async def finish(self, body: bytes) -> Answer:
        """Raises UploadRefusedError."""

    def begin(self) -> Finish:
        self.fingerprint = self._header("Fingerprint", MIN_FINGERPRINT, MAX_FINGERPRINT)
        token = self._header("Token", SECRET_LENGTH, SECRET_LENGTH)
        unknown = UploadRefusedError(403, "invalid_token", "Token", f"the token is not valid or is outdated; {RENEWAL}")
        self.sender: Sender = self.admit(self.desk.doorkeeper.by_secret(token, self.head.source, unknown))
        if self.sender.fingerprint not in ("", self.fingerprint):
            raise wrong_fingerprint()
        return self.finish

    def render(self, error: UploadRefusedError) -> Answer:
        status = error.status
        if status not in STATUSES:
            status = 503 if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 400
        code = f"{HTTPStatus(status).name}_{error.reason}".upper()
        return json_answer(status, {"code": code, "message": error.message}, error.headers)

    def _header(self, name: str, least: int, most: int) -> str:
        value = self.head.get(name)
        if not value:
            raise UploadRefusedError(401, f"missing_{name.lower()}", name, f"the header {name} is missing")
        if not least <= len(value) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise UploadRefusedError(
                400, f"invalid_{name.lower()}", name, f"the header {name} has {len(value)} characters, not {wanted}"
            )
        return value


class PrusaSnapshot(PrusaArrival):
    way = "prusaconnect"

    def begin(self) -> Finish:
        if self.head.media_type not in ("image/jpg", "image/jpeg"):
            raise UploadRefusedError(400, "not_jpeg", "Content-Type", "send Content-Type: image/jpg")
        return super().begin()

    async def finish(self, body: bytes) -> Answer:
        await self.desk.store(device_upload(self.device, body))
        if not self.sender.fingerprint:
            await self.desk.know(CameraIntroduced(self.device, self.fingerprint))
        return self.accepted(STORED, len(body))


class PrusaInfo(PrusaArrival):
    way = "prusaconnect_info"

    async def finish(self, body: bytes) -> Answer:
        said = _read(body)
        info = json.dumps(said, separators=(",", ":"))
        if len(info) > MAX_INFO:
            raise _invalid(f"a camera may say {MAX_INFO} characters of itself; leave something out")
        await self.desk.know(CameraIntroduced(self.device, self.fingerprint, info))
        camera = {
            "id": self.sender.id,
            "name": said["config"]["name"],
            **said,
            "origin": "OTHER",
            "registered": True,
            "team_id": 0,
            "printer_uuid": NO_PRINTER,
        }
        return self.accepted(json_answer(200, camera), len(body))


def _read(body: bytes) -> dict[str, Any]:
    """What is kept of it, checked as far as anybody here relies on it."""
    if len(body) > MAX_INFO_BODY:
        raise _invalid(f"the body may have {MAX_INFO_BODY} bytes; leave something out")
    try:
        said = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _invalid("the body is not JSON") from None
    config = said.get("config") if isinstance(said, dict) else None
    if not isinstance(config, dict) or "name" not in config:
        raise _invalid("`config` with `name` is required")
    name = config["name"]
    if name is not None and not (isinstance(name, str) and len(name) <= MAX_NAME):
        raise _invalid(f"`config.name` is text of {MAX_NAME} characters at most, or null")
    return {key: said[key] for key in KEPT if key in said}


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _invalid(message: str) -> UploadRefusedError:
    return UploadRefusedError(400, "invalid_info", "body", message)
