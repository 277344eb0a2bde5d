"""`alarmd outbox`: messages on their way, and those that were given up."""

import sys

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import Client, connect
from alarmd.cli.each import change_each, end
from alarmd.cli.moments import shown
from alarmd.cli.output import print_json, print_line, print_table
from alarmd.cli.sources import LiveSource, open_source
from alarmd.storage.interface import MAX_PAGE, DeliveryFilter, DeliveryState
from alarmd.web.history_schemas import Deliveries, Delivery

HEADINGS = ("id", "state", "to", "subject", "alarm", "created", "attempts", "last error")
UNSETTLED = DeliveryFilter().states


@click.group(epilog=examples("alarmd outbox list", "alarmd outbox list --state dead", "alarmd outbox retry --all"))
@common_options
def outbox() -> None:
    """List the messages that wait or were given up; retry or drop them."""


@outbox.command("list", epilog=examples("alarmd outbox list", "alarmd outbox list --state dead --destination phone"))
@click.option(
    "--state", type=click.Choice([*map(str, DeliveryState), "all"]), help="Default: pending and dead (given up)."
)
@click.option("--destination", help="Only this one's.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), default=100, show_default=True, help="The newest so many.")
@common_options
@pass_asked
def list_(asked: Asked, state: str | None, destination: str | None, limit: int) -> None:
    """List messages, the newest first."""
    with open_source(asked) as source:
        found = source.deliveries(DeliveryFilter(_states(state), destination, limit=limit))
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(one) for one in found.deliveries], "Nothing waits, and nothing was given up.")


@outbox.command(epilog=examples("alarmd outbox retry 12 13", "alarmd outbox retry --all --destination phone"))
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="ID...")
@click.option("--all", "every", is_flag=True, help="Every message that was given up.")
@click.option("--destination", help="With --all: only this one's.")
@common_options
@pass_asked
def retry(asked: Asked, ids: tuple[int, ...], every: bool, destination: str | None) -> None:
    """Tell messages after all that were given up, or now that wait for their next try."""
    _act(asked, "retry", ids, every, destination)


@outbox.command(epilog=examples("alarmd outbox drop 12", "alarmd outbox drop --all --yes"))
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="ID...")
@click.option("--all", "every", is_flag=True, help="Every message that was given up.")
@click.option("--destination", help="With --all: only this one's.")
@click.option("--yes", is_flag=True, help="Do not ask. It is asked on a terminal only.")
@common_options
@pass_asked
def drop(asked: Asked, ids: tuple[int, ...], every: bool, destination: str | None, yes: bool) -> None:
    """Never tell these messages. The history keeps that they were dropped, and by whom."""
    if not yes and sys.stdin.isatty():
        click.confirm("Drop them? Nobody will be told.", abort=True, err=True)
    _act(asked, "drop", ids, every, destination)


def _act(asked: Asked, action: str, ids: tuple[int, ...], every: bool, destination: str | None) -> None:
    """For each of the messages; one that is refused does not keep the others from it."""
    if bool(ids) == every or (destination is not None and not every):
        raise click.UsageError("name the messages by their ids, or say --all", click.get_current_context())
    with connect(asked) as client:
        wanted = ids or _given_up(client, destination)
        done, all_done = change_each(asked, client, Delivery, (f"/outbox/{number}/{action}" for number in wanted))
    _print(asked, done)
    end(all_done=all_done)


def _given_up(client: Client, destination: str | None) -> list[int]:
    wanted = DeliveryFilter((DeliveryState.DEAD,), destination, limit=MAX_PAGE)
    found = LiveSource(client).deliveries(wanted).deliveries
    if len(found) == MAX_PAGE:
        click.echo(f"alarmd: these are the newest {MAX_PAGE}; say it again for the others", err=True)
    return [one.id for one in found]


def _print(asked: Asked, done: list[Delivery]) -> None:
    if asked.json:
        print_json(Deliveries(deliveries=done))
        return
    for one in done:
        print_line(f"Message {one.id} is {one.state.value}: {one.subject} to {_to(one)}")


def _row(one: Delivery) -> tuple[str, ...]:
    attempts = f"{one.attempts}"
    return (
        str(one.id),
        one.state.value,
        _to(one),
        one.subject,
        "" if one.alarm_id is None else str(one.alarm_id),
        shown(one.created_at),
        attempts,
        one.last_error,
    )


def _to(one: Delivery) -> str:
    return f"{one.destination} {one.recipient}".rstrip()


def _states(said: str | None) -> tuple[DeliveryState, ...]:
    if said is None:
        return UNSETTLED
    return tuple(DeliveryState) if said == "all" else (DeliveryState(said),)
