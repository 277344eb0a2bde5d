"""`alarmd simulate`: devices that do not exist, for a look at a server under load or a rehearsal of a bad day."""

import asyncio
import json
import math
import random
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.exits import WRONG_USAGE, Failure
from alarmd.cli.moments import Span
from alarmd.cli.output import print_facts
from alarmd.cli.server_option import read_server, this_machines
from alarmd.device.key_list import KeyListError, read_keys
from alarmd.device.simulated_device import START_WITHIN, Behaviour
from alarmd.device.simulator import MAX_DEVICES, NO_KEYS, Simulator
from lfcp import ProtocolError, check_name
from lfcp.constants import MAX_REPORT_INTERVAL

HEARTBEATS_BEFORE_LOSS = 8  # a device that nobody adopted is supervised after five regular ones
TELL_EVERY = 5.0  # s between two lines of progress; on a terminal it is one line, every second
DEVICES = 10
NAMED = "sim"


@dataclass(frozen=True, slots=True)
class Plan:
    interval: float
    motion_every: float
    restart_every: float
    lose: int
    pictures: bool = False

    def behaviour(self, number: int) -> Behaviour:
        """The first `lose` devices fall silent, once the server has come to expect them."""
        silent_after = min(self.interval, START_WITHIN) + HEARTBEATS_BEFORE_LOSS * self.interval
        return Behaviour(
            self.interval,
            self.motion_every,
            self.restart_every,
            silent_after if number < self.lose else math.inf,
            self.pictures,
        )


@click.command(
    epilog=examples(
        "alarmd simulate --devices 20 --duration 5 --interval 1",
        "alarmd simulate --devices 1000 --motion-every 10m",
        "alarmd simulate --devices 10 --interval 5 --lose 3     watch with: alarmd alarms",
        "alarmd simulate --server 192.0.2.10:8443 --devices 1",
        "umask 077; alarmd device add sim1 --json | jq -r '.device+\",\"+.key' >> keys.csv",
        "alarmd simulate --keys keys.csv                        devices that sign (LFCP/2)",
    )
)
@click.option("--devices", type=click.IntRange(1, MAX_DEVICES), show_default=str(DEVICES))
@click.option(
    "--interval",
    type=Span(1, MAX_REPORT_INTERVAL),
    default=20.0,
    show_default=True,
    help="Seconds between heartbeats; the server may ask for more often.",
)
@click.option("--motion-every", type=Span(0.1), default=math.inf, help="Mean time between motion, of each device.")
@click.option("--restart-every", type=Span(1), default=math.inf, help="Mean time between restarts, of each device.")
@click.option(
    "--lose",
    type=click.IntRange(0, MAX_DEVICES),
    default=0,
    help=f"So many devices fall silent after {HEARTBEATS_BEFORE_LOSS} heartbeats.",
)
@click.option(
    "--pictures",
    is_flag=True,
    help="Cameras: a picture with each motion, SNAP and LIVE. The server takes them of adopted ones.",
)
@click.option("--duration", type=Span(0.1), help="Default: until Ctrl-C.")
@click.option(
    "--server",
    metavar="[LABEL=]HOST[:PORT]",
    help="Default: this machine, the configured port and label. Only signed frames need the label.",
)
@click.option("--name", show_default=NAMED, help="What the devices' names begin with.")
@click.option(
    "--keys",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Play the devices of this file, which sign with their keys: lines of NAME,KEY. Nobody else may read it.",
)
@click.option("--seed", type=int, help="Repeats a run's chances.")
@common_options
@pass_asked
def simulate(
    asked: Asked,
    /,
    devices: int | None,
    duration: float | None,
    server: str | None,
    name: str | None,
    key_file: Path | None,
    seed: int | None,
    **behaviour: Any,
) -> None:
    """Play devices: heartbeats, motion, restarts and loss, over UDP.

    The server meets those without a key as any unknown device: it admits 500 names from one address at once and 20 a
    second then (devices.stranger_burst, stranger_rate), and a tenth of devices.limit in all. `alarmd device forget`
    removes them. Those with a key are yours already.

    Ends with a summary, and with exit code 1 if no heartbeat was answered or an alarm was not acknowledged.
    """
    if key_file and (devices or name):
        raise click.UsageError("--keys says which devices there are: leave --devices and --name away")
    keys = _keys(key_file) if key_file else NO_KEYS
    names = list(keys) or _names(name or NAMED, devices or DEVICES)
    host, port, _ = there = read_server(asked, server) if server else this_machines(asked)
    simulator = Simulator(there, names, Plan(**behaviour).behaviour, _dice(seed), keys)
    try:
        found = asyncio.run(_run(simulator, duration, quiet=asked.json))
    except OSError as error:
        raise Failure(f"cannot send to {host} port {port}: {error.strerror or error}", field="server") from None
    _tell(asked, {"devices": len(names), **found})
    if not found["answered"]:
        raise Failure(f"no heartbeat was answered: is there a server at {host} port {port}?", reason="no_answer")
    if found["alarms_owed"] or found["alarms_refused"]:
        raise Failure("the server did not acknowledge every alarm; its log or /healthz says why", reason="no_answer")


async def _run(simulator: Simulator, duration: float | None, quiet: bool) -> dict[str, Any]:
    """Until the time is over, Ctrl-C or SIGTERM; what came of it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, stop.set)
    telling = None if quiet else asyncio.create_task(_progress(simulator))
    try:
        await simulator.run(stop, duration)
        return _summary(simulator)
    finally:
        if telling is not None:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


async def _progress(simulator: Simulator) -> None:
    """On stderr. On a terminal the line is written over and over."""
    on_terminal = sys.stderr.isatty()
    try:
        while True:
            await asyncio.sleep(1.0 if on_terminal else TELL_EVERY)
            click.echo(f"\r{_line(simulator)}" if on_terminal else _line(simulator), nl=not on_terminal, err=True)
    finally:
        if on_terminal:
            click.echo(err=True)


def _line(simulator: Simulator) -> str:
    tally = simulator.tally
    return (
        f"{tally.heartbeats} heartbeats, {tally.answered} answered; {tally.alarms} alarms, {tally.stored} stored; "
        f"{sum(tally.commands.values())} commands; {simulator.silent} silent"
    )


def _tell(asked: Asked, found: dict[str, Any]) -> None:
    if asked.json:
        click.echo(json.dumps(found, indent=2))
        return
    shown = {name.replace("_", " "): _words(name, value) for name, value in found.items()}
    print_facts(list(shown.items()))


def _summary(simulator: Simulator) -> dict[str, Any]:
    tally = simulator.tally
    return {
        "heartbeats": tally.heartbeats,
        "answered": tally.answered,
        "answer_p50": tally.answer_time(50),
        "answer_p99": tally.answer_time(99),
        "alarms": tally.alarms,
        "alarms_stored": tally.stored,
        "alarms_owed": simulator.owed,
        "alarms_refused": tally.refused,
        "pictures_taken": tally.pictures,
        "commands": dict(tally.commands),
        "restarts": tally.restarts,
        "frames_rejected": tally.rejected,
        "network_errors": simulator.errors,
    }


def _words(name: str, value: Any) -> str:
    if name.startswith("answer_"):
        return "-" if value is None else f"{value * 1000:.1f} ms"
    if isinstance(value, dict):
        return ", ".join(f"{count} {verb}" for verb, count in value.items()) or "0"
    return str(value)


def _keys(path: Path) -> Mapping[str, bytes]:
    try:
        keys = read_keys(path)
    except KeyListError as error:
        raise Failure(str(error), WRONG_USAGE, "wrong_key_file", "keys") from None
    if len(keys) > MAX_DEVICES:
        raise Failure(f"{path} has more than {MAX_DEVICES} devices", WRONG_USAGE, "wrong_key_file", "keys")
    return keys


def _names(prefix: str, count: int) -> list[str]:
    names = [f"{prefix}{number:0{len(str(count))}}" for number in range(1, count + 1)]
    try:
        check_name(names[-1])
    except ProtocolError as error:
        raise click.BadParameter(error.detail, click.get_current_context(), param_hint="--name") from None
    return names


def _dice(seed: int | None) -> random.Random:
    return random.Random(seed)  # noqa: S311  nothing here is secret
