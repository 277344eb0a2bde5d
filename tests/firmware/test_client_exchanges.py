"""The C client in the exchanges that bind every device: the same bytes, the same events, the same memory."""

from typing import Any

from lfcp.authenticator import key_from_text
from tests.firmware.c_client import AFTER_ITS_ACK, OWN, CClient, CClientLibrary, Device, Kept, kept_in, memory_of
from tests.protocol.vectors import Vector, each_of

Step = dict[str, Any]


@each_of("exchanges")
def test_an_exchange_goes_as_recorded(c_client_library: CClientLibrary, vector: Vector) -> None:
    player = _Player(c_client_library, vector["device"])
    for step in vector["steps"]:
        player.play(step)


class _Player:
    def __init__(self, library: CClientLibrary, device: Step) -> None:
        kept = device["kept"]
        key = None if device["key"] is None else key_from_text(device["key"])
        self._library = library
        self._device = Device(
            device["name"], key, "".join(device["labels"]), device["interval"], device["commands"], device["jitter"]
        )
        self._memory = memory_of(Kept(kept["counter"], kept["commands"], kept["settings"]))
        self._start(device["boot_id"], 0)
        self._commanded = ""  # what is to be carried out

    def play(self, step: Step) -> None:
        now = step["at"]
        match step:
            case {"poll": frames}:
                assert [[label, frame.decode()] for label, frame in self.client.poll(now)] == frames, step
            case {"receive": [label, frame], "events": expected}:
                _, events = self.client.receive(label, frame.encode(), now)
                assert events == expected, step
                self._commanded = next((verb for kind, _, verb, *_ in events if kind == "command"), self._commanded)
            case {"may_sleep": expected}:
                assert self.client.may_sleep == expected
            case {"missed": expected}:
                assert self.client.missed == expected
            case {"kept": expected}:
                assert kept_in(self._memory)._asdict() == expected
            case _:
                self._do(step, now)

    def _do(self, step: Step, now: int) -> None:
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
