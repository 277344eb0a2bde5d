"""What a device has to tell and no server, or not every server, has acknowledged yet: bounded, alarms first."""

from collections.abc import Iterator

from lfcp.constants import Verb

QUEUE_LIMIT = 16  # messages; as many as a small device can keep
MESSAGES = frozenset({Verb.LOG, Verb.ERR, Verb.MOAL})
_URGENCY = {Verb.MOAL: 2, Verb.ERR: 1, Verb.LOG: 0}


class QueuedMessage:
    """One text on its way to every server. number: from 1 within a start. happened: s, monotonic. command: id of the
    command whose failure it tells."""

    __slots__ = ("command", "happened", "number", "text", "tired", "urgency", "verb", "waiting_for")

    def __init__(
        self, verb: Verb, text: str, number: int, happened: float, servers: tuple[str, ...], command: str | None
    ) -> None:
        self.verb = verb
        self.text = text
        self.number = number
        self.happened = happened
        self.command = command
        self.urgency = _URGENCY[verb]
        self.waiting_for = set(servers)  # those that have not acknowledged it
        self.tired: set[str] = set()  # those not tried again before they are heard


class EventQueue:
    """Oldest first within one urgency. A full queue makes room only at the cost of something that matters less.
    servers: their labels."""

    __slots__ = ("_messages", "_numbered", "_servers", "displaced")

    def __init__(self, servers: tuple[str, ...]) -> None:
        self._messages: list[QueuedMessage] = []
        self._servers = servers
        self._numbered = 0
        self.displaced = 0  # messages that gave way before every server had them

    def put(self, verb: Verb, text: str, now: float, command: str | None = None) -> bool:
        """False: refused, since everything in the full queue matters as much and no server has it."""
        message = QueuedMessage(verb, text, self._numbered + 1, now, self._servers, command)
        if len(self._messages) >= QUEUE_LIMIT and not self._make_room(message.urgency):
            return False
        self._numbered += 1
        self._messages.append(message)
        return True

    def next_for(self, server: str) -> QueuedMessage | None:
        """What this server should be sent now."""
        ready = [each for each in self._waiting_for(server) if server not in each.tired]
        return max(ready, key=lambda each: each.urgency, default=None)  # max() keeps the first, the oldest

    def acknowledged(self, message: QueuedMessage, server: str) -> None:
        message.waiting_for.discard(server)
        if not message.waiting_for and message in self._messages:
            self._messages.remove(message)

    def heard(self, server: str) -> None:
        """The server lives: what was kept for it goes out again."""
        for message in self._waiting_for(server):
            message.tired.discard(server)

    def _waiting_for(self, server: str) -> Iterator[QueuedMessage]:
        return (each for each in self._messages if server in each.waiting_for)

    def _make_room(self, urgency: int) -> bool:
        """First goes what one server has already, then what is less urgent; the oldest of them."""
        told = (each for each in self._messages if len(each.waiting_for) < len(self._servers))
        lesser = (each for each in sorted(self._messages, key=lambda each: each.urgency) if each.urgency < urgency)
        victim = next(told, None) or next(lesser, None)
        if victim is None:
            return False
        self._messages.remove(victim)
        self.displaced += 1
        return True
