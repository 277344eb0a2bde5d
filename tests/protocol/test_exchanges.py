"""Whole exchanges that bind every device: the same file binds the C client."""

from tests.protocol.exchange_player import Player, Step
from tests.protocol.recorded_exchanges import FILE, recorded
from tests.protocol.vectors import Vector, each_of

RESULTS = ("poll", "events", "may_sleep", "missed", "kept")


@each_of("exchanges")
def test_an_exchange_goes_as_recorded(vector: Vector) -> None:
    player = Player(vector["device"])
    for step in vector["steps"]:
        assert player.play(asked(step)) == step


def asked(step: Step) -> Step:
    """Without what the client is to say."""
    return {word: None if word in RESULTS else said for word, said in step.items() if word != "events"}


def test_the_file_is_what_the_program_records() -> None:
    assert FILE.read_text(encoding="ascii") == recorded(), "run: python -m tests.protocol.recorded_exchanges"
