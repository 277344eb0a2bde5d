"""/healthz, for monitors: 200 while what devices report is stored, 503 with the reasons when it is not."""

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from alarmd import __version__
from alarmd.core.refusals import RequestRefusedError
from alarmd.storage.interface import StorageError
from alarmd.web.dependencies import Condition, Dependencies, House

PATIENCE = 3.0  # s for the database; a monitor's own patience is often 5 or 10

router = APIRouter(tags=["the server"])


class Health(BaseModel):
    healthy: bool
    problems: list[str] = Field(description="Empty when healthy.")
    database: bool = Field(description="It answers, and commits succeed.")
    backlog: int = Field(description="Decisions that are not stored yet.")
    backlog_limit: int = Field(description="Where messages begin to be refused.")
    uptime: float = Field(description="Seconds.")
    version: str
    label: str = Field(description="Of this server, among those that work together.")


@router.get("/healthz", responses={503: {"model": Health}}, summary="Is the server well?")
async def healthz(house: House, response: Response) -> Health:
    condition = house.condition()
    answers = await _database_answers(house)
    found = _problems(house, condition, answers)
    response.status_code = 503 if found else 200
    return Health(
        healthy=not found,
        problems=found,
        database=answers and not condition.storage_failing,
        backlog=condition.waiting,
        backlog_limit=condition.waiting_limit,
        uptime=round(house.now().mono - house.started.mono, 3),
        version=__version__,
        label=house.state.settings.label,
    )


async def problems(house: Dependencies) -> list[str]:
    """What keeps the server from its job, in the words of /healthz; empty when it is well."""
    return _problems(house, house.condition(), await _database_answers(house))


def _problems(house: Dependencies, condition: Condition, database_answers: bool) -> list[str]:
    found = []
    if not database_answers:
        found.append("the database does not answer")
    if condition.storage_failing:
        found.append("commits fail and are tried again; nothing is acknowledged that is not stored")
    if condition.waiting >= condition.waiting_limit:
        found.append("too much waits to be stored; new messages are refused")
    if house.archive.failing:
        found.append(f"pictures are refused: {house.archive.failing}")
    return found


async def _database_answers(house: Dependencies) -> bool:
    try:
        return await asyncio.wait_for(house.read(house.reader.healthy), PATIENCE)
    except (TimeoutError, StorageError, RequestRefusedError):
        return False
