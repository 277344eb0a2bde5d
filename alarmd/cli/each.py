"""One request for each of several things; one that is refused does not keep the others from it."""

from collections.abc import Iterable
from typing import TypeVar

import click
from pydantic import BaseModel

from alarmd.cli import exits
from alarmd.cli.asked import Asked
from alarmd.cli.client import Client
from alarmd.cli.exits import Failure

Shape = TypeVar("Shape", bound=BaseModel)


def change_each(asked: Asked, client: Client, shape: type[Shape], paths: Iterable[str]) -> tuple[list[Shape], bool]:
    """POST to each path. What was done, and whether all was; what was not is told at once."""
    done: list[Shape] = []
    all_done = True
    for path in paths:
        try:
            done.append(client.change(shape, "POST", path))
        except Failure as failure:
            if failure.code == exits.NO_SERVER:
                raise
            all_done = False
            exits.tell(failure, asked.json)
    return done, all_done


def end(*, all_done: bool) -> None:
    """After what was done has been printed."""
    if not all_done:
        raise click.exceptions.Exit(exits.FAILED)
