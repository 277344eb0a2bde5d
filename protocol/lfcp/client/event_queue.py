"""What a device has to tell and no server, or not every server, has acknowledged yet: bounded, alarms first."""

from collections.abc import Iterator

from lfcp.constants import Verb

QUEUE_LIMIT = 16  # messages; as many as a small device can keep
_URGENCY = {Verb.MOAL: 2, Verb.ERR: 1, Verb.LOG: 0}


class QueuedMessage:
    """One text on its way to every server."""

    __slots__ = ("frame", "text", "tired", "urgency", "verb", "waiting_for")

    def __init__(self, verb: Verb, text: str, frame: bytes, servers: int) -> None:
        self.verb = verb
        self.text = text
        self.frame = frame
        self.urgency = _URGENCY[verb]
        self.waiting_for = set(range(servers))  # those that have not acknowledged it
        self.tired: set[int] = set()  # those not tried again before they are heard


class EventQueue:
    """Oldest first within one urgency. A full queue makes room only at the cost of something that matters less."""

    __slots__ = ("_messages", "_servers", "displaced")

    def __init__(self, servers: int) -> None:
        self._messages: list[QueuedMessage] = []
        self._servers = servers
        self.displaced = 0  # messages that gave way before every server had them

    def put(self, message: QueuedMessage) -> bool:
        """False: refused, since everything in the full queue matters as much and no server has it."""
        if len(self._messages) >= QUEUE_LIMIT and not self._make_room(message.urgency):
            return False
        self._messages.append(message)
        return True

    def next_for(self, server: int) -> QueuedMessage | None:
        """What this server should be sent now."""
        ready = [each for each in self._waiting_for(server) if server not in each.tired]
        return max(ready, key=lambda each: each.urgency, default=None)  # max() keeps the first, the oldest

    def acknowledged(self, message: QueuedMessage, server: int) -> None:
        message.waiting_for.discard(server)
        if not message.waiting_for and message in self._messages:
            self._messages.remove(message)

    def heard(self, server: int) -> None:
        """The server lives: what was kept for it goes out again."""
        for message in self._waiting_for(server):
            message.tired.discard(server)

    def _waiting_for(self, server: int) -> Iterator[QueuedMessage]:
        return (each for each in self._messages if server in each.waiting_for)

    def _make_room(self, urgency: int) -> bool:
        """First goes what one server has already, then what is less urgent; the oldest of them."""
        told = (each for each in self._messages if len(each.waiting_for) < self._servers)
        lesser = (each for each in sorted(self._messages, key=lambda each: each.urgency) if each.urgency < urgency)
        victim = next(told, None) or next(lesser, None)
        if victim is None:
            return False
        self._messages.remove(victim)
        self.displaced += 1
        return True
