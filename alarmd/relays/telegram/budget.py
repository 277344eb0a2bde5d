"""How often a bot may write: Telegram's limits, kept from our side, so that it has no reason to shut us out."""

from collections import deque

OVERALL = (30, 1.0)  # messages in so many seconds, in all chats together
IN_A_CHAT = (1, 1.0)
IN_A_GROUP = (20, 60.0)
FOR_URGENT = 5  # of OVERALL and of IN_A_GROUP are kept free of everything but new alarms


class Window:
    """At most `count` in any `seconds`. Times are monotonic seconds."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=count)

    def wait(self, mono: float, keep: int = 0) -> float:
        """Seconds until there is room for one more, with `keep` left free."""
        room = max(1, self._count - keep)
        if len(self._times) < room:
            return 0.0
        return max(0.0, self._times[-room] + self._seconds - mono)

    def room(self, mono: float, keep: int = 0) -> int:
        """For how many there is room."""
        spent = sum(at > mono - self._seconds for at in self._times)
        return max(1, self._count - keep) - spent

    def spend(self, mono: float, count: int = 1) -> None:
        self._times.extend([mono] * count)


class ChatBudget:
    """What one chat may still be sent. group: its members together have 20 a minute.

    An album counts as its pictures, but Telegram posts them at once: a new alarm need not wait a second for each."""

    def __init__(self, overall: Window, *, group: bool) -> None:
        self._own = Window(*IN_A_CHAT)
        self._shared = [overall, *([Window(*IN_A_GROUP)] if group else [])]
        self._blocked_until = 0.0
        self._calm_from = 0.0

    def wait(self, mono: float, *, urgent: bool) -> float:
        """Seconds until a message may be sent."""
        keep = 0 if urgent else FOR_URGENT
        since = self._blocked_until if urgent else max(self._blocked_until, self._calm_from)
        return max(since - mono, self._own.wait(mono), *(window.wait(mono, keep) for window in self._shared))

    def room(self, mono: float) -> int:
        """How many pictures an album may have now, if one may be sent."""
        return max(1, min(window.room(mono, FOR_URGENT) for window in self._shared))

    def spend(self, mono: float, count: int = 1) -> None:
        for window in self._shared:
            window.spend(mono, count)
        self._own.spend(mono)
        self._calm_from = max(self._calm_from, mono + count * IN_A_CHAT[1])

    def block(self, mono: float, seconds: float) -> None:
        """Telegram says to wait."""
        self._blocked_until = max(self._blocked_until, mono + seconds)
