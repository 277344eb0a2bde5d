"""Frames to a device with a key: each with a counter of its own, under the key that the device used last."""

from alarmd.core.command_queue import sent_parameters
from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import SendFrame
from alarmd.core.paths import Path
from alarmd.core.records import Command
from alarmd.core.signed_session import STORE_EVERY, SignedSession
from alarmd.core.turn import Turn
from lfcp import encode_signed
from lfcp.constants import COUNTER_DIGITS, VERBS, Verb
from lfcp.messages import UNUSED
from lfcp.sealing import seal
from lfcp.writing import with_tag

DONE = "0"
AGAIN = "1"  # to a heartbeat: beat again at once, so that its echo proves that you live
ONE_COPY, TWO_COPIES = "1", "2"  # of a message: at this server alone, and at its peer
SYNC_BITS = 40  # of a boot id, the first; as many bits a SYNC takes a counter up at most
VERSIONED = frozenset({Verb.ENAL, Verb.DSAL, Verb.WCAM, Verb.SCAM})


def acknowledge_heartbeat(turn: Turn, session: DeviceSession, path: Path, answers: int, proven: bool) -> None:
    interval = str(session.stated_interval)
    send(turn, session, path, Verb.ACK, f"{answers:x}", DONE if proven else AGAIN, path.endpoint, interval)


def acknowledge_keep(turn: Turn, session: DeviceSession, path: Path, answers: int, result: str) -> None:
    """The address is the one that its NAT gave the socket which asked."""
    send(turn, session, path, Verb.ACK, f"{answers:x}", result, path.endpoint)


def probe(turn: Turn, session: DeviceSession, path: Path) -> None:
    """Ask whether the device is here still. What it says from here then is the answer."""
    send(turn, session, path, Verb.PROB)


def usual_answer(session: DeviceSession, path: Path) -> str:
    """What acknowledge_heartbeat says of a proven one, without its counters."""
    return f",{DONE},{path.endpoint},{session.stated_interval},"


def acknowledge_as_usual(
    turn: Turn, session: DeviceSession, signed: SignedSession, path: Path, answers: int, answer: str
) -> None:
    """The same bytes as acknowledge_heartbeat. Only its counters are new, so only they are looked at."""
    counter = signed.next_counter(turn.now.mono, path)
    head = f"{session.device.name},{Verb.ACK.value},{answers:x}{answer}{counter:x},"
    frame = with_tag(signed.sub_keys(signed.active).tag_down, head.encode("ascii"))
    _note_counter(turn, session, signed, counter)
    turn.effects.append(SendFrame(path, frame, promises=False))


def acknowledge_message(turn: Turn, session: DeviceSession, path: Path, answers: int, doubled: bool) -> None:
    """It promises that the message is stored. doubled: it waits for the peer's copy, and says whether there is one."""
    one, two = ((f"{answers:x}", copies, path.endpoint) for copies in (ONE_COPY, TWO_COPIES))
    send(turn, session, path, Verb.ACK, *one, promises=True, doubled=two if doubled else ())


def acknowledge_part(
    turn: Turn, session: DeviceSession, path: Path, answers: int, result: str, detail: str, upload: str
) -> None:
    """Of a picture. It may promise that it is stored."""
    send(turn, session, path, Verb.ACK, f"{answers:x}", result, detail, upload, promises=True)


def acknowledge_sleep(turn: Turn, session: DeviceSession, path: Path, answers: int, proven: bool) -> None:
    """It promises that the sleep is stored."""
    result = DONE if proven else AGAIN
    send(turn, session, path, Verb.ACK, f"{answers:x}", result, path.endpoint, promises=True)


def synchronise(turn: Turn, session: DeviceSession, signed: SignedSession, path: Path, boot_id: str) -> None:
    """The device goes on far above what it sent before it lost its memory, and as far as its boot id is random: who
    kept some of that from us, and delivers it later, must not get an ACK that fits what the device says now."""
    above = signed.up.highest + (int(boot_id, 16) >> 4 * COUNTER_DIGITS - SYNC_BITS)
    send(turn, session, path, Verb.SYNC, f"{above:x}", boot_id)


def command(turn: Turn, session: DeviceSession, path: Path, ordered: Command, answers: int) -> None:
    """answers: the counter of the heartbeat that it answers, 0 if it is pushed."""
    params = sent_parameters(ordered)
    if ordered.verb in VERSIONED:
        params = (str(session.device.wanted_version),)
    own = (*params, *(UNUSED,) * (2 - len(params)))
    send(turn, session, path, Verb(ordered.verb), *own, ordered.identity, f"{answers:x}")


def send(
    turn: Turn,
    session: DeviceSession,
    path: Path,
    verb: Verb,
    *params: str,
    promises: bool = False,
    doubled: tuple[str, ...] = (),
) -> None:
    """doubled: parameters of the frame that leaves in its place once there are two copies. They have one counter, since
    only one of them ever leaves."""
    signed, name = session.signed, session.device.name
    assert signed is not None
    keys, counter = signed.sub_keys(signed.active), signed.next_counter(turn.now.mono, path)
    secret = VERBS[verb].secret
    if secret:
        own = len(VERBS[verb].params)
        sealed = (seal(keys.seal_down, counter, name, verb, at, text) for at, text in enumerate(params[:own], 1))
        params = (*sealed, *params[own:])
    frame = encode_signed(keys.tag_down, counter, name, verb, *params)
    other = encode_signed(keys.tag_down, counter, name, verb, *doubled) if doubled else None
    if secret:
        turn.save_contact(session)
    _note_counter(turn, session, signed, counter)
    promises = promises or secret  # a nonce leaves only once it is stored as used
    turn.effects.append(SendFrame(path, frame, promises, other))


def _note_counter(turn: Turn, session: DeviceSession, signed: SignedSession, counter: int) -> None:
    """Written now and then, so that a restart goes on above whatever was used."""
    if counter - signed.stored > STORE_EVERY:
        turn.save_contact(session)
