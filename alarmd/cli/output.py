"""What commands print: tables for people on a terminal, lines on a narrow one, aligned text for pipes, JSON for
programs.

Every cell is escaped here, since names and texts come from the wire.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence

import click
from pydantic import BaseModel

from lfcp import escape

GAP = "  "
LEAST = 8  # characters of the terminal for each column of a table; with fewer, words would be in pieces
COLOURS: Mapping[str, str] = {
    "online": "green",
    "acked": "green",
    "armed": "green",
    "late": "yellow",
    "elsewhere": "yellow",
    "acknowledged": "yellow",
    "quarantined": "yellow",
    "sent": "cyan",
    "lost": "bold red",
    "raised": "bold red",
    "failed": "bold red",
    "expired": "red",
}

Row = Sequence[str]


def print_json(answer: BaseModel) -> None:
    """ASCII only: what a device sent could steer a terminal, even in JSON."""
    click.echo(answer.model_dump_json(indent=2, ensure_ascii=True))


def print_table(headings: Row, rows: Sequence[Row], nothing: str) -> None:
    """nothing: the sentence, on stderr, when there are no rows."""
    escaped = [tuple(map(escape, row)) for row in rows]
    if not escaped:
        click.echo(nothing, err=True)
    elif not sys.stdout.isatty():
        _print_plain([tuple(heading.upper() for heading in headings), *escaped])
    elif shutil.get_terminal_size().columns < LEAST * len(headings):
        _print_records(headings, escaped)
    else:
        _print_rich(headings, escaped)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Name and value, line by line."""
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        click.echo(f"{name:<{width}}{GAP}{escape(value)}".rstrip())


def print_line(text: str) -> None:
    """One line, whatever the text holds."""
    click.echo(escape(text))


def _print_plain(rows: Sequence[Row]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell or '-':<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo(GAP.join(cells).rstrip())


def _print_records(headings: Row, rows: Sequence[Row]) -> None:
    for row in rows:
        print_facts([(heading, cell) for heading, cell in zip(headings, row, strict=True) if cell])
        click.echo()


def _print_rich(headings: Row, rows: Sequence[Row]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading.capitalize(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, COLOURS.get(cell.partition(" ")[0], "")) for cell in row))
    Console(highlight=False).print(table)
