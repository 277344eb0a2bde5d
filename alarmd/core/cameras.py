"""How pictures come from a device: what the operator set up, and what the camera said of itself."""

import ipaddress
from dataclasses import fields, replace
from typing import Any

from alarmd.core import capture
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, SaveCamera
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import CameraChanged, CameraIntroduced
from alarmd.core.named import session_of
from alarmd.core.records import Camera
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.state import State
from alarmd.core.turn import Turn

MAX_CAMERAS = 100_000
MAX_BY_ADDRESS = 100  # cameras that are known by their address only: each upload looks at all of them
MAX_NETWORKS = 16  # of one camera
MIN_EVERY, MAX_EVERY = 5, 86_400  # s
MAX_URL = 2000  # characters
MAX_INFO = 4000  # characters
SETTINGS = tuple(
    field.name for field in fields(CameraChanged) if field.name not in ("operator", "device", "upload_digest")
)


def camera_changed(turn: Turn, request: CameraChanged) -> None:
    """Checked whole before anything changes."""
    session = session_of(turn, request.device)
    old = turn.state.cameras.get(session.device.id)
    if old is None and len(turn.state.cameras) >= MAX_CAMERAS:
        raise RequestRefusedError("table_full", "device", f"{MAX_CAMERAS} cameras are set up, and no more fit")
    camera = replace(old or _new(turn, session), **_changes(turn.state, session, request))
    if camera.by_address and not camera.source_networks:
        raise RequestRefusedError("invalid", "by_address", "say its address too, or every upload would be its own")
    _save(turn, camera)
    turn.record(EventKind.CAMERA_CHANGED, f"{_said(request)} by {request.operator}", session)
    turn.effects.append(Answer((turn.state.cameras[session.device.id],)))
    if request.every is not None:
        capture.plan(turn, session.device.id)


def camera_introduced(turn: Turn, introduced: CameraIntroduced) -> None:
    """Refused when the secret is another camera's already: PrusaConnect binds one to the first that comes with it."""
    session = session_of(turn, introduced.device)
    camera = turn.state.cameras.get(session.device.id)
    if camera is None or (camera.fingerprint and camera.fingerprint != introduced.fingerprint):
        raise RequestRefusedError("wrong_fingerprint", "fingerprint", "this token belongs to another camera")
    info = camera.info if introduced.info is None else introduced.info[:MAX_INFO]
    if (introduced.fingerprint, info) != (camera.fingerprint, camera.info):
        _save(turn, replace(camera, fingerprint=introduced.fingerprint, info=info))
        turn.record(EventKind.CAMERA_INTRODUCED, "it said what it is", session)
    turn.effects.append(Answer((turn.state.cameras[session.device.id],)))


def forget(turn: Turn, session: DeviceSession) -> None:
    """Nothing may be uploaded in its name any more."""
    turn.state.galleries.pop(session.device.id, None)
    turn.state.captures.pop(session.device.id, None)
    camera = turn.state.cameras.get(session.device.id)
    if camera is not None:
        _save(turn, replace(camera, upload_digest="", by_address=False, pull_url="", every=0))
        _take_out(turn.state, session.device.id)


def by_upload_digest(state: State, digest: str) -> DeviceSession | None:
    """digest: SHA-256 of the secret, in hexadecimal. The secret has 119 random bits, so nobody finds one by its digest,
    and how long a look-up takes says nothing of it."""
    device_id = state.upload_digests.get(digest)
    return None if device_id is None else state.by_id[device_id]


def by_address(state: State, host: str) -> DeviceSession | None:
    """The one camera that is known by this address; None if there is none, or more than one."""
    found = [device_id for device_id in state.by_address if allows(state.cameras[device_id], host)]
    return state.by_id[found[0]] if len(found) == 1 else None


def allows(camera: Camera, host: str) -> bool:
    """Whether uploads may come from this address."""
    if not camera.source_networks:
        return True
    address = ipaddress.ip_address(host)
    return any(address in ipaddress.ip_network(network) for network in camera.source_networks)


def enter(state: State, camera: Camera) -> None:
    """File a camera by what it is found by."""
    _take_out(state, camera.device_id)
    state.cameras[camera.device_id] = camera
    if camera.upload_digest:
        state.upload_digests[camera.upload_digest] = camera.device_id
    if camera.by_address:
        state.by_address.add(camera.device_id)


def _take_out(state: State, device_id: int) -> None:
    camera = state.cameras.pop(device_id, None)
    if camera is not None:
        state.upload_digests.pop(camera.upload_digest, None)
        state.by_address.discard(device_id)


def _new(turn: Turn, session: DeviceSession) -> Camera:
    return Camera(
        device_id=session.device.id,
        source_networks=(),
        by_address=False,
        upload_digest="",
        fingerprint="",
        info="",
        pull_url="",
        every=0,
        on_alarm=True,
        origin=turn.state.settings.label,
        hlc=0,
    )


def _save(turn: Turn, camera: Camera) -> None:
    camera = replace(camera, hlc=turn.stamp())
    enter(turn.state, camera)
    turn.effects.append(SaveCamera(camera))


def _changes(state: State, session: DeviceSession, request: CameraChanged) -> dict[str, Any]:
    changes = {name: getattr(request, name) for name in SETTINGS if getattr(request, name) is not None}
    if request.source_networks is not None:
        changes["source_networks"] = _networks(request.source_networks)
    if request.by_address and session.device.id not in state.by_address and len(state.by_address) >= MAX_BY_ADDRESS:
        raise RequestRefusedError(
            "table_full", "by_address", f"{MAX_BY_ADDRESS} cameras are known by address; use an upload secret"
        )
    if request.every is not None and request.every != 0 and not MIN_EVERY <= request.every <= MAX_EVERY:
        raise RequestRefusedError("invalid", "every", f"must be {MIN_EVERY} to {MAX_EVERY} seconds, or 0 for never")
    if request.pull_url and (
        len(request.pull_url) > MAX_URL or not request.pull_url.startswith(("http://", "https://"))
    ):
        raise RequestRefusedError("invalid", "pull_url", f"write http://host/path, {MAX_URL} characters at most")
    if request.upload_digest is not None:
        changes |= {"upload_digest": request.upload_digest, "fingerprint": "", "info": ""}
    return changes


def _networks(said: tuple[str, ...]) -> tuple[str, ...]:
    if len(said) > MAX_NETWORKS:
        raise RequestRefusedError("invalid", "source_networks", f"at most {MAX_NETWORKS} networks")
    try:
        return tuple(str(ipaddress.ip_network(network)) for network in said)
    except ValueError as error:
        raise RequestRefusedError(
            "invalid", "source_networks", f"{error}; write an address or a network, for example 192.0.2.0/24"
        ) from None


def _said(request: CameraChanged) -> str:
    """Without what is secret."""
    said = {name: getattr(request, name) for name in SETTINGS if getattr(request, name) is not None}
    if request.pull_url:
        said["pull_url"] = "set"
    if request.upload_digest is not None:
        said["upload secret"] = "new" if request.upload_digest else "none"
    return ", ".join(f"{name} {value}" for name, value in said.items()) or "nothing"
