"""The C client in the exchanges that bind every device: the same bytes, the same events, the same memory."""

from tests.firmware.c_client import CClientLibrary
from tests.firmware.c_player import CPlayer
from tests.protocol.test_exchanges import asked
from tests.protocol.vectors import Vector, each_of


@each_of("exchanges")
def test_an_exchange_goes_as_recorded(c_client_library: CClientLibrary, vector: Vector) -> None:
    player = CPlayer(c_client_library, vector["device"])
    for step in vector["steps"]:
        assert player.play(asked(step)) == step
