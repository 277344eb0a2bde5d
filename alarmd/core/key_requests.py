"""Keys that the operator gives a device. The key itself comes from outside: the rules have no randomness."""

from alarmd.core.device_session import DeviceSession
from alarmd.core.effects import Answer, DropKey, SaveKey
from alarmd.core.event_kinds import EventKind
from alarmd.core.named import session_of
from alarmd.core.operator_requests import adopt
from alarmd.core.records import DeviceKey, Signing
from alarmd.core.refusals import RequestRefusedError
from alarmd.core.requests import KeyGiven
from alarmd.core.signed_session import SignedSession
from alarmd.core.turn import Turn


def key_given(turn: Turn, given: KeyGiven) -> None:
    """The first key adopts the device and makes it sign; a renewed one, of an operator's machine too, is good beside
    the old until it is used."""
    session = _renewing(turn, given) if given.renew else _first(turn, given)
    signed = session.signed
    assert signed is not None
    epoch = max(signed.epochs, default=0) + 1
    add_key(turn, session, signed, DeviceKey(session.device.id, epoch, given.key, turn.now.wall, **turn.made()))
    turn.record(EventKind.KEY_GIVEN, f"key {epoch} by {given.operator}", session)
    turn.effects.append(Answer((session.device,)))


def add_key(turn: Turn, session: DeviceSession, signed: SignedSession, key: DeviceKey) -> None:
    """The newest of the device's; those that it has not used yet are void."""
    for unused in [known for known in signed.epochs if known > signed.active]:
        signed.drop_key(unused)
        turn.effects.append(DropKey(session.device.id, unused))
    signed.add_key(key.epoch, key.secret)
    turn.effects.append(SaveKey(key))


def _first(turn: Turn, given: KeyGiven) -> DeviceSession:
    known = turn.state.sessions.get(given.device)
    if known is not None and known.signed is not None:
        raise RequestRefusedError(
            "has_key", "device", f"{given.device} has a key; `alarmd device rekey {given.device}` gives it another"
        )
    session = adopt(turn, given.operator, given.device, given.zone)
    session.signed = SignedSession(turn.state.settings.label, turn.now)
    turn.change_device(session, signing=Signing.MIXED if given.mixed else Signing.SIGNED)
    return session


def _renewing(turn: Turn, given: KeyGiven) -> DeviceSession:
    operator = turn.state.operators.get(given.device)
    session = operator or session_of(turn, given.device)
    if session.signed is None:
        what = "operator" if operator is not None else "device"
        raise RequestRefusedError(
            "no_key", "device", f"{given.device} has no key; `alarmd {what} add {given.device}` gives it one"
        )
    return session
