"""The commands that run the server and look after what it needs: serve, check-config, upgrade-database."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from alarmd.adapters import exit_codes
from alarmd.adapters.exit_codes import StartError
from alarmd.adapters.log_setup import observe_twisted, set_up_logging, without_password
from alarmd.adapters.state_directory import prepare_state_directory
from alarmd.config import Config, ConfigError, Ingest, find_config, load_config
from alarmd.storage.interface import StorageError, StorageUnusableError
from alarmd.storage.opening import upgrade_database as bring_up_to_date

F = TypeVar("F", bound=Callable[..., object])


def config_option(command: F) -> F:
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The configuration file. Default: $ALARMD_CONFIG, ./alarmd.toml, the user's, /etc/alarmd/alarmd.toml.",
    )(command)


@click.command()
@config_option
def serve(config_file: Path | None) -> None:
    """Run the server until SIGTERM or Ctrl-C."""
    config = _load(config_file)
    form = config.logging.format
    set_up_logging(form if form != "auto" else ("console" if sys.stderr.isatty() else "json"), config.logging.level)
    observe_twisted()
    from alarmd.process import serve as serve_until_stopped  # not before: it loads half a second of libraries

    try:
        code = serve_until_stopped(config)
    except StartError as error:
        _end(error.code, str(error))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # everything is stored; sys.exit would wait for threads in which a look-up or an upload hangs


@click.command("check-config")
@config_option
def check_config(config_file: Path | None) -> None:
    """Check the configuration and say what it means. Exit code 2 and every mistake if it cannot be used."""
    config = _load(config_file)
    found = find_config(config_file)
    click.echo(f"The configuration is fine: {found or 'no file, defaults and environment only'}.")
    click.echo(f"LFCP: {', '.join(config.lfcp.addresses)} port {config.lfcp.port}, UDP and TCP")
    click.echo(f"Operator's port: {config.operator.address} port {config.operator.port}, UDP and TCP")
    click.echo(f"HTTP: {config.http.address} port {config.http.port}")
    click.echo(f"Uploads: {_uploads(config.ingest)}")
    click.echo(f"Pair: {_pair(config)}")
    click.echo(f"State directory: {config.state_directory}")
    click.echo(f"Database: {without_password(config.database_url)}")
    click.echo(f"Archive of pictures: {config.archive_directory}")
    click.echo(f"Unknown devices: {config.devices.unknown}")
    for name, destination in config.told().items():
        click.echo(f"Alarms are told to {name}: {destination.summary()}")
    if not config.told():
        click.echo("Alarms are told to nobody: alarms.destinations is empty")
    for name, destination in config.pictured().items():
        click.echo(f"Every picture goes to {name}: {destination.summary()}")
    for name, destination in config.filmed().items():
        click.echo(f"Films go to {name}: {destination.summary()}")
    if config.watch.ping_url.get_secret_value():
        click.echo(f"A URL hears every {config.watch.ping_every} s that all is well")
    if config.watch.daily_proof:
        click.echo(f"A test alarm goes all the way every day at {config.watch.daily_proof}, local time at home")


def _uploads(ingest: Ingest) -> str:
    if not ingest.addresses:
        return "nowhere: ingest.addresses is empty"
    http = f", {ingest.http_port}" if ingest.http_port else ""
    tls = f", {ingest.tls_port} with TLS" if ingest.tls_port else ""
    return f"{', '.join(ingest.addresses)} port {ingest.port}{http}{tls}"


def _pair(config: Config) -> str:
    try:
        files, rules = config.pair_files(), config.rules().pair
    except StartError as error:
        _end(error.code, str(error))
    if files is None or rules is None:
        return "none, this server is alone"
    where = f"{', '.join(config.pair.addresses)} port {config.pair.port}"
    link = f"which dials {where} here" if files.dial is None else f"at {files.dial[0]} port {files.dial[1]}"
    return f"with server {files.peer_label}, {link}; {rules.preferred} tells the alarms"


@click.command("upgrade-database")
@config_option
def upgrade_database(config_file: Path | None) -> None:
    """Bring the database to this program's schema, as `serve` does when it starts. The server must be stopped."""
    config = _load(config_file)
    try:
        prepare_state_directory(config.state_directory)
        done = bring_up_to_date(config.database_url)
    except StartError as error:
        _end(error.code, str(error))
    except StorageUnusableError as error:
        _end(exit_codes.UNUSABLE_DATA, str(error))
    except StorageError as error:
        _end(exit_codes.STORAGE_FAILED, str(error))
    if done.before == done.after:
        click.echo(f"The database is up to date: {done.after}.")
        return
    click.echo(f"Upgraded from {done.before or 'nothing'} to {done.after}.")
    if done.backup is not None:
        click.echo(f"The file as it was: {done.backup}")


def _load(config_file: Path | None) -> Config:
    try:
        return load_config(config_file)
    except ConfigError as error:
        source = find_config(config_file, os.environ)
        count = len(error.mistakes)
        click.echo(f"alarmd: {count} mistake{'s' if count > 1 else ''} in {source or 'the environment'}:", err=True)
        for mistake in error.mistakes:
            click.echo(f"  {mistake}", err=True)
        sys.exit(exit_codes.WRONG_CONFIGURATION)


def _end(code: int, message: str) -> NoReturn:
    click.echo(f"alarmd: {message}", err=True)
    sys.exit(code)
