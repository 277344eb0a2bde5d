"""What a device knows of one server."""

from collections.abc import Callable
from typing import NamedTuple

from lfcp.client.beats import Beats
from lfcp.client.dialect import Dialect, Link
from lfcp.client.event_queue import EventQueue
from lfcp.client.pictures import PictureQueue
from lfcp.client.retransmission import Retransmission


class Peer(NamedTuple):
    label: str
    link: Link
    beats: Beats
    messages: Retransmission
    pictures: PictureQueue


def new_peer(label: str, dialect: Dialect, queue: EventQueue, interval: float, jitter: Callable[[], float]) -> Peer:
    beats = Beats(interval, dialect.agains, jitter)
    messages = Retransmission(label, queue, dialect.quiet, jitter)
    return Peer(label, dialect.link(label, beats, messages), beats, messages, PictureQueue(jitter))
