"""/commands: what devices are told to do, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from alarmd.core import records
from alarmd.core.command_lifecycle import FINAL
from alarmd.core.names import device_name
from alarmd.core.records import CommandState
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import CommandRequested
from alarmd.storage.interface import MAX_PAGE, StoredCommand
from alarmd.web.bodies import CommandBody
from alarmd.web.dependencies import Access, Dependencies, House, HowAsked, Operator
from alarmd.web.history_schemas import Command, Commands
from alarmd.web.paging import MAX_NUMBER, OfDevice
from alarmd.web.seats import MAX_WAIT, SEATED
from alarmd.web.wakeups import LOOK_AGAIN
from lfcp.constants import VERBS

router = APIRouter(prefix="/commands", tags=["commands"])


@router.get("", summary="List commands")
async def list_commands(
    house: House,
    device: OfDevice = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Commands:
    """The newest first."""
    found = await house.read(house.reader.commands, device=device, limit=limit)
    return Commands(commands=[Command.of(stored) for stored in found])


@router.post("", status_code=202, summary="Queue a command")
async def queue_command(house: House, access: HowAsked, operator: Operator, body: CommandBody) -> Commands:
    """For one device, a zone's or all; for each of them or for none. It is sent with the answer to a heartbeat."""
    _check_secret(access, body)
    request = CommandRequested(operator, body.target, body.verb, tuple(body.params), body.time_to_live, body.in_clear)
    made = await house.submit(request)
    commands = [command for command in made if isinstance(command, records.Command)]
    return Commands(commands=[_shown(house, command) for command in commands])


@router.get("/{command_id}", dependencies=SEATED, summary="Show a command")
async def show_command(
    request: Request,
    house: House,
    command_id: Annotated[int, Path(ge=0, le=MAX_NUMBER)],
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for its outcome.")] = 0,
    seen: Annotated[CommandState | None, Query(description="Wait for any other state than this one, too.")] = None,
) -> Command:
    until = house.now().mono + wait
    while True:
        generation = house.wakeups.generation
        stored = await _stored(house, command_id)
        left = until - house.now().mono
        state = stored.command.state
        news = state in FINAL or (seen is not None and state is not seen)
        if news or left <= 0 or house.wakeups.closed or await request.is_disconnected():
            return Command.of(stored)
        await house.wakeups.wait(generation, min(left, LOOK_AGAIN))


async def _stored(house: Dependencies, command_id: int) -> StoredCommand:
    found = await house.read(house.reader.commands, command_id=command_id)
    if not found:
        raise RequestRefusedError("unknown_command", "command_id", f"no command {command_id}")
    return found[0]


def _check_secret(access: Access, body: CommandBody) -> None:
    verb = VERBS.get(body.verb)
    if access.over_tcp and verb is not None and verb.secret:
        raise RequestRefusedError(
            "forbidden", "verb", f"{body.verb} carries a secret, which does not go over TCP; use `alarmd send`"
        )


def _shown(house: Dependencies, command: records.Command) -> Command:
    return Command.of(StoredCommand.shown(command, device_name(house.state, command.device_id)))
