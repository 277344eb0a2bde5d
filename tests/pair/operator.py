"""The operator of a pair: what both servers tell a webhook, who told it and when."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.fakes.receiver import Reply, Request, receiver
from tests.netlab.namespaces import Namespace


class Message(NamedTuple):
    """at: monotonic s. server: the label of who told it. subject: what happened. key: of the message, the same at every
    attempt. device: empty for an alarm about none."""

    at: float
    server: str
    subject: str
    kind: str
    device: str
    key: str


class Operator:
    """Use `operator`. messages: all that came, in order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.url = ""

    def about(self, kind: str, subject: str = "raised") -> list[Message]:
        return [message for message in self.messages if (message.kind, message.subject) == (kind, subject)]

    def take(self, request: Request) -> Reply:
        said = json.loads(request.body)
        alarm = said["alarm"] or {}
        self.messages.append(
            Message(
                time.monotonic(),
                said["server"],
                said["subject"],
                alarm.get("kind", ""),
                alarm.get("device") or "",
                said["id"],
            )
        )
        return Reply()


@contextmanager
def operator(house: Namespace, address: str) -> Iterator[Operator]:
    made = Operator()
    with house.entered():
        serving = receiver(address)
        hook = serving.__enter__()
    hook.reply = made.take
    made.url = hook.url
    try:
        yield made
    finally:
        serving.__exit__(None, None, None)
