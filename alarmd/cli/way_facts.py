"""A device's way to the server, in words: what `alarmd device show` says of addresses and NATs."""

from alarmd.cli.moments import shown
from alarmd.web.place_schemas import DeviceLive, Stay, Way
from lfcp.candidates import Mapping

MAPPINGS = {
    Mapping.UNKNOWN: "not known: the device has only one server to compare",
    Mapping.INDEPENDENT: "the same for every address (endpoint-independent)",
    Mapping.SEQUENTIAL: "another port for every address, counted up (sequential)",
    Mapping.HARD: "another port for every address, by chance (hard)",
}


def way_facts(live: DeviceLive) -> list[tuple[str, str]]:
    """Names and values; an empty value says nothing."""
    way = live.way
    return [
        ("path", _path(live)),
        ("round trip", "" if way.round_trip is None else f"{way.round_trip * 1000:.0f} ms"),
        ("NAT mapping", "" if way.mapping is None else MAPPINGS[way.mapping]),
        ("mapping lives", _life(way)),
        ("it beats every", _interval(way)),
        *(("address before", _stay(stay)) for stay in reversed(way.stays[:-1])),
    ]


def _path(live: DeviceLive) -> str:
    """A device without a key proves nothing."""
    if not live.key_epochs:
        return ""
    if live.way.disputed:
        return f"disputed: {live.way.disputed} was proven too; commands go to both for a moment"
    return "proven: commands go out at once" if live.path_proven else "not proven: commands wait for a heartbeat"


def _life(way: Way) -> str:
    if way.safe_interval is None:
        return "" if way.mapping is None else "not measured yet"
    return f"{way.life} s at least: heartbeats every {way.safe_interval} s keep it"


def _interval(way: Way) -> str:
    if way.interval is None:
        return "" if way.fits else "too seldom: its port changed each time"
    wanted = min(way.stated_interval, way.safe_interval or way.stated_interval)
    return f"{way.interval} s" if way.fits else f"{way.interval} s, too seldom: at most {wanted} s is wanted"


def _stay(stay: Stay) -> str:
    return f"{stay.address}, until {shown(stay.last)}"
