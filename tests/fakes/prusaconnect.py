"""PrusaConnect's camera interface for tests, over real HTTP: what its OpenAPI 0.22 says of /c/snapshot and /c/info
(connect.prusa3d.com/docs/cameras/openapi), and the binding of a fingerprint to its token as the service was seen to do.

tests/fakes/test_prusaconnect.py holds it against the service's own SDK.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.http_server import FakeHandler, http_server

TOKEN = "T0nSPU2v05v0pJeKYFYV"
OTHER_TOKEN = "aB3dE5gH7jK9mN1pQ3sT"
MAX_SNAPSHOT = 16_000_000  # bytes, as documented
SCHEMES = ("TEN_SEC", "THIRTY_SEC", "SIXTY_SEC", "EACH_LAYER", "FIFTH_LAYER", "GCODE", "MANUAL")
CAPABILITIES = ("trigger_scheme", "imaging", "resolution", "rotation", "exposure", "focus")


class RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str = "See the documentation.") -> None:
        super().__init__(code)
        self.status = status
        self.body = json.dumps({"code": code, "message": message}).encode()


@dataclass
class Fault:
    """What happens instead. status: what is answered; None: nothing, the connection is closed, or with hang kept until
    the end."""

    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


@dataclass
class Put:
    path: str
    headers: dict[str, str]  # names in small letters
    body: bytes


class FakePrusaConnect:
    """fingerprints: by token of the cameras that there are; empty until the first picture. snapshots, infos: what each
    token showed and told. fault: asked for each request. max_snapshot: in bytes."""

    def __init__(self) -> None:
        self.url = ""
        self.fingerprints = {TOKEN: "", OTHER_TOKEN: ""}
        self.snapshots: dict[str, list[bytes]] = {TOKEN: [], OTHER_TOKEN: []}
        self.infos: dict[str, list[dict[str, Any]]] = {TOKEN: [], OTHER_TOKEN: []}
        self.asked: list[Put] = []
        self.fault: Callable[[Put], Fault | None] = lambda _put: None
        self.max_snapshot = MAX_SNAPSHOT
        self.closed = threading.Event()

    def carry_out(self, put: Put) -> tuple[int, bytes]:
        token = self._camera(put.headers)
        if put.path == "/c/snapshot":
            self._snapshot(token, put)
            return 204, b""
        if put.path == "/c/info":
            return 200, json.dumps(self._info(token, put)).encode()
        raise RefusedError(404, "NOT_FOUND")

    def _camera(self, headers: dict[str, str]) -> str:
        token, fingerprint = headers.get("token", ""), headers.get("fingerprint", "")
        if not token:
            raise RefusedError(401, "UNAUTHORIZED_MISSING_TOKEN")
        if not fingerprint:
            raise RefusedError(401, "UNAUTHORIZED_MISSING_FINGERPRINT")
        if not 16 <= len(fingerprint) <= 64:
            raise RefusedError(400, "BAD_REQUEST_INVALID_FINGERPRINT")
        if token not in self.fingerprints:
            raise RefusedError(403, "FORBIDDEN_INVALID_TOKEN", f"Token {token} is not known.")
        if self.fingerprints[token] not in ("", fingerprint):
            raise RefusedError(403, "FORBIDDEN_INVALID_FINGERPRINT")
        return token

    def _snapshot(self, token: str, put: Put) -> None:
        if put.headers.get("content-type") not in ("image/jpg", "image/jpeg"):
            raise RefusedError(400, "BAD_REQUEST_CONTENT_TYPE")
        if len(put.body) > self.max_snapshot:
            raise RefusedError(413, "REQUEST_ENTITY_TOO_LARGE")
        if not put.body.startswith(b"\xff\xd8"):
            raise RefusedError(400, "BAD_REQUEST_NOT_JPEG")
        self.fingerprints[token] = put.headers["fingerprint"]
        self.snapshots[token].append(put.body)

    def _info(self, token: str, put: Put) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(put.body)
        config = said["config"]
        resolution = config.get("resolution", {"width": 1, "height": 1})
        fine = (
            isinstance(config["name"], str)
            and len(config["name"]) <= 64
            and config.get("trigger_scheme", "MANUAL") in SCHEMES
            and set(resolution) == {"width", "height"}
            and set(said.get("capabilities", ())) <= set(CAPABILITIES)
        )
        if not fine or put.headers.get("content-type") != "application/json":
            raise RefusedError(400, "BAD_REQUEST_INFO")
        self.infos[token].append(said)
        return {"id": 1, **said, "registered": True, "origin": "OTHER"}


@contextmanager
def fake_prusaconnect() -> Iterator[FakePrusaConnect]:
    made = FakePrusaConnect()

    class Handler(FakeHandler):
        def do_PUT(self) -> None:  # noqa: N802  as http.server calls it
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            put = Put(self.path.partition("?")[0], headers, body)
            made.asked.append(put)
            fault = made.fault(put)
            if fault is None:
                self._answer(*self._result(put), {})
            elif fault.status is not None:
                self._answer(fault.status, fault.body, fault.headers)
            else:
                if fault.hang:
                    made.closed.wait()
                self.close_connection = True

        def _result(self, put: Put) -> tuple[int, bytes]:
            try:
                return made.carry_out(put)
            except RefusedError as refused:
                return refused.status, refused.body

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            with suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    with http_server(Handler, made.closed.set) as url:
        made.url = url
        yield made
