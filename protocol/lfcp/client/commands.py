"""Commands: carried out one at a time and once each, and acknowledged."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

from lfcp.client.event_queue import EventQueue
from lfcp.client.events import CommandReceived
from lfcp.client.heard import BAD_PARAMETER, Commanded
from lfcp.client.memory import Notebook
from lfcp.constants import COMMAND_MEMORY, Verb
from lfcp.errors import ProtocolError
from lfcp.messages import UNUSED
from lfcp.settings import check_setting
from lfcp.signed_fields import is_command_id
from lfcp.text import safe_text
from lfcp.uploads import is_live_seconds

MAX_ACKS = 8  # that wait to be sent; one that is dropped is owed again when the command is repeated
BEFORE_OBEYING = frozenset({Verb.RST, Verb.DSLP})  # acknowledged before, and remembered beyond the restart
NOT_SUPPORTED = "is not supported"


class OwedAck(NamedTuple):
    """To this server, for the frame with this counter. id: a command's or a session's; None in LFCP/1, and of PROB."""

    server: str
    counter: int
    id: str | None
    failed: bool = False
    why: str = UNUSED  # an invitation is refused


class Commands:
    """can: verbs that the device carries out. acks: to be sent, oldest first. version: of the wanted state that the
    device follows."""

    __slots__ = ("_can", "_notebook", "_queue", "_results", "_running", "acks", "version")

    def __init__(self, can: Collection[str], queue: EventQueue, notebook: Notebook) -> None:
        self._can = frozenset(can)
        self._queue = queue
        self._notebook = notebook
        self._results = OrderedDict.fromkeys(notebook.kept.commands, False)  # id → whether it failed
        self._running: tuple[str, Commanded] | None = None
        self.acks: deque[OwedAck] = deque(maxlen=MAX_ACKS)
        self.version: int | None = None

    @property
    def busy(self) -> bool:
        return self._running is not None

    def take(self, server: str, command: Commanded, now: float) -> list[CommandReceived]:
        """What the caller has to carry out. While a command is running, a further frame is its repetition, or another
        command that the server will repeat."""
        if command.id is not None and command.id in self._results:
            self.acks.append(OwedAck(server, command.counter, command.id, self._results[command.id]))
            return []
        if self.busy:
            return []
        self._running = server, command
        fault = self._fault(command)
        if fault is not None:
            self.failed(f"{command.verb} {fault}", now)
        elif self._is_superseded(command):
            self._finish(failed=False)
        else:
            return [CommandReceived(server, command.verb, command.params)]
        return []

    def done(self) -> Commanded:
        """The one that was running. What the memory raises comes through; then it is not done, and runs still."""
        command = self._current()
        self.keep(command.verb, command.params)
        if command.verb in BEFORE_OBEYING and command.id is not None:
            self._notebook.remember((*self._notebook.kept.commands, command.id)[-COMMAND_MEMORY:])
        self._finish(failed=False)
        if command.version is not None:
            self.version = command.version
        return command

    def why_not(self, verb: str, params: tuple[str, ...]) -> str | None:
        """Why the device cannot carry this out, whoever wants it."""
        return self._fault(Commanded(verb, params, None))

    def keep(self, verb: str, params: tuple[str, ...]) -> None:
        """What is to be remembered of a command that was carried out. Raises what the memory raises."""
        if verb == Verb.CONF:
            self._notebook.set(params[0], int(params[1]))

    def failed(self, details: str, now: float) -> bool:
        """False: no room for the ERR."""
        command = self._current()
        self._finish(failed=True)
        return self._queue.put(Verb.ERR, safe_text(details), now, command.id)

    def owed(self) -> Mapping[str, list[OwedAck]]:
        """The ACKs to be sent now, by server, oldest first. They are owed no longer."""
        owed = defaultdict(list)
        while self.acks:
            ack = self.acks.popleft()
            owed[ack.server].append(ack)
        return owed

    def _current(self) -> Commanded:
        if self._running is None:
            raise ValueError("no command is running")
        return self._running[1]

    def _fault(self, command: Commanded) -> str | None:
        if command.verb not in self._can:
            return NOT_SUPPORTED
        if command.verb == Verb.CONF and command.fault is None:
            return None if _is_setting(*command.params[:2]) else BAD_PARAMETER
        if command.verb == Verb.SNAP and not is_command_id(command.params[0]):
            return BAD_PARAMETER
        if command.verb == Verb.LIVE and not is_live_seconds(command.params[0]):
            return BAD_PARAMETER
        return command.fault

    def _is_superseded(self, command: Commanded) -> bool:
        """It is of an older wanted state than the one that the device follows."""
        return command.version is not None and command.version < (self.version or 0)

    def _finish(self, failed: bool) -> None:
        assert self._running is not None
        (server, command), self._running = self._running, None
        self.acks.append(OwedAck(server, command.counter, command.id, failed))
        if command.id is not None:
            self._results[command.id] = failed
        if len(self._results) > COMMAND_MEMORY:
            self._results.popitem(last=False)


def _is_setting(name: str, value: str) -> bool:
    try:
        check_setting(name, value)
    except ProtocolError:
        return False
    return True
