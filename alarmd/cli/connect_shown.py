"""What `alarmd connect` shows: each path as it is taken, live on a terminal, a line of JSON each for programs; and at
last, in plain words, why there is none."""

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from alarmd.cli.exits import ENDED, NO_SERVER, Failure
from alarmd.device.connecting import Ended, How, Operator, Wanted
from alarmd.device.loopback import LOOPBACK
from lfcp import escape
from lfcp.candidates import Kind
from lfcp.client.punching_steps import PathChanged
from lfcp.constants import RendezvousReason

RELAY = "relay"
DIRECT = "direct"
KINDS = {Kind.HOST: "host", Kind.IPV6: "ipv6", Kind.PUBLIC: "public", Kind.PREDICTED: "predicted"}
IN_WORDS = {
    Kind.HOST: "in one network",
    Kind.IPV6: "over IPv6",
    Kind.PUBLIC: "through NATs",
    Kind.PREDICTED: "through NATs, at a predicted port",
}


class Shown:
    """Everything goes to stdout; on a terminal the line of the path is written over and over."""

    def __init__(self, wanted: Wanted, *, in_json: bool) -> None:
        self._wanted = wanted
        self._in_json = in_json
        self._live = sys.stdout.isatty() and not in_json
        self._before: PathChanged | None = None
        self._begun = False  # a live line is there, which has no end yet
        self._first: Callable[[], object] = lambda: None
        self._known: Callable[[], object] = lambda: None

    def when_known(self, direct: Callable[[], object], first: Callable[[], object]) -> None:
        """direct: called when a direct path has its round trip. first: with the first path, which is the relay."""
        self._known, self._first = direct, first

    def listening(self, port: int) -> None:
        device, at = self._wanted.device, self._wanted.port
        if self._in_json:
            self._tell(event="listening", device=device, udp_port=at, address=f"{LOOPBACK}:{port}")
        else:
            what = f"UDP port {at}" if at else "LFCP"
            click.echo(f"{LOOPBACK} port {port} is {device}'s {what}, until Ctrl-C")

    def path(self, path: PathChanged, after: float) -> None:
        """after: s since the server was asked."""
        if self._before is None:
            self._first()
        if self._in_json:
            self._tell(event="path", after=round(after, 3), **_facts(path))
        elif self._live:
            click.echo(f"\r\x1b[K{self._line(path)}", nl=False)
            self._begun = True
        elif self._before is None or self._before.address != path.address:
            click.echo(self._line(path))
        self._before = path
        if path.address is not None and path.round_trip is not None:
            self._known()

    def end(self) -> None:
        if self._begun:
            click.echo()

    def _line(self, path: PathChanged) -> str:
        took = "" if path.round_trip is None else f", {path.round_trip * 1000:.0f} ms"
        if path.kind is None:
            return f"{self._wanted.device} is reached through the server{took}"
        return f"{self._wanted.device} is reached directly at {path.address}, {IN_WORDS[path.kind]}{took}"

    def _tell(self, **facts: Any) -> None:
        click.echo(json.dumps(facts))
        sys.stdout.flush()


def _facts(path: PathChanged) -> dict[str, Any]:
    return {
        "path": RELAY if path.address is None else DIRECT,
        "kind": None if path.kind is None else KINDS[path.kind],
        "address": None if path.address is None else str(path.address),
        "round_trip": path.round_trip,
    }


def failure_of(ended: Ended, wanted: Wanted, operator: Operator) -> Failure:
    device = wanted.device
    if ended.how is How.SILENT:
        where = ", ".join(f"{server.host} port {server.port}" for server in operator.servers)
        message = (
            f"no server answered at {where}: see that one runs there, that its label is right, and that "
            f"{operator.name} is an operator there with this key"
        )
        return Failure(message, NO_SERVER, "no_answer", "server")
    if ended.how is How.UNANSWERED:
        return Failure("the server did not answer the request; try again", NO_SERVER, "no_answer", "server")
    if ended.how is How.OVER:
        return Failure(f"the connection with {device} is over: {_why_over(ended, device)}", ENDED, "ended")
    words = _REFUSALS.get(ended.reason, "{device} cannot be connected with: {reason}")
    told = words.format(device=device, operator=operator.name, port=wanted.port, reason=escape(ended.reason))
    return Failure(f"server {ended.server}: {told}", reason=ended.reason, field="device")


def _why_over(ended: Ended, device: str) -> str:
    if ended.server:
        return "the server ended it"
    if ended.reason == RendezvousReason.ENDED:
        return f"{device} ended it"
    return f"nothing was heard of {device} for too long"


_REFUSALS: dict[str, str] = {
    RendezvousReason.UNPROVEN: "it does not believe this machine's address; try again from another network",
    RendezvousReason.NOT_OPERATOR: "{operator} is a device there; `alarmd operator add` makes an operator",
    RendezvousReason.UNKNOWN_DEVICE: "there is no device {device} with a key; `alarmd devices` there lists them, "
    "`alarmd device add` gives a key",
    RendezvousReason.UNREACHABLE: "it does not hear {device} now; `alarmd device show {device}` there says since when",
    RendezvousReason.NOT_ABLE: "{device} does not let itself be connected with; its program is too old, or is told not "
    "to",
    RendezvousReason.TOO_MANY: "{device} or {operator} has too many connections, or asked too often; end one, or wait "
    "a minute",
    RendezvousReason.NOT_ALLOWED: "{device} lets nobody reach its UDP port {port}; allow it there, for lfcp-device "
    "with --allow-udp {port}",
    RendezvousReason.DISABLED: "it connects nobody; see [rendezvous] in its configuration",
    RendezvousReason.REFUSED: "{device} refused",
    RendezvousReason.UNANSWERED: "{device} did not answer the invitation; try again",
}
