"""The ways of this server's own, and the Arduino camera's."""

import base64
import binascii
from abc import abstractmethod
from typing import ClassVar, NoReturn

from alarmd.core.records import Trigger
from alarmd.frames.intake import Upload
from alarmd.web.ingest import described
from alarmd.web.ingest.desk import Arrival, UploadDesk
from alarmd.web.ingest.messages import TEXT, Answer, Finish, Head, UploadRefusedError
from alarmd.web.ingest.senders import RENEWAL, Sender

STORED = Answer(204)
CHALLENGE = (("WWW-Authenticate", 'Bearer realm="alarmd"'),)
ABOUT = """\
alarmd: cameras upload pictures here.

    curl --data-binary @picture.jpg -H "Authorization: Bearer SECRET" http://THIS_HOST/ingest/DEVICE

SECRET is given by `alarmd camera token DEVICE`; docs/operations.md has the other ways, PrusaConnect's among them.
"""


class About(Arrival):
    methods: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    def begin(self) -> Answer:
        return Answer(200, ABOUT.encode(), TEXT)


class Nowhere(Arrival):
    """A path, or a method of it, that is not served: counted, and not logged, since scanners try them all."""

    def __init__(self, desk: UploadDesk, head: Head, methods: tuple[str, ...] = ()) -> None:
        super().__init__(desk, head)
        self._methods = methods

    def begin(self) -> NoReturn:
        if self._methods:
            allowed = ", ".join(self._methods)
            raise UploadRefusedError(
                405, "no_such_method", "", f"this path takes {allowed}", headers=(("Allow", allowed),)
            )
        raise UploadRefusedError(404, "no_such_path", "", "nothing is uploaded to this path; GET / says where")

    def refused(self, error: UploadRefusedError) -> Answer:
        self.desk.metrics.upload(self.way, error.reason)
        return self.render(error)


class PictureUpload(Arrival):
    """A picture from whoever `sender` finds."""

    methods: ClassVar[tuple[str, ...]] = ("POST", "PUT")

    @abstractmethod
    def sender(self) -> Sender: ...

    def begin(self) -> Finish:
        """Everything that can be known without the body, so that none is sent in vain."""
        self.admit(self.sender())
        described.check_media_type(self.head)
        self._captured_at = described.captured_at(self.head, self.desk.now())
        self._trigger = described.trigger(self.head)
        self._upload_id = described.upload_id(self.head)
        return self._finish

    async def _finish(self, body: bytes) -> Answer:
        data = await described.picture_in(self.head, body)
        await self.desk.store(Upload(self.device, data, self._trigger, self._captured_at, self._upload_id))
        return self.accepted(STORED, len(body))


class UrlUpload(PictureUpload):
    """The secret is the last part of the URL."""

    way = "url"

    def sender(self) -> Sender:
        secret = self.head.path.rpartition("/")[2]
        unknown = UploadRefusedError(404, "wrong_secret", "", f"no camera has this URL; {RENEWAL}")
        return self.desk.doorkeeper.by_secret(secret, self.head.source, unknown)


class ScriptUpload(PictureUpload):
    """The secret in a header, the device's name in the path."""

    way = "script"

    def sender(self) -> Sender:
        secret = _secret_of(self.head)
        unknown = UploadRefusedError(
            401,
            "wrong_secret",
            "Authorization",
            f"this secret is no camera's; {RENEWAL}",
            headers=CHALLENGE,
        )
        sender = self.desk.doorkeeper.by_secret(secret, self.head.source, unknown)
        if sender.device != self.head.path.rpartition("/")[2]:
            raise UploadRefusedError(
                403, "wrong_device", "", "this secret is that of another device than the path says"
            )
        return sender


class ArduinoUpload(PictureUpload):
    """It sends nothing that says who it is."""

    way = "arduino"
    methods: ClassVar[tuple[str, ...]] = ("POST",)

    def sender(self) -> Sender:
        return self.desk.doorkeeper.by_address(self.head.source)


def device_upload(device: str, data: bytes) -> Upload:
    """A picture that its camera sent by itself, and said nothing of."""
    return Upload(device, data, Trigger.DEVICE)


def _secret_of(head: Head) -> str:
    scheme, _, credentials = head.get("Authorization").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        return _password(credentials.strip())
    token = head.get("Token")
    if not token:
        raise UploadRefusedError(
            401,
            "missing_secret",
            "Authorization",
            "send the camera's secret as a Bearer token, as the password of HTTP Basic, or in the header Token",
            headers=CHALLENGE,
        )
    return token


def _password(credentials: str) -> str:
    """RFC 7617; the user's name may be anything. Empty if there is none."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
