"""Commands, whoever gave them: what becomes of one that fails."""

from collections.abc import Awaitable, Callable

import pytest

from alarmd.device.obeying import CommandFailedError, Obeying
from alarmd.device.pictures import Pictures
from lfcp import Report, Verb
from lfcp.client import ClientSession, CommandReceived, VolatileMemory

UNUSED = ("0",) * 6
COMMANDS = (Verb.SCAM, Verb.RST)


class Full(Pictures):
    """Pictures of which too many wait."""

    def __init__(self) -> None:
        """No camera is needed."""

    async def obey(self, _command: CommandReceived) -> bool:
        return False


def obeying(done: list[str], failure: Exception | None = None, pictures: Full | None = None) -> Obeying:
    async def obey(_params: tuple[str, ...]) -> None:
        if failure is not None:
            raise failure
        done.append("obeyed")

    report, commands = Report(boot_id="b001", camera=True), (*COMMANDS, Verb.SNAP)
    session = ClientSession(
        "cam1", ("A",), 20, lambda: 0.0, report=report, commands=commands, key=bytes(32), memory=VolatileMemory()
    )
    return Obeying(session, dict.fromkeys(COMMANDS, obey), pictures)


def acknowledging(done: list[str]) -> Callable[[], Awaitable[None]]:
    async def acknowledge() -> None:
        done.append("acknowledged")

    return acknowledge


@pytest.mark.parametrize(
    ("verb", "order"), [(Verb.SCAM, ["obeyed", "acknowledged"]), (Verb.RST, ["acknowledged", "obeyed"])]
)
async def test_a_server_hears_of_it_when_it_should(verb: Verb, order: list[str]) -> None:
    done: list[str] = []
    assert await obeying(done).for_server(CommandReceived("A", verb, UNUSED), acknowledging(done)) is None
    assert done == order


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (CommandFailedError("no film"), "no film"),
        (OSError(5, "Input/output error"), "SCAM failed: Input/output error"),
        (OSError(), "SCAM failed: no reason given"),
        (ZeroDivisionError(), "SCAM failed"),
    ],
)
async def test_why_it_failed_is_told_to_whoever_gave_it(failure: Exception, why: str) -> None:
    done: list[str] = []
    obey = obeying(done, failure)
    assert await obey.directly(Verb.SCAM, UNUSED) == why
    assert await obey.for_server(CommandReceived("A", Verb.SCAM, UNUSED), acknowledging(done)) == why
    assert done == []


async def test_too_many_pictures_are_a_failure() -> None:
    obey = obeying([], pictures=Full())
    why = await obey.for_server(CommandReceived("A", Verb.SNAP, ("A.1", *UNUSED[1:])), acknowledging([]))
    assert why == "too many pictures wait to be uploaded"


async def test_what_it_cannot_do_is_told_at_once() -> None:
    assert await obeying([]).directly(Verb.TLGS, UNUSED) == "TLGS is not supported"
