"""The configuration: the only reader of its file and of the environment."""

from alarmd.config.configuration import DESTINATIONS, Config, default_state_directory
from alarmd.config.mistakes import ConfigError
from alarmd.config.reading import find_config, load_config
from alarmd.config.sections import Ingest

__all__ = ["DESTINATIONS", "Config", "ConfigError", "Ingest", "default_state_directory", "find_config", "load_config"]
