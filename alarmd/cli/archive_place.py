"""The archive as commands reach it: its directory, whether a server works on it or not."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from alarmd.cli.asked import Asked
from alarmd.cli.exits import Failure
from alarmd.frames.archive import Archive, DirectoryArchive
from alarmd.frames.errors import ArchiveError
from alarmd.frames.keys import parse_picture
from lfcp import escape


def beside(asked: Asked) -> DirectoryArchive:
    """To be read only: a server may be working on it."""
    config = asked.config
    return DirectoryArchive(config.archive_directory, config.archive.reserve, beside=True)


@contextmanager
def archive_failures() -> Iterator[None]:
    try:
        yield
    except ArchiveError as error:
        raise Failure(str(error), reason="archive") from None


@contextmanager
def pictures_counted(asked: Asked, place: Archive, names: Sequence[str]) -> Iterator[Callable[[], None]]:
    """To be called for every picture of these devices; on a terminal there is a bar meanwhile."""
    if asked.json or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    total = sum(1 for name in names for key in place.keys(name) if parse_picture(key))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pictures", total=total)
        yield lambda: progress.advance(task)


def warn(words: str) -> None:
    click.echo(f"alarmd: {escape(words)}", err=True)
