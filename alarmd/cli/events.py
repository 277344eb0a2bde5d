"""`alarmd events`: the history, and what is added to it."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import click
import httpx

from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import no_server, open_client, read, server_runs
from alarmd.cli.moments import Moment, shown
from alarmd.cli.output import print_json, print_line, print_table
from alarmd.cli.sources import open_source
from alarmd.core.event_kinds import EventKind
from alarmd.storage.interface import MAX_PAGE, EventFilter
from alarmd.web.history_schemas import Event, Events

SHOWN = 100
SHOWN_BEFORE = 10  # what --follow begins with
SILENCE = 60.0  # s; the server writes a comment into a quiet stream every 15 s
COME_BACK = 1.0  # s between two looks whether the server is there again
HEADINGS = ("received", "kind", "device", "zone", "alarm", "text")


@click.command(
    epilog=examples(
        "alarmd events --since 2h",
        "alarmd events --device cam1 --since yesterday --until today",
        "alarmd events --kind motion --follow",
        "alarmd events --follow --json                one event a line",
    )
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens, until Ctrl-C; over the server's restarts.")
@click.option("--device", help="Only this device's, also of one that was forgotten.")
@click.option("--kind", type=click.Choice([kind.value for kind in EventKind]), metavar="KIND", help="motion, log, …")
@click.option("--since", type=Moment(), help="2h, 30m, yesterday, 07:30, 2026-11-21T07:30: local unless it says.")
@click.option("--until", type=Moment(), help="The same; what happened at that time is left out.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), help="The newest so many. Default: 100; with --follow 10.")
@common_options
@pass_asked
def events(
    asked: Asked,
    follow: bool,
    device: str | None,
    kind: str | None,
    since: int | None,
    until: int | None,
    limit: int | None,
) -> None:
    """Show what happened, the newest last."""
    wanted = EventFilter(device, kind, since, until, None, limit or (SHOWN_BEFORE if follow else SHOWN))
    if follow:
        if until is not None:
            raise click.UsageError("--follow has no end, so it goes without --until", click.get_current_context())
        _follow(asked, wanted)
        return
    found = _oldest_first(asked, wanted)
    if asked.json:
        print_json(Events(events=found))
        return
    print_table(HEADINGS, [_row(event) for event in found], "No such events.")


def _oldest_first(asked: Asked, wanted: EventFilter) -> list[Event]:
    with open_source(asked) as source:
        return source.events(wanted).events[::-1]


def _follow(asked: Asked, wanted: EventFilter) -> None:
    if not server_runs(asked.control_socket):
        raise no_server(asked.control_socket)
    row = max((event.row for event in _oldest_first(asked, EventFilter(limit=1))), default=0)
    for event in _oldest_first(asked, wanted):
        _print(asked, event)
        row = max(row, event.row)
    _follow_from(asked, replace(wanted, after_row=row))


def _follow_from(asked: Asked, wanted: EventFilter) -> None:
    """Until Ctrl-C. A server that stops is waited for, and nothing that it stored meanwhile is missed."""
    while True:
        try:
            for event in _streamed(asked, wanted):
                _print(asked, event)
                wanted = replace(wanted, after_row=event.row)
        except httpx.TransportError:
            pass
        click.echo("alarmd: the server is gone; waiting for it (Ctrl-C ends this)", err=True)
        time.sleep(COME_BACK)
        while not server_runs(asked.control_socket):
            time.sleep(COME_BACK)


def _streamed(asked: Asked, wanted: EventFilter) -> Iterator[Event]:
    params = {"device": wanted.device, "kind": wanted.kind, "after_row": wanted.after_row}
    with open_client(asked.control_socket) as client, client.stream("/events/stream", params, SILENCE) as lines:
        for data in _data(lines):
            yield read(Event, data)


def _data(lines: Iterable[str]) -> Iterator[str]:
    """Of server-sent events, which here have one line of data each."""
    for line in lines:
        name, _, value = line.partition(":")
        if name == "data":
            yield value


def _print(asked: Asked, event: Event) -> None:
    if asked.json:
        click.echo(json.dumps(event.model_dump(mode="json")))
        return
    _, kind, device, zone, alarm, text = _row(event)
    when = f"{event.received_at.astimezone():%Y-%m-%d %H:%M:%S}"
    where = device or zone or "-"
    print_line(f"{when}  {kind:<20}  {where:<16}  {text}{f'  (alarm {alarm})' if alarm else ''}".rstrip())


def _row(event: Event) -> tuple[str, ...]:
    alarm = "" if event.alarm_id is None else str(event.alarm_id)
    return shown(event.received_at), event.kind, event.device or "", event.zone or "", alarm, event.text
