"""`alarmd devices` and `alarmd device …`."""

import difflib
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from alarmd.cli import adopting
from alarmd.cli.asked import Asked, common_options, examples, pass_asked, segment
from alarmd.cli.client import connect
from alarmd.cli.keys import add, rekey
from alarmd.cli.moments import SPAN_FORMS, seconds_of, shown, span_shown
from alarmd.cli.output import print_facts, print_json, print_line, print_table
from alarmd.cli.sources import open_source
from alarmd.cli.way_facts import way_facts
from alarmd.core.records import Dialect, Signing
from alarmd.web.place_schemas import Device, Devices
from lfcp import escape

SWITCH = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}
HEADINGS = ("name", "presence", "standing", "signing", "zone", "last contact", "address", "notes")


@click.command(epilog=examples("alarmd devices", "alarmd devices --json | jq '.devices[].name'"))
@common_options
@pass_asked
def devices(asked: Asked) -> None:
    """List the devices."""
    with open_source(asked) as source:
        found = source.devices()
    if asked.json:
        print_json(found)
        return
    print_table(HEADINGS, [_row(device) for device in found.devices], _nobody(found))


@click.group()
@common_options
def device() -> None:
    """Show, change, add, adopt or forget a device, or give it a key."""


device.add_command(add)
device.add_command(rekey)


@device.command(epilog=examples("alarmd device show cam1"))
@click.argument("name")
@common_options
@pass_asked
def show(asked: Asked, name: str) -> None:
    """Show all that is known of one device."""
    with open_source(asked) as source:
        _print(asked, source.device(name))


@device.command(
    "set",
    epilog=examples(
        "alarmd device set cam1 zone=gate report_within=60",
        "alarmd device set cam1 muted=1h                          a spider in front of it",
        "alarmd device set cam1 dialect=seed arming_answers=on    a camera of 2020, see docs",
        "alarmd device set cam1 quarantined=on                    record it, act on nothing from it",
    ),
)
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="SETTING=VALUE...")
@common_options
@pass_asked
def set_(asked: Asked, name: str, settings: tuple[str, ...]) -> None:
    """Change a device's settings: all that are named, or none.

    \b
    zone=NAME              where it is
    dialect=auto|lfcp1|seed  how its frames are read and commands written
    report_within=SECONDS  the time within which its loss is told
    arming_answers=on|off  stay silent on purpose, so that a seed device's detector runs
    quarantined=on|off     off also admits it again
    signing=mixed|signed   of a device with a key: does its unsigned motion raise alarms
    muted=DURATION         its motion is told nobody for so long; 0: told again
    """
    change = dict(_setting(text) for text in settings)
    with connect(asked) as client:
        changed = client.change(Device, "PATCH", _path(name), change)
    _print(asked, changed)


@device.command(epilog=examples("alarmd device adopt cam1 --zone gate"))
@click.argument("name")
@click.option("--zone", help="The zone it is in. Default: home.")
@common_options
@pass_asked
def adopt(asked: Asked, name: str, zone: str | None) -> None:
    """Make a device your own, seen already or not: supervised, and never evicted by strangers.

    This is for devices that cannot sign, such as the camera of 2020; for others see `alarmd device add`.
    """
    with connect(asked) as client:
        adopted = adopting.adopt(client, name, zone)
    _print(asked, adopted)


@device.command(epilog=examples("alarmd device forget cam1 --yes"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask. It is asked on a terminal only.")
@common_options
@pass_asked
def forget(asked: Asked, name: str, yes: bool) -> None:
    """Forget a device. Its history stays; the name is free again."""
    with connect(asked) as client:
        if not yes and sys.stdin.isatty():
            click.confirm(f"Forget {escape(name)}? Its loss will not be told any more.", abort=True, err=True)
        client.delete(_path(name))
    if asked.json:
        click.echo(json.dumps({"forgotten": name}))
        return
    print_line(f"{name} is forgotten.")


def _path(name: str) -> str:
    return f"/devices/{segment(name)}"


def _nobody(found: Devices) -> str:
    return f"No devices yet. A new one is met by this rule: {found.unknown_devices.value}."


def _row(one: Device) -> tuple[str, ...]:
    presence = one.presence.value if one.presence else "never seen"
    standing, signing = one.standing.value, one.signing.value
    return one.name, presence, standing, signing, one.zone, shown(one.last_contact), one.address, _notes(one)


def _notes(one: Device) -> str:
    notes = [] if one.dialect is Dialect.AUTO else [f"dialect {one.dialect.value}"]
    if one.live is not None:
        notes += [f"commands waiting: {one.live.pending_commands}"] if one.live.pending_commands else []
        notes += ["failover"] if one.live.failover_causes else []
        notes += ["dialect seed suggested"] if one.live.dialect_suggested else []
    return ", ".join(notes)


def _print(asked: Asked, one: Device) -> None:
    if asked.json:
        print_json(one)
        return
    facts = [
        ("name", one.name),
        ("zone", one.zone),
        ("standing", one.standing.value),
        ("presence", one.presence.value if one.presence else "never seen"),
        ("last contact", shown(one.last_contact)),
        ("address", one.address),
        ("asleep until", shown(one.asleep_until)),
        ("dialect", one.dialect.value),
        ("report within", span_shown(one.report_within)),
        ("arming answers", _on_off(one.arming_answers)),
        ("detector wished", _on_off(one.detector_wish)),
        ("detector wanted", _on_off(one.wanted_detector)),
        ("camera wanted", _on_off(one.camera_wish)),
        ("settings wanted", ", ".join(one.settings)),
        ("signing", one.signing.value),
        ("muted until", shown(one.muted_until)),
        ("first seen", shown(one.first_seen)),
    ]
    if one.live is not None:
        facts += [
            ("zone armed", "yes" if one.live.armed else "no"),
            ("heartbeats within", f"{one.live.allowed_interval:.1f} s"),
            ("commands waiting", str(one.live.pending_commands)),
            ("keys", _keys(one.live.key_epochs)),
            *way_facts(one.live),
            ("detector reported", _on_off(one.live.reported_detector)),
            ("failover because", ", ".join(one.live.failover_causes)),
            ("newest picture", shown(one.live.picture_at)),
            ("suggestion", "dialect=seed" if one.live.dialect_suggested else ""),
        ]
    print_facts([(fact, value) for fact, value in facts if value])


def _keys(epochs: list[int]) -> str:
    return f"{len(epochs)}, of epoch {' and '.join(map(str, epochs))}" if epochs else ""


def _on_off(value: bool | None) -> str:
    return "" if value is None else "on" if value else "off"


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or name not in _SETTINGS:
        close = difflib.get_close_matches(name, _SETTINGS, 1)
        known = f"did you mean {close[0]}=?" if close else f"write one of {', '.join(_SETTINGS)} with =VALUE"
        raise click.BadArgumentUsage(f"{text!r} is no setting; {known}", click.get_current_context())
    try:
        return name, _SETTINGS[name](value)
    except (KeyError, ValueError):
        raise click.BadArgumentUsage(
            f"{name}: {value!r} is not a value; write {_FORMS[name]}", click.get_current_context()
        ) from None


def _switch(value: str) -> bool:
    return SWITCH[value.lower()]


_SETTINGS: dict[str, Callable[[str], Any]] = {
    "zone": str,
    "dialect": Dialect,
    "report_within": seconds_of,
    "arming_answers": _switch,
    "quarantined": _switch,
    "signing": Signing,
    "muted": seconds_of,
}
_FORMS = {
    "dialect": ", ".join(Dialect),
    "report_within": SPAN_FORMS,
    "arming_answers": "on or off",
    "quarantined": "on or off",
    "signing": "mixed or signed",
    "muted": SPAN_FORMS,
}
