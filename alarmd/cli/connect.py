"""`alarmd connect`: from an operator's machine to a device, directly where the networks between allow it."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alarmd.adapters import exit_codes
from alarmd.adapters.log_setup import set_up_logging
from alarmd.cli.asked import Asked, common_options, examples, pass_asked
from alarmd.cli.client import server_runs
from alarmd.cli.connect_shown import Shown, failure_of
from alarmd.cli.exits import WRONG_USAGE, Failure
from alarmd.cli.moments import Span
from alarmd.cli.server_option import read_server, this_machines
from alarmd.device.connecting import Connecting, Ended, How, Operator, Wanted
from alarmd.device.key_list import KeyListError, read_key
from alarmd.device.loopback import LOOPBACK, Loopback
from alarmd.device.memory_file import MemoryFile, MemoryFileError
from alarmd.device.simulator import Server
from lfcp import ProtocolError, check_name

if TYPE_CHECKING:
    from alarmd.config.sections import Connect

MAX_PORT = 65535
SETTLED = 10.0  # s after the relay is open: both attempts at a direct path are over, RENDEZVOUS in docs/protocol.md
OWNER_ONLY = 0o700


@click.command(
    epilog=examples(
        "alarmd connect cam1 --server A=alarm.example --name anna --key-file anna.key",
        "alarmd connect cam1                            as [connect] in the configuration says",
        "printf 'cam1,TLGS' | nc -u -w1 127.0.0.1 PORT  meanwhile, with the port that it shows",
        "alarmd connect cam1 --udp-port 5004 --listen 5004",
        "alarmd connect cam1 --once --json              how is it reached now?",
    )
)
@click.argument("device")
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="[LABEL=]HOST[:PORT]",
    help="May be repeated. Default: connect.servers, or the server of this machine.",
)
@click.option("--name", help="The operator's, as `alarmd operator add` has it. Default: connect.name.")
@click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="With the key. Default: connect.key_file."
)
@click.option(
    "--udp-port",
    type=click.IntRange(1, MAX_PORT),
    help="A UDP port at the device, which it allows. Default: its LFCP, for commands.",
)
@click.option(
    "--listen", type=click.IntRange(0, MAX_PORT), help="The port on 127.0.0.1. Default: connect.listen, or any."
)
@click.option("--birthday", is_flag=True, help="Try hundreds of ports through a hard NAT, if the server allows that.")
@click.option("--once", is_flag=True, help="End as soon as it is known how the device is reached.")
@click.option("--for", "seconds", type=Span(0.1), help="Default: until Ctrl-C.")
@click.option(
    "--memory",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where counters are kept. Default: a file for each operator in your state directory.",
)
@common_options
@pass_asked
def connect(
    asked: Asked,
    /,
    device: str,
    udp_port: int | None,
    listen: int | None,
    birthday: bool,
    once: bool,
    seconds: float | None,
    memory: Path | None,
    **who: Any,
) -> None:
    """Open a way to a device, and hold it: directly where the networks allow it, through the server otherwise.

    It tells a UDP port on 127.0.0.1. What local programs send there comes out at the device, and what comes back goes
    to the program that spoke last. This runs on an operator's machine, which needs no server. Nothing has to be opened
    in any firewall. The way may change meanwhile, the port does not.
    """
    set_up_logging("json" if asked.json else "console", "warning", sys.stderr)
    wanted = Wanted(_name(device, "device"), udp_port or 0, birthday)
    operator = _operator(asked, **who)
    port = asked.config.connect.listen if listen is None else listen
    shown = Shown(wanted, in_json=asked.json)
    with closing(_memory(memory or default_memory(operator.name))) as remembered:
        ended = asyncio.run(_run(wanted, operator, remembered, port, shown, SETTLED if once else None, seconds))
    if ended.how is not How.STOPPED:
        raise failure_of(ended, wanted, operator)


async def _run(
    wanted: Wanted,
    operator: Operator,
    memory: MemoryFile,
    port: int,
    shown: Shown,
    settled: float | None,
    seconds: float | None,
) -> Ended:
    """settled: s after the first path in which it becomes a direct one, or never will; None: that is not waited for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted_signal in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted_signal, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    if settled is not None:
        shown.when_known(stop.set, lambda: loop.call_later(settled, stop.set))
    with closing(await _listen(port)) as local:
        shown.listening(local.port)
        try:
            return await Connecting(wanted, operator, memory, local, shown.path).run(stop)
        except MemoryFileError as error:
            raise Failure(str(error), exit_codes.UNUSABLE_DATA, field="memory") from None
        except BrokenPipeError:  # who read what is shown is gone
            raise
        except OSError as error:
            hosts = ", ".join(server.host for server in operator.servers)
            raise Failure(f"cannot send to {hosts}: {error.strerror or error}", field="server") from None
        finally:
            shown.end()


async def _listen(port: int) -> Loopback:
    try:
        return await Loopback.listen(port)
    except OSError as error:
        message = f"cannot listen on {LOOPBACK} port {port}: {error.strerror}; choose another with --listen"
        raise Failure(message, exit_codes.UNAVAILABLE, field="listen") from None


def _operator(asked: Asked, servers: tuple[str, ...], name: str | None, key_file: Path | None) -> Operator:
    settings = asked.config.connect
    who = name or settings.name
    if not who:
        raise click.UsageError("name the operator: --name, or connect.name in the configuration")
    return Operator(_name(who, "--name"), _key(key_file, settings), tuple(_servers(asked, servers or settings.servers)))


def _name(text: str, hint: str) -> str:
    try:
        return check_name(text)
    except ProtocolError as error:
        raise click.BadParameter(error.detail, click.get_current_context(), param_hint=hint) from None


def _key(path: Path | None, settings: "Connect") -> bytes:
    if path is None and not settings.key_file:
        raise click.UsageError("say where the key is: --key-file, or connect.key_file in the configuration")
    try:
        return read_key(path or Path(settings.key_file).expanduser())
    except KeyListError as error:
        raise Failure(str(error), WRONG_USAGE, "wrong_key_file", "key_file") from None


def _servers(asked: Asked, texts: Sequence[str]) -> list[Server]:
    if not texts and not server_runs(asked.control_socket):
        raise click.UsageError("no server runs here: name one with --server, or connect.servers in the configuration")
    servers = [read_server(asked, text) for text in texts] or [this_machines(asked)]
    if len({server.label for server in servers}) < len(servers):
        raise click.UsageError("several servers need their labels: --server A=HOST --server B=HOST")
    return servers


def default_memory(operator: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "alarmd" / "operators" / operator


def _memory(path: Path) -> MemoryFile:
    try:
        path.parent.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        return MemoryFile(path)
    except MemoryFileError:
        message = f"{path.name} connects from here already; add another operator for a second connection"
        raise Failure(message, reason="in_use", field="memory") from None
    except OSError as error:
        message = f"cannot keep counters in {path}: {error.strerror}"
        raise Failure(message, exit_codes.CANNOT_CREATE, field="memory") from None
