"""`alarmd archive verify`: what is missing from the archive, altered or added."""

import json
from collections.abc import Callable
from dataclasses import asdict

import click

from alarmd.cli import exits
from alarmd.cli.archive_place import archive_failures, beside, pictures_counted
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.exits import Failure
from alarmd.cli.output import print_line
from alarmd.frames.archive import Archive, DirectoryArchive
from alarmd.frames.keys import parse_picture
from alarmd.frames.verification import Finding, Summary, verify


@click.command("verify", epilog=examples("alarmd archive verify", "alarmd archive verify cam1 --json"))
@click.argument("device", required=False)
@common_options
@pass_asked
def verify_archive(asked: Asked, device: str | None) -> None:
    """Hold every picture against the manifests, and those against each other.

    It reads the whole archive, of DEVICE or of all, and may run beside the server. With --json every finding and then
    every device is a line. Exit code 1: something was found. Note the heads elsewhere: who can write to the archive
    could make all manifests anew, but not with the same heads.
    """
    with archive_failures():
        place = beside(asked)
        names = _names(place, device)
        with pictures_counted(asked, place, names) as step:
            faults = sum(_verified(asked, _Watched(asked, step), name) for name in names)
    if faults:
        raise click.exceptions.Exit(exits.FAILED)


class _Watched(DirectoryArchive):
    """One that counts the pictures that are read."""

    def __init__(self, asked: Asked, step: Callable[[], None]) -> None:
        super().__init__(asked.config.archive_directory, 0, beside=True)
        self._step = step

    def read(self, key: str) -> bytes:
        if parse_picture(key):
            self._step()
        return super().read(key)


def _names(place: Archive, device: str | None) -> list[str]:
    names = place.cameras()
    if device is None:
        return names
    if device not in names:
        raise Failure(f"the archive has nothing of {device!r}", reason="unknown_device", field="device")
    return [device]


def _verified(asked: Asked, place: Archive, device: str) -> int:
    """How many faults there are."""
    summary = verify(place, device, lambda finding: _tell(asked, finding))
    _print(asked, device, summary)
    return summary.faults


def _tell(asked: Asked, finding: Finding) -> None:
    if asked.json:
        click.echo(json.dumps({"fault": finding.fault, "key": finding.key, "message": finding.message}))
    else:
        print_line(f"{finding.fault}: {finding.key}: {finding.message}")


def _print(asked: Asked, device: str, found: Summary) -> None:
    if asked.json:
        click.echo(json.dumps({"device": device} | asdict(found)))
        return
    print_line(
        f"{device}: faults: {found.faults}; pictures as their manifests say: {found.whole}, without a manifest yet: "
        f"{found.open}, deleted on record: {found.deleted}; manifests: {found.manifests}, head {found.head}"
    )
