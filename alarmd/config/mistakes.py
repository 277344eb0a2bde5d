"""What is wrong with a configuration, told all at once: a line for each mistake, with the setting and the way out."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from alarmd.config.configuration import DESTINATIONS, PREFIX, Config
from alarmd.config.sections import Section
from alarmd.destinations import LISTS, from_environment, misplaced, mistake, split

CONFIG_VARIABLE = "ALARMD_CONFIG"
NOT_SETTINGS = (CONFIG_VARIABLE, "ALARMD_TEST_", "ALARMD_PROVE", "ALARMD_SEEDS")  # of tests; they begin like settings


class ConfigError(Exception):
    """The configuration cannot be used; mistakes: all of them, one line each, without secrets."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def unknown_sections(values: Mapping[str, Any]) -> Iterator[str]:
    for name in values:
        if name not in Config.model_fields:
            yield f"{name}: no such section{_suggestion(name, Config.model_fields)}"


def destination_names(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Told even if other mistakes keep the configuration from being made."""
    sections = values.get(DESTINATIONS, {})
    listed = {section: _listed(values, environ, section) for section in LISTS}
    if isinstance(sections, dict) and all(isinstance(names, list | tuple) for names in listed.values()):
        kinds = {name: str(one.get("kind", "")) for name, one in sections.items() if isinstance(one, dict)}
        told = from_environment(environ, f"{PREFIX}{DESTINATIONS}_")
        kinds |= {name: one.get("kind", kinds.get(name, "")) for name, one in told.items()}
        yield from misplaced(kinds, {section: map(str, names) for section, names in listed.items()})


def _listed(values: Mapping[str, Any], environ: Mapping[str, str], section: str) -> Any:
    """What its `destinations` names, if that is a list."""
    given = values.get(section, {})
    default = Config.model_fields[section].default.destinations
    listed = given.get(DESTINATIONS, default) if isinstance(given, dict) else ()
    return split(environ.get(_variable(section, DESTINATIONS), listed))


def unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Unknown settings of a known section are pydantic's to find."""
    for name in sorted(environ):
        section, separator, setting = name.removeprefix(PREFIX).partition("_")
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS):
            continue
        nameless = section.lower() == DESTINATIONS and "_" not in setting
        if section.lower() not in Config.model_fields or not separator or nameless:
            known = [_variable(*place) for place in _all_settings()]
            yield f"{name}: no such setting{_suggestion(name, known)}"


def setting_mistake(error: Any) -> str:
    """One line: the setting, what is wrong, what is allowed."""
    place = [str(part) for part in error["loc"]]
    if place[0] == DESTINATIONS:
        return mistake(error)
    section = Config.model_fields[place[0]].annotation
    settings = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
    name = ".".join(place)
    if error["type"] == "extra_forbidden":
        return f"{name}: no such setting{_suggestion(place[-1], settings)}"
    what = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if len(place) < 2 or place[1] not in settings:
        return f"{name}: {what}; write a section [{place[0]}]"
    default = settings[place[1]].default
    shown = default.get_secret_value() if isinstance(default, SecretStr) else default
    return f"{name}: {what} (default: {json.dumps(shown)}; environment: {_variable(place[0], place[1])})"


def _suggestion(wrong: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(wrong.lower(), {one.lower(): one for one in known}, n=1)
    right = {one.lower(): one for one in known}
    if close:
        return f"; did you mean {right[close[0]]}?"
    return f"; known are {', '.join(known)}" if len(right) < 25 else "; alarmd.toml.example lists them all"


def _all_settings() -> Iterator[tuple[str, str]]:
    for name, section in Config.model_fields.items():
        if isinstance(section.annotation, type) and issubclass(section.annotation, Section):
            for setting in section.annotation.model_fields:
                yield name, setting


def _variable(section: str, setting: str) -> str:
    return f"{PREFIX}{section}_{setting}".upper()
