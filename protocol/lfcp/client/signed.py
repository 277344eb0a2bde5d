"""LFCP/2 with one server: signed frames, each with a counter of its own, and answers that name what they answer."""

import re

from lfcp.authenticator import Purpose, Way, derive, verified
from lfcp.candidates import read_address
from lfcp.client.awaited import Awaited, AwaitedFrames, Keep
from lfcp.client.beats import Beats, allowed_interval
from lfcp.client.commands import OwedAck
from lfcp.client.event_queue import QueuedMessage
from lfcp.client.events import Invited
from lfcp.client.heard import (
    BAD_PARAMETER,
    BeatAnswered,
    Commanded,
    ConnectRequest,
    Heard,
    KeepHeard,
    MessageStored,
    PictureAnswered,
    Probed,
    RequestAnswered,
    Summoned,
    Synchronised,
    Understood,
)
from lfcp.client.invitations import read_punch, read_reason
from lfcp.client.memory import Counters, Notebook
from lfcp.client.retransmission import Retransmission
from lfcp.constants import HEARTBEAT_AGAINS, SECRET_VERBS, VERBS, Reason, Verb
from lfcp.errors import ProtocolError
from lfcp.messages import NO_PARAMETERS, UNUSED, Message
from lfcp.reading import without_end
from lfcp.report import Report, report_parameters
from lfcp.sealing import unseal
from lfcp.sequence_window import SequenceWindow
from lfcp.settings import digest
from lfcp.signed_fields import EventId, is_command_id, read_counter
from lfcp.uploads import Part, part_parameters, read_answer
from lfcp.writing import encode_signed

MAX_AGE = 9_999_999  # s
OWN_PARAMETERS = 2  # of a command: p1 and p2
AGAIN = "1"
FAILED = "1"
DONE = "0"
_VERSION = re.compile(r"0|[1-9][0-9]{0,9}")


class Signed:
    """boot_id: of this start. One counter for all servers: two that compare notes meet none twice."""

    agains = HEARTBEAT_AGAINS
    quiet = 0.0  # s: no ACK is taken for another's

    def __init__(self, name: str, boot_id: str, key: bytes, notebook: Notebook) -> None:
        self._name, self._boot_id, self._key, self._notebook = name, boot_id, key, notebook
        self._counters = Counters(notebook)

    def link(self, label: str, _beats: Beats, _messages: Retransmission) -> "SignedLink":
        return SignedLink(self._name, self._boot_id, self._key, label, self._counters, self._notebook)


class SignedLink:
    def __init__(self, name: str, boot_id: str, key: bytes, label: str, counters: Counters, notebook: Notebook) -> None:
        self._name = name
        self._boot_id = boot_id
        self._label = label
        self._tag_up = derive(key, Purpose.TAG, Way.UP, label)
        self._tag_down = derive(key, Purpose.TAG, Way.DOWN, label)
        self._seal_down = derive(key, Purpose.SEAL, Way.DOWN, label)
        self._counters = counters
        self._notebook = notebook
        self._window: SequenceWindow | None = None  # None: no frame proved yet that it was made since the start
        self._awaited = AwaitedFrames()

    def heartbeat(self, report: Report | None) -> bytes:
        assert report is not None
        full = report._replace(
            boot_id=self._boot_id,
            echo=self._echo,
            digest=digest(self._notebook.kept.settings),
            wanted_version=report.wanted_version or 0,
        )
        return self._write(Verb.HEARTBEAT, *report_parameters(full), awaits=Verb.HEARTBEAT)

    def sleep(self, seconds: int) -> bytes:
        return self._write(Verb.SLEP, str(seconds), UNUSED, f"{self._boot_id}.{self._echo:x}", awaits=Verb.SLEP)

    def message(self, message: QueuedMessage, now: float) -> bytes:
        age = min(int(now - message.happened), MAX_AGE)
        event = EventId(self._boot_id, message.number)
        of = () if message.command is None else (message.command,)
        return self._write(message.verb, message.text, str(age), str(event), *of, awaits=message)

    def part(self, part: Part) -> bytes:
        return self._write(Verb.FRAM, *part_parameters(part), awaits=part)

    def acknowledge(self, ack: OwedAck) -> bytes:
        return self._write(Verb.ACK, f"{ack.counter:x}", FAILED if ack.failed else DONE, ack.why, ack.id or UNUSED)

    def connect(self, request: ConnectRequest) -> bytes:
        number = str(EventId(self._boot_id, request.number))
        return self._write(Verb.CONN, request.device, str(request.port), number, request.options, awaits=request)

    def keep(self, delay: float) -> tuple[int, bytes]:
        counter = self._counters.take()
        self._awaited.put(counter, Keep(counter))
        return counter, encode_signed(self._tag_up, counter, self._name, Verb.KEEP, str(round(delay * 1000)))

    def read(self, message: Message, frame: bytes, _now: float) -> Heard | None:
        if message.signature is None or not verified(self._tag_down, without_end(frame)):
            return None
        if not self._is_new(message, message.signature.counter):
            return None
        if VERBS[message.verb].command:
            return self._command(message, message.signature.counter)
        match message.verb:
            case Verb.ACK:
                return self._acknowledgement(message)
            case Verb.SYNC:
                return self._synchronise(message)
            case Verb.PROB:
                return Probed(message.signature.counter)
            case Verb.PNCH:
                return self._punch(message, message.signature.counter)
        return None

    @property
    def _echo(self) -> int:
        return 0 if self._window is None else self._window.highest

    def _write(self, verb: Verb, *params: str, awaits: Awaited | None = None) -> bytes:
        counter = self._counters.take()
        if awaits is not None:
            self._awaited.put(counter, awaits)
        return encode_signed(self._tag_up, counter, self._name, verb, *params)

    def _is_new(self, message: Message, counter: int) -> bool:
        """The window opens with a frame that can only have been made since the start. A picture's answer comes over
        TCP; datagrams whose counters are far ahead may overtake it."""
        answers_picture = self._answers_picture(message)
        if self._window is not None:
            return self._window.accept(counter) or answers_picture
        if self._answered(message) is None and not self._is_sync_for_this_start(message):
            return False
        self._window = SequenceWindow(counter)
        return True

    def _answered(self, message: Message) -> Awaited | None:
        """The frame of this device that the server's answers."""
        at = 3 if VERBS[message.verb].command else 0 if message.verb == Verb.ACK else None
        counter = None if at is None else read_counter(message.params[at])
        return self._awaited.get(counter) if counter is not None and counter > self._counters.doubtful else None

    def _answers_picture(self, message: Message) -> bool:
        return message.verb == Verb.ACK and self._awaited.answers_picture(read_counter(message.params[0]))

    def _is_sync_for_this_start(self, message: Message) -> bool:
        return message.verb == Verb.SYNC and message.params[1] == self._boot_id

    def _synchronise(self, message: Message) -> Heard | None:
        highest = read_counter(message.params[0])
        if highest is None or not self._is_sync_for_this_start(message):
            return None
        return Synchronised(self._counters.raise_to(highest))

    def _acknowledgement(self, message: Message) -> Heard:
        answered = self._answered(message)
        if isinstance(answered, QueuedMessage):
            return MessageStored(answered)
        if isinstance(answered, Part):
            answer = read_answer(message)
            return PictureAnswered(answer) if answer is not None else Understood()
        if isinstance(answered, Keep):
            return KeepHeard(answered.counter, message.params[1] != DONE, read_address(message.params[2]))
        if isinstance(answered, ConnectRequest):
            return _request_answered(answered, message)
        if answered is None:
            return Understood()
        again, address = message.params[1] == AGAIN, read_address(message.params[2])
        return BeatAnswered(answered, allowed_interval(message.params[3]), again, address)

    def _punch(self, message: Message, counter: int) -> Heard | None:
        def opened(field: str) -> str:
            return unseal(self._seal_down, counter, self._name, Verb.PNCH, 2, field)

        try:
            said = read_punch(self._label, message.params, opened)
        except ProtocolError:
            return None
        return Summoned(counter, said) if isinstance(said, Invited) else said

    def _command(self, message: Message, counter: int) -> Heard | None:
        command_id, answered = message.params[2], self._answered(message)
        if not is_command_id(command_id):
            return None
        beat = answered if isinstance(answered, Verb) else None
        try:
            opened = self._opened(message, counter)
            version = _version(message.verb, opened[0])
        except ProtocolError:
            return Commanded(message.verb, NO_PARAMETERS, beat, command_id, counter, fault=BAD_PARAMETER)
        params = (*opened, *NO_PARAMETERS[len(opened) :])
        return Commanded(message.verb, params, beat, command_id, counter, version)

    def _opened(self, message: Message, counter: int) -> tuple[str, ...]:
        """p1 and p2, the command's own. Raises ProtocolError."""
        own = message.params[:OWN_PARAMETERS]
        if message.verb not in SECRET_VERBS:
            return own
        sealed = enumerate(own[: len(VERBS[message.verb].params)], 1)
        return tuple(unseal(self._seal_down, counter, self._name, message.verb, at, field) for at, field in sealed)


def _request_answered(request: ConnectRequest, message: Message) -> Heard:
    _, result, reason, session, *_ = message.params
    if result != DONE:
        return RequestAnswered(request, None, read_reason(reason))
    number = read_counter(session)
    return Understood() if number is None else RequestAnswered(request, number, UNUSED)


def _version(verb: str, field: str) -> int | None:
    """Of the wanted state; None for a command that has none. Raises ProtocolError."""
    if not any(parameter.name == "version" for parameter in VERBS[verb].signed_params):
        return None
    if _VERSION.fullmatch(field) is None:
        raise ProtocolError(Reason.BAD_PARAMETER, "a version is a decimal number")
    return int(field) or None
