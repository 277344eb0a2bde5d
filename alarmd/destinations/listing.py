"""All sections [destinations.NAME] together: their kinds, what goes to which, and their mistakes in one line each."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from alarmd.destinations.kinds import LogDestination, TelegramDestination, WebhookDestination
from alarmd.destinations.picture_kinds import PrusaConnectDestination, S3Destination
from alarmd.destinations.section import DestinationSection, Gets

LOG = "log"  # the destination that is there without a section
MAX_DESTINATIONS = 16
LISTS = tuple(Gets)  # sections whose `destinations` names some

Destination = Annotated[
    LogDestination | PrusaConnectDestination | S3Destination | TelegramDestination | WebhookDestination,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[DestinationSection]] = {
    "log": LogDestination,
    "prusaconnect": PrusaConnectDestination,
    "s3": S3Destination,
    "telegram": TelegramDestination,
    "webhook": WebhookDestination,
}
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,31}$")]  # no underscore: it is in names of variables


def no_bot_twice(destinations: dict[str, Destination]) -> dict[str, Destination]:
    """Two that ask for what people wrote to one bot would get half of it each."""
    bots = [one.bot_token.get_secret_value() for one in destinations.values() if isinstance(one, TelegramDestination)]
    if len(set(bots)) < len(bots):
        raise ValueError("two have one bot_token; give one of them all chats, or make a bot for each")
    return destinations


def from_environment(environ: Mapping[str, str | None], prefix: str) -> dict[str, dict[str, str]]:
    """PREFIX_NAME_SETTING, in whatever case, by name and setting."""
    found: dict[str, dict[str, str]] = {}
    for variable, value in environ.items():
        name, separator, setting = variable.lower().removeprefix(prefix.lower()).partition("_")
        if variable.lower().startswith(prefix.lower()) and separator and value is not None:
            found.setdefault(name, {})[setting] = value
    return found


def mistake(error: Any) -> str:
    """One line of what pydantic finds wrong in these sections, without the wrong value."""
    place = [str(part) for part in error["loc"]]
    kind = place.pop(2) if len(place) > 2 else ""
    what = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
    name = ".".join(place)
    if kind == "[key]":
        return f"{name}: a name is a small letter, and after it small letters and digits, 32 in all"
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return f"{name}.kind: write {', '.join(KINDS)}"
    if error["type"] == "extra_forbidden":
        known = KINDS[kind].model_fields
        return f"{name}: no such setting; known are {', '.join(known)}"
    if error["type"] == "missing":
        what = "is missing"
    if len(place) < 3:
        return f"{name}: {what}" + ("; write a section [destinations.NAME]" if error["type"].endswith("_type") else "")
    return f"{name}: {what} (environment: ALARMD_{'_'.join(place[:3]).upper()})"


def misplaced(defined: Mapping[str, str], listed: Mapping[Gets, Iterable[str]]) -> Iterator[str]:
    """Mistakes between the sections there are, each with its kind, and the lists that name them."""
    kinds = {LOG: "log", **defined}
    named = {what: list(names) for what, names in listed.items()}
    for what, names in named.items():
        for name in names:
            if name not in kinds:
                yield f"{what}.destinations: there is no destination {name!r}; known are {', '.join(sorted(kinds))}"
            elif what not in _gets(kinds[name]):
                yield f"{what}.destinations: {_unable(name, kinds[name], what)}"
    for name in sorted(set(kinds) - {LOG} - {name for names in named.values() for name in names}):
        yield f"destinations.{name}: nothing would be sent there; add it to {_places(kinds[name])}"


def _unable(name: str, kind: str, what: Gets) -> str:
    return f"{name!r} is of kind {kind}, which takes no {what}; list it in {_places(kind)}{KINDS[kind].instead}"


def _places(kind: str) -> str:
    return " or ".join(f"{what}.destinations" for what in Gets if what in _gets(kind))


def _gets(kind: str) -> frozenset[Gets]:
    """A kind that is none is a mistake of its own."""
    return KINDS[kind].gets if kind in KINDS else frozenset(Gets)
