"""A server's side of LFCP/2 for tests of the device's: nothing but lfcp's functions, told what to say."""

from lfcp import Verb, encode_signed
from lfcp.authenticator import Purpose, Way, derive, key_from_text
from lfcp.constants import VERBS
from lfcp.messages import UNUSED
from lfcp.sealing import seal

ADDRESS = "192.0.2.7:4000"


class SmallServer:
    """key: the device's, as text. down: the counter of the last frame to it."""

    def __init__(self, name: str, label: str, key: str, down: int = 0x65_5D_0F_A0_00_00_00) -> None:
        self._name = name
        self._tag_key = derive(key_from_text(key), Purpose.TAG, Way.DOWN, label)
        self.seal_key = derive(key_from_text(key), Purpose.SEAL, Way.DOWN, label)
        self.down = down

    def says(self, verb: str, *params: str) -> str:
        self.down += 1
        return encode_signed(self._tag_key, self.down, self._name, verb, *params).decode()

    def heartbeat_ack(self, frame: str, *, again: bool = False, interval: int = 26) -> str:
        return self.says(Verb.ACK, counter_of(frame), str(int(again)), ADDRESS, str(interval))

    def sleep_ack(self, frame: str, *, again: bool = False) -> str:
        return self.says(Verb.ACK, counter_of(frame), str(int(again)), ADDRESS)

    def message_ack(self, frame: str, copies: int = 1) -> str:
        return self.says(Verb.ACK, counter_of(frame), str(copies), ADDRESS)

    def command(self, command_id: str, verb: str, *params: str, answers: str | None = None) -> str:
        """answers: the heartbeat that it answers; None: it is pushed. A secret is sealed."""
        if VERBS[verb].secret:
            numbered = enumerate(params, 1)
            params = tuple(seal(self.seal_key, self.down + 1, self._name, verb, at, text) for at, text in numbered)
        own = (*params, UNUSED, UNUSED)[:2]
        return self.says(verb, *own, command_id, UNUSED if answers is None else counter_of(answers))

    def sync(self, highest: int, boot_id: str) -> str:
        return self.says(Verb.SYNC, f"{highest:x}", boot_id)


def counter_of(frame: str) -> str:
    return frame.split(",")[6]
