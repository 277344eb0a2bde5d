"""The command line's way to a running server: its operator's API on control.sock."""

import errno
import getpass
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from alarmd.cli.asked import Asked
from alarmd.cli.exits import NO_SERVER, Failure

PATIENCE = 30.0  # s for an answer, besides what the request itself waits
NO_OPERATOR = "cli"
STOPPED = (errno.ENOENT, errno.ECONNREFUSED)  # no server ever, or one that was killed and left its socket

Answer = TypeVar("Answer", bound=BaseModel)


def server_runs(path: Path) -> bool:
    """Whether somebody listens on the control socket. Raises Failure when that cannot be found out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(PATIENCE)
        try:
            trial.connect(str(path))
        except OSError as error:
            if error.errno in STOPPED:
                return False
            raise _unreachable(path, error) from None
    return True


class Client:
    """Use `connect`. Every method raises Failure with the server's own words when it refuses."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, shape: type[Answer], path: str, params: Mapping[str, Any] | None = None) -> Answer:
        known = {name: value for name, value in (params or {}).items() if value is not None}
        seconds = PATIENCE + float(known.get("wait", 0))
        return read(shape, self._ask("GET", path, params=known, timeout=seconds).content)

    def change(self, shape: type[Answer], method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        return read(shape, self._ask(method, path, json=body).content)

    def download(self, path: str) -> bytes:
        return self._ask("GET", path).content

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    @contextmanager
    def stream(self, path: str, params: Mapping[str, Any], timeout: float) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on. Raises httpx.TransportError when it breaks off."""
        known = {name: value for name, value in params.items() if value is not None}
        with self._http.stream("GET", path, params=known, timeout=timeout) as response:
            if response.is_error:
                response.read()
                raise _refused(response)
            yield response.iter_lines()

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **what)
        except httpx.ConnectError:
            raise Failure("the server has just stopped; start it with `alarmd serve`", NO_SERVER, "no_server") from None
        except httpx.HTTPError as error:
            raise Failure(f"the server did not answer: {error}", reason="no_answer") from None
        if response.is_error:
            raise _refused(response)
        return response


def read(shape: type[Answer], answer: bytes | str) -> Answer:
    """An answer, or Failure if it is none of that shape."""
    try:
        return shape.model_validate_json(answer)
    except ValidationError:
        raise Failure("the server's answer cannot be read: restart the server if alarmd was upgraded") from None


@contextmanager
def connect(asked: Asked) -> Iterator[Client]:
    """To the running server, or Failure with exit code NO_SERVER."""
    path = asked.control_socket
    if not server_runs(path):
        raise no_server(path)
    with open_client(path) as client:
        yield client


@contextmanager
def open_client(path: Path) -> Iterator[Client]:
    transport = httpx.HTTPTransport(uds=str(path))
    headers = {"X-Operator": operator()}
    with httpx.Client(transport=transport, base_url="http://alarmd/api/v1", timeout=PATIENCE, headers=headers) as http:
        yield Client(http)


def no_server(path: Path) -> Failure:
    return Failure(f"no server runs here ({path}); start it with `alarmd serve`", NO_SERVER, "no_server", "socket")


def operator() -> str:
    """Who asks, for the history: the user's name, as far as the API takes it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return NO_OPERATOR
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", name)[:32].lstrip("_.@-") or NO_OPERATOR


def _unreachable(path: Path, error: OSError) -> Failure:
    if error.errno in (errno.EACCES, errno.EPERM):
        fix = "run this as the server's user, for example with `sudo -u alarmd`"
        return Failure(f"{path} belongs to another user: {fix}", reason="forbidden", field="socket")
    return Failure(f"cannot ask the server at {path}: {error.strerror or error}", reason="no_answer", field="socket")


def _refused(response: httpx.Response) -> Failure:
    """In the server's words, or, from something that is no alarmd, with its status."""
    try:
        problem = response.json()
        return Failure(
            str(problem["message"]),
            reason=str(problem["reason"]),
            field=str(problem["field"]),
            mistakes=problem["errors"],
        )
    except (ValueError, KeyError, TypeError):
        return Failure(f"the server answered with HTTP status {response.status_code}", reason="no_answer")
