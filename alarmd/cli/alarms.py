"""`alarmd alarms`, and what is done about them."""

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import Client, connect
from alarmd.cli.each import change_each, end
from alarmd.cli.moments import shown
from alarmd.cli.output import print_json, print_line, print_table
from alarmd.cli.sources import LiveSource, open_source
from alarmd.core.records import AlarmState
from alarmd.storage.interface import MAX_PAGE
from alarmd.web.history_schemas import Alarm, Alarms

HEADINGS = ("id", "kind", "state", "device", "zone", "raised", "events", "text")


@click.group(
    invoke_without_command=True,
    epilog=examples("alarmd alarms", "alarmd alarms --all --device cam1", "alarmd alarms ack 7 8"),
)
@click.option("--all", "every", is_flag=True, help="Also those that are over.")
@click.option("--device", help="Only this device's.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), default=100, show_default=True, help="The newest so many.")
@common_options
@pass_asked
@click.pass_context
def alarms(context: click.Context, asked: Asked, every: bool, device: str | None, limit: int) -> None:
    """List the open alarms; acknowledge or clear them."""
    if context.invoked_subcommand is not None:
        return
    with open_source(asked) as source:
        found = source.alarms(every=every, device=device, limit=limit)
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(alarm) for alarm in found.alarms], "No alarms." if every else "No open alarms.")


@alarms.command(epilog=examples("alarmd alarms ack 7", "alarmd alarms ack --all"))
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="ID...")
@click.option("--all", "every", is_flag=True, help="Every alarm that is raised.")
@common_options
@pass_asked
def ack(asked: Asked, ids: tuple[int, ...], every: bool) -> None:
    """Acknowledge alarms: somebody knows of them. They stay open until they are cleared."""
    _act(asked, "acknowledge", ids, frozenset({AlarmState.RAISED}) if every else None)


@alarms.command(epilog=examples("alarmd alarms clear 7", "alarmd alarms clear --all"))
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="ID...")
@click.option("--all", "every", is_flag=True, help="Every open alarm.")
@common_options
@pass_asked
def clear(asked: Asked, ids: tuple[int, ...], every: bool) -> None:
    """Clear alarms: they are over."""
    _act(asked, "clear", ids, frozenset({AlarmState.RAISED, AlarmState.ACKNOWLEDGED}) if every else None)


def _act(asked: Asked, action: str, ids: tuple[int, ...], of_states: frozenset[AlarmState] | None) -> None:
    """For each of the alarms; one that is refused does not keep the others from it. of_states: instead of ids."""
    if bool(ids) == (of_states is not None):
        raise click.UsageError("name the alarms by their ids, or say --all", click.get_current_context())
    with connect(asked) as client:
        wanted = ids or _open_ids(client, of_states or frozenset())
        done, all_done = change_each(asked, client, Alarm, (f"/alarms/{number}/{action}" for number in wanted))
    _print(asked, done)
    end(all_done=all_done)


def _open_ids(client: Client, states: frozenset[AlarmState]) -> list[int]:
    found = LiveSource(client).alarms(every=False, device=None, limit=MAX_PAGE)
    if len(found.alarms) == MAX_PAGE:
        click.echo(f"alarmd: these are the newest {MAX_PAGE}; say it again for the others", err=True)
    return [alarm.id for alarm in found.alarms if alarm.state in states]


def _print(asked: Asked, done: list[Alarm]) -> None:
    if asked.json:
        print_json(Alarms(alarms=done))
        return
    for alarm in done:
        print_line(f"Alarm {alarm.id} is {alarm.state.value}: {_words(alarm)}")


def _row(alarm: Alarm) -> tuple[str, ...]:
    state = alarm.state.value if alarm.told else f"{alarm.state.value} (untold)"
    raised, count = shown(alarm.raised_at), str(alarm.event_count)
    return str(alarm.id), alarm.kind.value, state, alarm.device or "", alarm.zone or "", raised, count, alarm.text


def _words(alarm: Alarm) -> str:
    return " ".join(filter(None, (alarm.kind.value, alarm.device, alarm.text)))
