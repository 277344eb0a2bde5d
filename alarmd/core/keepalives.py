"""KEEP: answers after a delay, by which a device learns how long its NAT keeps a mapping; docs/protocol.md, "Through
NAT"."""

from alarmd.core.late_answers import MOMENT, Late, Outstanding
from alarmd.core.rejections import Rejection
from alarmd.core.signed_exchange import SignedExchange
from alarmd.core.signed_replies import AGAIN, DONE, acknowledge_keep
from alarmd.core.turn import Turn
from lfcp.constants import KEEP_MOST_MS, MAX_KEEPS
from lfcp.signed_fields import read_seconds

KEEPS = "keeps"  # kind of appointment: answers of one moment are due
BREATH = 0.005  # s between two such turns
MAX_WAITING = 400_000  # answers of all devices: 25,000 full ladders
TOO_MANY = AGAIN


def keep(turn: Turn, exchange: SignedExchange) -> Rejection | None:
    """Proves no life and moves no path. Answered where it came from: from there, at most once for each valid frame."""
    delay = read_seconds(exchange.message.params[0])  # ms, written alike
    if delay is None or delay > KEEP_MOST_MS:
        return Rejection.BAD_FIELDS
    if delay and not _wait(turn, exchange, delay / 1000):
        _answer(turn, exchange, TOO_MANY)
    elif not delay:
        _answer(turn, exchange, DONE)
    return None


def answer_some(turn: Turn, number: int) -> None:
    """The appointment of a moment."""
    taken, all_of_them = turn.state.keeps.take(number)
    for late in taken:
        session = turn.state.by_id.get(late.device_id)
        if session is not None and session.signed is not None and session.signed.keeps is late.of:
            late.of.count -= 1
            acknowledge_keep(turn, session, late.path, late.answers, DONE)
    if not all_of_them:
        turn.state.agenda.add(turn.now.mono + BREATH, KEEPS, number)


def _answer(turn: Turn, exchange: SignedExchange, result: str) -> None:
    acknowledge_keep(turn, exchange.session, exchange.frame.path, exchange.counter, result)


def _wait(turn: Turn, exchange: SignedExchange, seconds: float) -> bool:
    signed, keeps = exchange.signed, turn.state.keeps
    if signed.keeps is None:
        signed.keeps = Outstanding()
    if signed.keeps.count >= MAX_KEEPS or len(keeps) >= MAX_WAITING:
        return False
    signed.keeps.count += 1
    late = Late(exchange.session.device.id, signed.keeps, exchange.counter, exchange.frame.path)
    moment = keeps.add(turn.now.mono + seconds, late)
    if moment is not None:
        turn.state.agenda.add(moment * MOMENT, KEEPS, moment)
    return True
