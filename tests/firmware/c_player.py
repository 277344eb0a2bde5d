"""How the C client plays a step of protocol/vectors/exchanges.json; the file says what its steps mean."""

from typing import Any

from lfcp.authenticator import key_from_text
from tests.firmware.c_client import AFTER_ITS_ACK, OWN, CClient, CClientLibrary, Device, Kept, kept_in, memory_of

Step = dict[str, Any]


class CPlayer:
    """A device as an exchange describes it; plays like tests.protocol.exchange_player."""

    def __init__(self, library: CClientLibrary, device: Step) -> None:
        kept = device["kept"]
        key = None if device["key"] is None else key_from_text(device["key"])
        self._library = library
        self._device = Device(
            device["name"], key, "".join(device["labels"]), device["interval"], device["commands"], device["jitter"]
        )
        self._memory = memory_of(Kept(kept["counter"], kept["commands"], kept["settings"]))
        self._commanded = ""  # what is to be carried out
        self._start(device["boot_id"], 0)

    def play(self, step: Step) -> Step:
        """The step with what the client says to it."""
        now = step["at"]
        match step:
            case {"poll": _}:
                return {**step, "poll": [[label, frame.decode()] for label, frame in self.client.poll(now)]}
            case {"receive": [label, frame]}:
                return {**step, "events": self._received(label, frame, now)}
            case {"may_sleep": _}:
                return {**step, "may_sleep": self.client.may_sleep}
            case {"missed": _}:
                return {**step, "missed": self.client.missed}
            case {"kept": _}:
                return {**step, "kept": kept_in(self._memory)._asdict()}
        self._do(step, now)
        return step

    def _received(self, label: str, frame: str, now: int) -> list[list[Any]]:
        _, events = self.client.receive(label, frame.encode(), now)
        self._commanded = next((verb for kind, _, verb, *_ in events if kind == "command"), self._commanded)
        return events

    def _do(self, step: Step, now: int) -> None:
        """What has no answer."""
        match step:
            case {"done": True}:
                if self._commanded not in OWN | AFTER_ITS_ACK:
                    self.client.done()
            case {"failed": why}:
                self.client.failed(why, now)
            case {"queue": [verb, text]}:
                self.client.queue(verb, text, now)
            case {"sleep": seconds}:
                self.client.sleep(seconds, now)
            case {"wake": True}:
                self.client.sleep(0, now)
            case {"failover": on}:
                self.client.reachable = on
            case {"restart": boot_id}:
                self._start(boot_id, now)
            case _:
                raise AssertionError(f"no such step: {step}")

    def _start(self, boot_id: str, now: int) -> None:
        self.client = CClient(self._library, self._device, self._memory, int(boot_id, 16), now)
