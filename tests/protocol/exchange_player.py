"""How a step of protocol/vectors/exchanges.json is played; the file says what its steps mean."""

from typing import Any

from lfcp import Report, Verb
from lfcp.authenticator import key_from_text
from lfcp.client import (
    ClientEvent,
    ClientSession,
    CommandReceived,
    HeartbeatAcknowledged,
    Kept,
    MessageAcknowledged,
    VolatileMemory,
)

Step = dict[str, Any]


class Player:
    """A device as an exchange describes it."""

    def __init__(self, device: Step) -> None:
        self._device = device
        kept = device["kept"]
        self._memory = VolatileMemory(Kept(kept["counter"], tuple(kept["commands"]), kept["settings"]))
        self._start(device["boot_id"])

    def play(self, step: Step) -> Step:
        """The step with what the client says to it."""
        now = step["at"] / 1000
        match step:
            case {"poll": _}:
                return {**step, "poll": [[server, frame.decode()] for server, frame in self.session.poll(now)]}
            case {"receive": [server, frame]}:
                return {**step, "events": [_told(event) for event in self.session.receive(server, frame.encode(), now)]}
            case {"may_sleep": _}:
                return {**step, "may_sleep": self.session.may_sleep}
            case {"missed": _}:
                return {**step, "missed": self.session.missed}
            case {"kept": _}:
                return {**step, "kept": self._kept()}
        self._do(step, now)
        return step

    def _do(self, step: Step, now: float) -> None:
        """What has no answer."""
        match step:
            case {"done": True}:
                self.session.command_done()
            case {"failed": why}:
                self.session.command_failed(why, now)
            case {"queue": [verb, text]}:
                self.session.queue(verb, text, now)
            case {"sleep": seconds}:
                self.session.declare_sleep(seconds)
            case {"wake": True}:
                self.session.wake()
            case {"failover": on}:
                self.session.failover = on
            case {"restart": boot_id}:
                self._start(boot_id)
            case _:
                raise AssertionError(f"no such step: {step}")

    def _start(self, boot_id: str) -> None:
        device, key = self._device, self._device["key"]
        report = Report(boot_id=boot_id, detector=True, camera=True)
        knows = key is not None and Verb.CONF in device["commands"]
        self.session = ClientSession(
            device["name"],
            tuple(device["labels"]),
            device["interval"],
            lambda: device["jitter"],
            report=report._replace(settings=knows),
            commands=device["commands"],
            key=None if key is None else key_from_text(key),
            memory=self._memory,
        )

    def _kept(self) -> Step:
        kept = self._memory.load()
        return {"counter": kept.counter, "commands": list(kept.commands), "settings": dict(kept.settings)}


def _told(event: ClientEvent) -> list[Any]:
    match event:
        case HeartbeatAcknowledged(server, interval):
            return ["heartbeat", server, interval]
        case MessageAcknowledged(server, verb, text):
            return ["message", server, verb, text]
        case CommandReceived(server, verb, params):
            return ["command", server, verb, list(params[:2])]
