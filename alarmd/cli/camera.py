"""`alarmd camera`: how pictures come from a device, and asking it for one."""

import time
from pathlib import Path
from typing import Any

import click

from alarmd.cli import exits
from alarmd.cli.adopting import adopt, adopt_option
from alarmd.cli.asked import Asked, common_options, examples, pass_asked, secret_or, segment
from alarmd.cli.camera_token import token
from alarmd.cli.client import Client, connect
from alarmd.cli.exits import Failure
from alarmd.cli.moments import SPAN_FORMS, Span, age, seconds_of, shown, span_shown
from alarmd.cli.output import print_facts, print_json, print_table
from alarmd.cli.pictures import check_target, in_words, write_picture
from alarmd.web.picture_schemas import Camera, Cameras, Snapshot, SnapshotState

NEVER = "never"
CANNOT_BE_ASKED = "no: it has no pull URL, and does not report that it knows SNAP"
HEADINGS = ("name", "pictures come", "every", "on alarm", "newest", "because of", "notes")
LOOK_EVERY = 5.0  # s that one question waits
MAX_WAIT = 600.0  # s


class Every(click.ParamType[int]):
    """Whole seconds between pictures, 0 for never."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return 0 if value == NEVER else round(seconds_of(value))
        except ValueError:
            self.fail(f"{value!r} is no duration; write {SPAN_FORMS}, or {NEVER}", param, ctx)


@click.group()
@common_options
def camera() -> None:
    """Say how pictures come from a device: by upload, or by asking it; ask it for one."""


camera.add_command(token)


@camera.command("list", epilog=examples("alarmd camera list"))
@common_options
@pass_asked
def list_(asked: Asked) -> None:
    """List the devices that are set up as cameras, or sent a picture."""
    with connect(asked) as client:
        found = _all(client)
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(one) for one in found.cameras], "No cameras yet; `alarmd camera set --help` says how.")


@camera.command(epilog=examples("alarmd camera show cam1"))
@click.argument("name")
@common_options
@pass_asked
def show(asked: Asked, name: str) -> None:
    """Show how pictures come from a device, and its newest. Its pull URL and its secret are never shown."""
    with connect(asked) as client:
        _print(asked, client.get(Camera, _path(name)))


@camera.command(
    "set",
    epilog=examples(
        "alarmd camera set cam1 --pull http://192.0.2.7/capture --every 30s",
        "alarmd camera set cam1 --pull -                       ask for the URL, and show nothing of it",
        "alarmd camera set cam1 --every never --no-on-alarm    only when somebody asks",
        "alarmd camera set cam1 --adopt --from 192.0.2.7 --by-address  it uploads without a secret",
        "alarmd camera set cam1 --from 192.0.2.0/24 --from 2001:db8::/64",
    ),
)
@click.argument("name")
@adopt_option
@click.option(
    "--from", "networks", multiple=True, metavar="NETWORK", help="Take its uploads from there only. Repeatable."
)
@click.option("--from-anywhere", is_flag=True, help="Take its uploads from anywhere.")
@click.option("--by-address/--no-by-address", default=None, help="What comes from there and names nobody is its own.")
@click.option("--pull", metavar="URL", help="Ask it at http://[NAME:PASSWORD@]HOST/PATH: a JPEG or an MJPEG stream.")
@click.option("--no-pull", is_flag=True, help="Do not ask it there any more.")
@click.option("--every", type=Every(), metavar="SPAN", help="Ask it for a picture so often: 30s, 5m, 1h, or never.")
@click.option(
    "--on-alarm/--no-on-alarm", default=None, help="Ask it for a picture when it raises an alarm. Default: on."
)
@common_options
@pass_asked
def set_(
    asked: Asked,
    name: str,
    adopt_it: bool,
    networks: tuple[str, ...],
    from_anywhere: bool,
    by_address: bool | None,
    pull: str | None,
    no_pull: bool,
    every: int | None,
    on_alarm: bool | None,
) -> None:
    """Set up a camera: what is not named stays as it is.

    The server itself asks the pull URL, so it has to reach it. What may hold a password goes by --pull -, since the
    command line ends up in the shell's history.
    """
    if (networks and from_anywhere) or (pull is not None and no_pull):
        raise click.UsageError("say one thing or its opposite, not both", click.get_current_context())
    change: dict[str, Any] = {
        "source_networks": [] if from_anywhere else list(networks) or None,
        "by_address": by_address,
        "pull_url": "" if no_pull else None if pull is None else secret_or(pull, "pull URL"),
        "every": every,
        "on_alarm": on_alarm,
    }
    with connect(asked) as client:
        if adopt_it:
            adopt(client, name)
        _print(asked, client.change(Camera, "PATCH", _path(name), change))


@camera.command(
    epilog=examples(
        "alarmd camera snap cam1", "alarmd camera snap cam1 --out now.jpg", "alarmd camera snap cam1 --json"
    )
)
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="Write it into this file."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--wait", type=Span(1, MAX_WAIT), default="90s", show_default=True, help="Give up after so long.")
@common_options
@pass_asked
def snap(asked: Asked, name: str, out: Path | None, force: bool, wait: float) -> None:
    """Ask a camera for a picture, and wait for it.

    One with a pull URL is asked at once; a device that takes SNAP gets that with its next contact. It ends with 5 if
    the camera gave none, and with 4 if the time was over; the picture may still come then.
    """
    if out is not None:
        check_target(out, force)
    with connect(asked) as client:
        began = time.monotonic()
        snapshot = client.change(Snapshot, "POST", f"{_path(name)}/snapshot")
        _tell(asked, began, f"{name} is asked for a picture")
        snapshot = _followed(client, snapshot, began + wait)
        if snapshot.picture is not None:
            _tell(asked, began, in_words(snapshot.picture))
            if out is not None:
                write_picture(out, client.download(f"/pictures/{snapshot.picture.id}.jpg"))
    if asked.json and out is None:
        print_json(snapshot)
    _end(snapshot, wait)


def _followed(client: Client, snapshot: Snapshot, deadline: float) -> Snapshot:
    path, upload = f"{_path(snapshot.device)}/snapshot", snapshot.upload
    while snapshot.state is SnapshotState.ASKED and (left := deadline - time.monotonic()) > 0:
        snapshot = client.get(Snapshot, path, {"upload": upload, "wait": min(left, LOOK_EVERY)})
    return snapshot


def _end(snapshot: Snapshot, wait: float) -> None:
    if snapshot.state is SnapshotState.FAILED:
        raise Failure(f"{snapshot.device}: no picture: {snapshot.reason}", exits.NOT_DONE, "no_picture")
    if snapshot.state is SnapshotState.ASKED:
        raise Failure(f"{snapshot.device}: no picture within {wait:g} s", exits.NOT_YET, "not_yet")


def _tell(asked: Asked, began: float, what: str) -> None:
    """On stderr: stdout may be the picture."""
    if not asked.json:
        click.echo(f"{time.monotonic() - began:8.3f} s  {what}", err=True)


def _all(client: Client) -> Cameras:
    found: list[Camera] = []
    after: str | None = ""
    while after is not None:
        page = client.get(Cameras, "/cameras", {"after": after})
        found += page.cameras
        after = page.next
    return Cameras(cameras=found, next=None)


def _path(name: str) -> str:
    return f"/cameras/{segment(name)}"


def _row(one: Camera) -> tuple[str, ...]:
    newest = "none" if one.age is None else age(one.age)
    why = one.picture.trigger.value if one.picture else ""
    on_alarm = "yes" if one.on_alarm and one.askable else ""
    return one.device, _ways(one), _every(one), on_alarm, newest, why, one.failing


def _ways(one: Camera) -> str:
    ways = ["by secret"] if one.has_secret else []
    ways += ["by address"] if one.by_address else []
    ways += ["pulled"] if one.pulled else ["by SNAP"] if one.askable else []
    return ", ".join(ways)


def _every(one: Camera) -> str:
    return span_shown(one.every) if one.every else ""


def _print(asked: Asked, one: Camera) -> None:
    if asked.json:
        print_json(one)
        return
    facts = [
        ("name", one.device),
        ("pictures come", _ways(one) or "not yet: see `alarmd camera set --help` and `alarmd camera token --help`"),
        ("uploads from", ", ".join(one.source_networks) or "anywhere"),
        ("bound", "its secret belongs to the PrusaConnect camera that came first" if one.introduced else ""),
        ("it says", one.info),
        ("asked every", _every(one) or NEVER),
        ("asked on alarm", "yes" if one.on_alarm else "no"),
        ("can be asked", "" if one.askable else CANNOT_BE_ASKED),
        ("last failure", one.failing),
        ("newest", "none" if one.picture is None else f"{shown(one.picture.captured_at)}, {in_words(one.picture)}"),
    ]
    print_facts([(fact, value) for fact, value in facts if value])
