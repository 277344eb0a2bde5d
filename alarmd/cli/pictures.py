"""`alarmd pictures`: what the archive holds."""

import sys
from pathlib import Path

import click

from alarmd.adapters import exit_codes
from alarmd.cli.asked import STDIN, Asked, common_options, examples, pass_asked
from alarmd.cli.exits import Failure
from alarmd.cli.moments import Moment, shown
from alarmd.cli.output import print_json, print_table
from alarmd.cli.sources import open_source
from alarmd.storage.interface import MAX_PAGE, PictureFilter
from alarmd.web.picture_schemas import Picture

HEADINGS = ("id", "device", "taken", "because of", "alarm", "pixels", "kB", "mended")
STDOUT = STDIN  # the same sign


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "alarmd pictures --device cam1 --since yesterday",
        "alarmd pictures --alarm 7",
        "alarmd pictures save 1234 gate.jpg",
        "alarmd pictures save 1234 - | feh -           to another program",
    ),
)
@click.option("--device", help="Only this device's, also of one that was forgotten.")
@click.option("--alarm", type=click.IntRange(1), help="Only those of this alarm.")
@click.option("--since", type=Moment(), help="2h, 30m, yesterday, 07:30, 2026-11-21T07:30: local unless it says.")
@click.option("--until", type=Moment(), help="The same; what was taken at that time is left out.")
@click.option("--limit", type=click.IntRange(1, MAX_PAGE), default=100, show_default=True, help="The newest so many.")
@common_options
@pass_asked
@click.pass_context
def pictures(
    context: click.Context,
    asked: Asked,
    device: str | None,
    alarm: int | None,
    since: int | None,
    until: int | None,
    limit: int,
) -> None:
    """List pictures, the newest first; save one as a file."""
    if context.invoked_subcommand is not None:
        return
    with open_source(asked) as source:
        found = source.pictures(PictureFilter(device, alarm, since, until, limit=limit))
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(one) for one in found.pictures], "No such pictures.")


@pictures.command(epilog=examples("alarmd pictures save 1234 gate.jpg"))
@click.argument("picture_id", metavar="ID", type=click.IntRange(1))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@common_options
@pass_asked
def save(asked: Asked, picture_id: int, file: Path, force: bool) -> None:
    """Write a picture into FILE, as it is in the archive; - is stdout."""
    check_target(file, force)
    with open_source(asked) as source:
        data = source.picture(picture_id)
    write_picture(file, data)


def check_target(file: Path, force: bool) -> None:
    """Before anything is asked for."""
    if str(file) != STDOUT and file.exists() and not force:
        raise Failure(f"{file} is there already; replace it with --force", reason="exists", field="file")


def write_picture(file: Path, data: bytes) -> None:
    if str(file) == STDOUT:
        sys.stdout.buffer.write(data)
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}", exit_codes.CANNOT_CREATE, field="file") from None
    click.echo(f"alarmd: {len(data)} bytes are in {file}", err=True)


def in_words(one: Picture) -> str:
    return f"picture {one.id} of {one.device}: {one.width}x{one.height}, {_kilobytes(one)} kB"


def _row(one: Picture) -> tuple[str, ...]:
    alarm = "" if one.alarm_id is None else str(one.alarm_id)
    pixels = f"{one.width}x{one.height}"
    taken, why = shown(one.captured_at), one.trigger.value
    return str(one.id), one.device or "", taken, why, alarm, pixels, _kilobytes(one), one.repair


def _kilobytes(one: Picture) -> str:
    return f"{one.size / 1000:.1f}"
