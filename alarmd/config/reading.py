"""Where the configuration is read from: `alarmd.toml` below, `ALARMD_SECTION_SETTING` above it."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alarmd.config.configuration import Config
from alarmd.config.mistakes import (
    CONFIG_VARIABLE,
    ConfigError,
    destination_names,
    setting_mistake,
    unknown_sections,
    unknown_variables,
)

FILE_NAME = "alarmd.toml"
SYSTEM_FILE = Path("/etc/alarmd") / FILE_NAME
MAX_FILE = 1_000_000  # bytes; a file larger than this is not a configuration


def find_config(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file to read: --config, $ALARMD_CONFIG, ./alarmd.toml, the user's, the system's; None: there is none."""
    if given is not None:
        return given
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    home = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    candidates = (Path(FILE_NAME), home / "alarmd" / FILE_NAME, SYSTEM_FILE)
    return next((path for path in candidates if path.is_file()), None)


def load_config(given: Path | None = None) -> Config:
    """Read, check and return the configuration. Raises ConfigError with every mistake in it."""
    path = find_config(given)
    values = _read(path) if path is not None else {}
    mistakes = [*unknown_sections(values), *unknown_variables(os.environ), *destination_names(values, os.environ)]
    known = {name: value for name, value in values.items() if name in Config.model_fields}
    try:
        config = Config(**known)
    except ValidationError as error:
        raise ConfigError(
            [*mistakes, *map(setting_mistake, error.errors(include_url=False, include_input=False))]
        ) from None
    if mistakes:
        raise ConfigError(mistakes)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise ConfigError([f"{path}: larger than {MAX_FILE} bytes; this is no configuration"])
        return tomllib.loads(text.decode())
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None
