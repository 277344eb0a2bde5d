"""The operator of a drill: asks the server's API on control.sock, as the command line does."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

PATIENCE = 30.0  # s for one answer
NAME = "drill"


class DrillError(Exception):
    """Why a step failed, in one line for people."""


class RefusedError(DrillError):
    """By the server, in its words."""


class DrillOperator:
    def __init__(self, control_socket: Path) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(control_socket)),
            base_url="http://alarmd/api/v1",
            timeout=PATIENCE,
            headers={"X-Operator": NAME},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **params: Any) -> Any:
        """The answer's JSON; None where there is none. Raises DrillError."""
        try:
            answer = await self._http.request(method, path, json=body, params=params)
        except httpx.HTTPError as error:
            raise DrillError(f"the server does not answer: {type(error).__name__}") from None
        if answer.is_error:
            raise RefusedError(_said(answer))
        return answer.json() if answer.content else None

    async def forget(self, device: str) -> None:
        """Whether there was one or not."""
        try:
            await self.ask("DELETE", f"/devices/{quote(device, safe='')}")
        except RefusedError:
            return


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server answers with HTTP status {answer.status_code}"
