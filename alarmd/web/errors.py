"""Every error has one shape: {"reason": a code, "field": what is at fault, "message": words with the fix, "errors":
the same for each of several mistakes}."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from alarmd.core.refusals import UNAVAILABLE, RequestRefusedError
from alarmd.storage.interface import StorageError

STATUS = {
    "invalid": 422,
    "in_clear": 422,
    "forbidden": 403,
    "quarantined": 409,
    "unsupported": 409,
    "queue_full": 409,
    "has_key": 409,
    "is_device": 409,
    "is_operator": 409,
    "no_key": 409,
    "has_secret": 409,
    "no_camera": 409,
    "gone": 410,
    "device_rate": 429,
    "table_full": 409,
    "too_many_followers": 503,
    "too_many_viewers": 503,
    "busy": 503,
    UNAVAILABLE: 503,
    "defect": 500,
}
NOT_FOUND = 404
_ABSENT = ("unknown_", "no_")  # unknown_device, unknown_zone, no_devices …
MAX_MISTAKES = 5  # of one request that are told
MAX_FIELD = 64  # characters of a field's name, which may be the client's own

_log = structlog.get_logger(__name__)


class Mistake(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """Why a request was refused; nothing was changed by it."""

    reason: str = Field(description="A code for programs.", examples=["unknown_device"])
    field: str = Field(description="The part of the request that is at fault; may be empty.")
    message: str = Field(description="What is wrong, the limit, and what to do.")
    errors: list[Mistake] = Field(description="Each mistake, when there are several to tell apart.")


def install(app: FastAPI) -> None:
    app.add_exception_handler(RequestRefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StorageError, _storage)
    app.add_exception_handler(Exception, _defect)


def status_of(reason: str) -> int:
    return STATUS.get(reason, NOT_FOUND if reason.startswith(_ABSENT) else 400)


def answer(status: int, reason: str, field: str, message: str, mistakes: Sequence[Mistake] = ()) -> JSONResponse:
    problem = Problem(reason=reason, field=field, message=message, errors=list(mistakes))
    return JSONResponse(problem.model_dump(), status)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestRefusedError)
    return answer(status_of(error.reason), error.reason, error.field, error.message)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """The input itself is not repeated: it may hold a secret."""
    assert isinstance(error, RequestValidationError)
    found = dict.fromkeys((_field(one), str(one["msg"])) for one in error.errors())  # one may be told twice
    mistakes = [Mistake(field=field, message=message) for field, message in list(found)[:MAX_MISTAKES]]
    message = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in mistakes)
    return answer(422, "invalid", mistakes[0].field, message, mistakes)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    reason = {404: "no_such_path", 405: "no_such_method"}.get(error.status_code, "invalid")
    return answer(error.status_code, reason, "", f"{error.detail}; GET /openapi.json lists what there is")


async def _storage(_request: Request, error: Exception) -> JSONResponse:
    return answer(503, UNAVAILABLE, "", str(error))


async def _defect(request: Request, _error: Exception) -> JSONResponse:
    """Starlette logs the traceback; the client gets none."""
    _log.error("a request failed by a defect of the server", path=request.url.path)
    return answer(500, "defect", "", "the server failed on this request; its log says more")


def _field(mistake: Mapping[str, Any]) -> str:
    if mistake["type"] == "json_invalid":  # its place is a number of bytes
        return ""
    parts = (str(part) for part in mistake["loc"] if part not in ("body", "query", "path", "header"))
    return ".".join(parts)[:MAX_FIELD]
