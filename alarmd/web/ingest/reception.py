"""Which way of uploading a request takes, by its path."""

from alarmd.core import cameras
from alarmd.core.device_session import DeviceSession
from alarmd.core.state import State
from alarmd.web.ingest.desk import Arrival, UploadDesk
from alarmd.web.ingest.messages import Head
from alarmd.web.ingest.prusaconnect import PrusaInfo, PrusaSnapshot
from alarmd.web.ingest.senders import Sender
from alarmd.web.ingest.uploads import About, ArduinoUpload, Nowhere, PictureUpload, ScriptUpload, UrlUpload

Way = type[About] | type[PictureUpload] | type[PrusaSnapshot] | type[PrusaInfo]
WAYS: dict[str, Way] = {
    "/": About,
    "/c/snapshot": PrusaSnapshot,
    "/c/info": PrusaInfo,
    "/S3StoreImage": ArduinoUpload,
}
WAYS_BELOW: dict[str, Way] = {"/u": UrlUpload, "/ingest": ScriptUpload}  # with one part more, the secret or the device


class Reception:
    def __init__(self, desk: UploadDesk) -> None:
        self._desk = desk

    def exchange(self, head: Head) -> Arrival:
        above, _, last = head.path.rpartition("/")
        way = WAYS.get(head.path) or (WAYS_BELOW.get(above) if last else None)
        if way is None:
            return Nowhere(self._desk, head)
        if head.method not in way.methods:
            return Nowhere(self._desk, head, way.methods)
        return way(self._desk, head)


class KnownCameras:
    """The rules' table of cameras, as the doorkeeper asks it. On the loop's thread."""

    def __init__(self, state: State) -> None:
        self._state = state

    def by_digest(self, digest: str, source: str) -> Sender | None:
        return self._sender(cameras.by_upload_digest(self._state, digest), source)

    def by_address(self, source: str) -> Sender | None:
        return self._sender(cameras.by_address(self._state, source), source)

    def _sender(self, session: DeviceSession | None, source: str) -> Sender | None:
        if session is None:
            return None
        device, camera = session.device, self._state.cameras[session.device.id]
        return Sender(device.id, device.name, camera.fingerprint, cameras.allows(camera, source))
