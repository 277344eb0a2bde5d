"""How a command ends. `serve`, `check-config` and `upgrade-database` end with those of adapters/exit_codes.py too."""

import json
from collections.abc import Mapping, Sequence

import click

from alarmd.adapters import exit_codes
from lfcp import escape

OK = 0
FAILED = 1
WRONG_USAGE = exit_codes.WRONG_CONFIGURATION
NO_SERVER = 3
NOT_YET = 4
NOT_DONE = 5
EXPIRED = 6
ENDED = 7
INTERRUPTED = 130

MEANINGS = {
    OK: "done",
    FAILED: "refused or failed",
    WRONG_USAGE: "wrong usage, or a configuration with mistakes",
    NO_SERVER: "no server runs here, and this needs one: `alarmd serve`; `connect`: none answered",
    NOT_YET: "`send --wait SECONDS`, `camera snap`: the time was over before the outcome",
    NOT_DONE: "`send --wait`, `camera snap`: a device failed to carry the command out",
    EXPIRED: "`send --wait`: no device failed, but one did not acknowledge in time",
    ENDED: "`connect`: the device or the server ended it, or was not heard for too long",
    exit_codes.UNUSABLE_DATA: "the database is corrupt, or of another program version",
    exit_codes.UNAVAILABLE: "serve: an address is in use, or not ours to listen on",
    exit_codes.INTERNAL: "a defect of the program",
    exit_codes.CANNOT_CREATE: "a directory or file cannot be made or written",
    exit_codes.STORAGE_FAILED: "the database does not answer, is locked or owned by another process",
    INTERRUPTED: "Ctrl-C",
}


class Failure(click.ClickException):
    """The end of a command, in one plain line. reason, field, mistakes: as in the API's errors."""

    def __init__(
        self,
        message: str,
        code: int = FAILED,
        reason: str = "failed",
        field: str = "",
        mistakes: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.field = field
        self.mistakes = mistakes


def tell(failure: Failure, in_json: bool) -> None:
    """One line on stderr; for programs in the shape of the API's errors."""
    if in_json:
        told = {
            "reason": failure.reason,
            "field": failure.field,
            "message": failure.message,
            "errors": list(failure.mistakes),
        }
        click.echo(json.dumps(told), err=True)
    else:
        click.echo(f"alarmd: {escape(' '.join(failure.message.split()))}", err=True)
