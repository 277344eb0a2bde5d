"""LFCP/1 with one server: unsigned frames, and ACKs that do not say what they acknowledge."""

from lfcp.client.beats import Beats, allowed_interval
from lfcp.client.commands import OwedAck
from lfcp.client.event_queue import QueuedMessage
from lfcp.client.heard import (
    BeatAnswered,
    Commanded,
    ConnectRequest,
    Heard,
    MessageStored,
    PictureAnswered,
    Understood,
)
from lfcp.client.retransmission import Retransmission
from lfcp.constants import RESEND_QUIET_MS, VERBS, Verb
from lfcp.messages import Message
from lfcp.report import Report, report_parameters
from lfcp.uploads import Part, part_parameters, read_answer
from lfcp.writing import encode

QUIET = RESEND_QUIET_MS / 1000  # s after a message sent twice: a late ACK of it would count for the next one
NEEDS_KEY = "LFCP/1 has no CONN and no KEEP: give the device a key"
ANSWER_WAIT = 2.0  # s in which a heartbeat's answer is expected


class Plain:
    """name: the device's."""

    agains = 0  # an unanswered heartbeat waits for the next one
    quiet = QUIET

    def __init__(self, name: str) -> None:
        self._name = name

    def link(self, _label: str, beats: Beats, messages: Retransmission) -> "PlainLink":
        return PlainLink(self._name, beats, messages)


class PlainLink:
    """beats, messages: what is on its way tells what an ACK acknowledges."""

    def __init__(self, name: str, beats: Beats, messages: Retransmission) -> None:
        self._name = name
        self._beats = beats
        self._messages = messages
        self._names_heartbeats = False  # its ACKs of heartbeats state an interval, so that they can be told apart

    def heartbeat(self, report: Report | None) -> bytes:
        params = () if report is None else report_parameters(report)
        return encode(self._name, Verb.HEARTBEAT, *params)

    def sleep(self, seconds: int) -> bytes:
        return encode(self._name, Verb.SLEP, str(seconds))

    def message(self, message: QueuedMessage, _now: float) -> bytes:
        return encode(self._name, message.verb, message.text)

    def part(self, part: Part) -> bytes:
        return encode(self._name, Verb.FRAM, *part_parameters(part))

    def acknowledge(self, _ack: OwedAck) -> bytes:
        return encode(self._name, Verb.ACK)

    def connect(self, _request: ConnectRequest) -> bytes:
        raise ValueError(NEEDS_KEY)

    def keep(self, _delay: float) -> tuple[int, bytes]:
        raise ValueError(NEEDS_KEY)

    def read(self, message: Message, _frame: bytes, now: float) -> Heard | None:
        if message.signature is not None:
            return None
        if VERBS[message.verb].command:
            return Commanded(message.verb, message.params, self._beats.verb)
        return self._acknowledgement(message, now) if message.verb == Verb.ACK else None

    def _acknowledgement(self, message: Message, now: float) -> Heard:
        answer = read_answer(message)
        if answer is not None:
            return PictureAnswered(answer)
        allowed = allowed_interval(message.params[3])
        if allowed is not None:
            self._names_heartbeats = True
        if allowed is not None or self._answers_heartbeat(now):
            return BeatAnswered(self._beats.verb, allowed)
        if self._messages.in_flight is None:
            return Understood()  # the late ACK of a message that was sent twice
        return MessageStored(self._messages.in_flight)

    def _answers_heartbeat(self, now: float) -> bool:
        """Whether an ACK that names nothing is a heartbeat's. In doubt it is: then a message is sent once too often
        instead of being lost."""
        if self._names_heartbeats or not self._beats.unanswered:
            return False
        return self._messages.in_flight is None or now - self._beats.last <= ANSWER_WAIT
