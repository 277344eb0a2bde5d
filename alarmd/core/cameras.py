"""How pictures come from a device: what the operator set up, and what the camera said of itself."""

import ipaddress
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from alarmd.core import asked, capture
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, SaveCamera
from alarmd.core.event_kinds import EventKind
from alarmd.core.inputs import CameraIntroduced
from alarmd.core.message_limits import spend_upload
from alarmd.core.named import session_of
from alarmd.core.records import Camera
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import CameraChanged
from alarmd.core.state import State
from alarmd.core.turn import Turn

MAX_BY_ADDRESS = 100  # cameras that are known by their address only: each upload looks at all of them
MAX_NETWORKS = 16  # of one camera
MIN_EVERY, MAX_EVERY = 5, 86_400  # s
MAX_URL = 2000  # characters
MAX_INFO = 4000  # characters of JSON
SETTINGS = tuple(field.name for field in fields(CameraChanged) if field.name not in ("operator", "device"))
SECRETS = ("upload_digest", "pull_url")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def camera_changed(turn: Turn, request: CameraChanged) -> None:
    """Checked whole before anything changes."""
    session = session_of(turn, request.device)
    old = turn.state.cameras.get(session.device.id)
    camera = replace(old or usual(turn.state, session.device.id), **_changes(turn.state, session, request))
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
        spend_upload(turn, session)
        _save(turn, replace(camera, fingerprint=introduced.fingerprint, info=info))
        turn.record(EventKind.CAMERA_INTRODUCED, "it said what it is", session)
    turn.effects.append(Answer((turn.state.cameras[session.device.id],)))


def forget(turn: Turn, session: DeviceSession) -> None:
    """Nothing may be uploaded in its name any more; what is secret goes from storage too."""
    asked.forget(turn, session)
    turn.state.captures.pop(session.device.id, None)
    if session.device.id in turn.state.cameras:
        _save(turn, usual(turn.state, session.device.id))
        take_out(turn.state, session.device.id)


def by_upload_digest(state: State, digest: str) -> DeviceSession | None:
    """digest: SHA-256 of the secret, in hexadecimal. The secret has 119 random bits, so nobody finds one by its digest,
    and how long a look-up takes says nothing of it."""
    device_id = state.upload_digests.get(digest)
    return None if device_id is None else state.by_id[device_id]


def by_address(state: State, host: str) -> DeviceSession | None:
    """The one camera that is known by this address; None if there is none, or more than one. host: as allows() takes
    it."""
    found = [device_id for device_id in state.by_address if allows(state.cameras[device_id], host)]
    return state.by_id[found[0]] if len(found) == 1 else None


def allows(camera: Camera, host: str) -> bool:
    """Whether uploads may come from this address: one of IPv4 as such, never as one of IPv6; from an address that
    nobody can read only if they may come from anywhere."""
    if not camera.source_networks:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in _network(network) for network in camera.source_networks)


def enter(state: State, camera: Camera) -> None:
    """File a camera by what it is found by."""
    take_out(state, camera.device_id)
    state.cameras[camera.device_id] = camera
    if camera.upload_digest:
        state.upload_digests[camera.upload_digest] = camera.device_id
    if camera.by_address:
        state.by_address.add(camera.device_id)


def take_out(state: State, device_id: int) -> None:
    camera = state.cameras.pop(device_id, None)
    if camera is not None:
        state.upload_digests.pop(camera.upload_digest, None)
        state.by_address.discard(device_id)


def usual(state: State, device_id: int) -> Camera:
    """Of a device that the operator did not set up as a camera."""
    return Camera(
        device_id=device_id,
        source_networks=(),
        by_address=False,
        upload_digest="",
        fingerprint="",
        info="",
        pull_url="",
        every=0,
        on_alarm=True,
        origin=state.settings.label,
        hlc=0,
    )


def _save(turn: Turn, camera: Camera) -> None:
    camera = replace(camera, **turn.made())
    enter(turn.state, camera)
    turn.effects.append(SaveCamera(camera))


def _changes(state: State, session: DeviceSession, request: CameraChanged) -> dict[str, Any]:
    changes = _given(request)
    if request.source_networks is not None:
        changes["source_networks"] = _networks(request.source_networks)
    if request.by_address and session.device.id not in state.by_address and _by_address_full(state):
        raise RequestRefusedError(
            "table_full", "by_address", f"{MAX_BY_ADDRESS} cameras are known by address; use an upload secret"
        )
    if request.every is not None and request.every != 0 and not MIN_EVERY <= request.every <= MAX_EVERY:
        raise RequestRefusedError("invalid", "every", f"must be {MIN_EVERY} to {MAX_EVERY} seconds, or 0 for never")
    if request.pull_url and not _is_url(request.pull_url):
        raise RequestRefusedError("invalid", "pull_url", f"write http://host/path, {MAX_URL} characters at most")
    if request.upload_digest is not None:
        if state.upload_digests.get(request.upload_digest, session.device.id) != session.device.id:
            raise RequestRefusedError("invalid", "upload_digest", "another camera has this secret; make a new one")
        changes |= {"fingerprint": "", "info": ""}
    return changes


def fault(state: State, camera: Camera) -> str:
    """What is wrong with settings that another server took; empty: nothing."""
    id_ = camera.device_id
    if camera.by_address and (not camera.source_networks or (id_ not in state.by_address and _by_address_full(state))):
        return "it cannot be known by its address"
    if camera.every and not MIN_EVERY <= camera.every <= MAX_EVERY:
        return f"every {camera.every} s"
    if (camera.pull_url and not _is_url(camera.pull_url)) or len(camera.info) > MAX_INFO:
        return "its URL, or what it said of itself"
    if camera.upload_digest and state.upload_digests.get(camera.upload_digest, id_) != id_:
        return "another camera has its secret"
    try:
        _networks(camera.source_networks)
    except RequestRefusedError as refusal:
        return refusal.message
    return ""


def _by_address_full(state: State) -> bool:
    return len(state.by_address) >= MAX_BY_ADDRESS


def _networks(said: tuple[str, ...]) -> tuple[str, ...]:
    if len(said) > MAX_NETWORKS:
        raise RequestRefusedError("invalid", "source_networks", f"at most {MAX_NETWORKS} networks")
    try:
        return tuple(str(_network(network)) for network in said)
    except ValueError as error:
        raise RequestRefusedError(
            "invalid", "source_networks", f"{error}; write an address or a network, for example 192.0.2.0/24"
        ) from None


@lru_cache(maxsize=MAX_BY_ADDRESS * MAX_NETWORKS)
def _network(text: str) -> Network:
    """Read once: an upload that names nobody is compared with those of many cameras. Raises ValueError."""
    return ipaddress.ip_network(text)


def _is_url(text: str) -> bool:
    """urlsplit() would overlook line ends, which must not reach a request."""
    if len(text) > MAX_URL or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _given(request: CameraChanged) -> dict[str, Any]:
    return {name: getattr(request, name) for name in SETTINGS if getattr(request, name) is not None}


def _said(request: CameraChanged) -> str:
    return ", ".join(f"{name}={_word(name, value)}" for name, value in _given(request).items())


def _word(name: str, value: Any) -> str:
    if name in SECRETS:
        return "set" if value else "none"
    return " ".join(value) if isinstance(value, tuple) else str(value)
