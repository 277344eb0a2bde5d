"""A QR code on a terminal, for the camera of a phone."""

import io
import shutil
import sys

import click

# Light modules are drawn and dark ones left out, so both colours are set: readers want a light border, and a terminal
# may be light itself.
_LIGHT_ON_DARK = "\x1b[97;40m"
_RESET = "\x1b[0m"


def print_qr_code(text: str) -> None:
    """On stdout, in half blocks, two modules a character. Where they would be illegible, a word on stderr instead."""
    lines = _half_blocks(text)
    why_not = _why_not(lines)
    if why_not:
        click.echo(f"alarmd: no QR code: {why_not}", err=True)
        return
    for line in lines:
        click.echo(f"{_LIGHT_ON_DARK}{line}{_RESET}", color=True)


def _half_blocks(text: str) -> list[str]:
    import segno  # only who shows one waits for it to load

    drawn = io.StringIO()
    segno.make_qr(text).terminal(drawn, compact=True)
    return drawn.getvalue().splitlines()


def _why_not(lines: list[str]) -> str:
    width = max(map(len, lines))
    if shutil.get_terminal_size().columns < width:
        return f"the terminal has less than {width} columns"
    try:
        "".join(lines).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return f"{sys.stdout.encoding} has no block characters; try a UTF-8 locale"
    return ""
