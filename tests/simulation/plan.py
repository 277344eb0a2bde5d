"""What is to happen in a run of a pair, decided beforehand from the seed, so that a failing run can be made shorter."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation.network import TELEGRAM, Weather

LABELS = ("A", "B")
SETTLED = 15.0  # s until which the pair is set up and every device is known
BUSY = 90.0  # s until which things happen
SKEW = 2.0  # s, at most, between the servers' clocks
DOWN = 25.0  # s that a fault lasts, at most


@dataclass(frozen=True, slots=True)
class Act:
    """At `at` s: what (a name of Stage.ACTS) happens to whom, where, for how long."""

    at: float
    what: str
    who: str = ""
    whom: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        about = " ".join(part for part in (self.who, self.whom) if part)
        return f"{self.at:7.2f} {self.what} {about}{f' for {self.seconds:.2f} s' if self.seconds else ''}"


@dataclass(frozen=True, slots=True)
class Plan:
    """devices: how each speaks, see DIALECTS. skew: s that B's clock is ahead. refuses, lies: see SimulatedTelegram."""

    seed: int
    kind: str
    weather: Weather
    devices: tuple[str, ...]
    preferred: str
    skew: float
    refuses: float
    lies: float
    acts: tuple[Act, ...]

    @property
    def is_calm(self) -> bool:
        """No fault at all: what the operator hears, he hears once."""
        return not any(act.what in FAULTS for act in self.acts) and self.kind == "calm"

    def __str__(self) -> str:
        head = (
            f"seed {self.seed}: {self.kind}, {self.preferred} preferred, B's clock {self.skew:+.2f} s, {self.weather}"
        )
        told = f"telegram refuses {self.refuses:.2f}, lies {self.lies:.2f}; devices {', '.join(self.devices)}"
        return "\n".join([head, told, *map(str, self.acts)])


DIALECTS = ("signed", "plain", "reporting", "signed")
FAULTS = frozenset({"crash", "stop", "stall", "cut", "cut_one_way", "reset", "lose_disk"})


def plan(seed: int) -> Plan:
    chance = Random(f"plan {seed}")
    kind = KINDS[seed % len(KINDS)]
    devices = tuple(chance.choice(DIALECTS) for _ in range(chance.randint(1, 4)))
    names = [f"cam{number}" for number in range(len(devices))]
    acts = [*_life(chance, names), *FAULTS_OF[kind](chance, names)]
    bad = kind in ("network", "everything")
    weather = Weather(loss=0.1, duplication=0.1, delay=0.4) if bad else Weather()
    telegram = kind in ("telegram", "everything")
    return Plan(
        seed,
        kind,
        weather,
        devices,
        preferred=chance.choice(LABELS),
        skew=chance.uniform(-SKEW, SKEW),
        refuses=0.3 if telegram else 0.0,
        lies=0.1 if telegram else 0.0,
        acts=tuple(sorted(acts, key=lambda act: act.at)),
    )


def _life(chance: Random, names: list[str]) -> list[Act]:
    """What devices and operators do, at either server."""
    acts = [_act(chance, "motion", chance.choice(names)) for _ in range(chance.randint(2, 8))]
    acts += [_act(chance, "log", chance.choice(names)) for _ in range(chance.randint(0, 2))]
    acts += [_act(chance, "command", chance.choice(names), chance.choice(LABELS)) for _ in range(chance.randint(0, 3))]
    acts += [_act(chance, "acknowledge", chance.choice(LABELS)) for _ in range(chance.randint(0, 3))]
    for what in RARER:
        if chance.random() < 0.3:
            acts.append(_act(chance, what, chance.choice(names), chance.choice(LABELS)))
    if chance.random() < 0.4:
        disarmed = _act(chance, "disarm", chance.choice(LABELS))
        acts += [disarmed, Act(chance.uniform(disarmed.at, BUSY), "arm", chance.choice(LABELS))]
    if chance.random() < 0.4:
        acts.append(_act(chance, "switch_off", chance.choice(names)))
    return acts


RARER = (
    "detector_on",
    "detector_off",
    "camera_off",
    "clear",
    "mute",
    "move",
    "renew_key",
    "reboot",
    "rebind",
    "forget",
    "drop",
)


def _act(chance: Random, what: str, who: str, whom: str = "", longest: float = 0.0) -> Act:
    seconds = round(chance.uniform(0.1, longest), 2) if longest else 0.0
    return Act(round(chance.uniform(SETTLED, BUSY), 2), what, who, whom, seconds)


def _calm(_chance: Random, _names: list[str]) -> list[Act]:
    return []


def _crashes(chance: Random, _names: list[str]) -> list[Act]:
    return [_act(chance, "crash", chance.choice(LABELS), longest=DOWN) for _ in range(chance.randint(1, 4))]


def _stalls(chance: Random, _names: list[str]) -> list[Act]:
    whats = ["stall", "stall", "stop"]
    return [_act(chance, chance.choice(whats), chance.choice(LABELS), longest=DOWN) for _ in range(3)]


def _partitions(chance: Random, names: list[str]) -> list[Act]:
    places = [*LABELS, *LABELS, TELEGRAM, chance.choice(names)]
    acts: list[Act] = []
    while len(acts) < 4:
        one, other = chance.sample(places, 2)
        if one != other and (one in LABELS or other in LABELS):
            acts.append(_act(chance, chance.choice(["cut", "cut", "cut_one_way"]), one, other, DOWN))
    return acts


def _link(chance: Random, _names: list[str]) -> list[Act]:
    whats = ["reset", "reset", "cut", "cut_one_way"]
    ways = [chance.sample(LABELS, 2) for _ in range(4)]
    return [_act(chance, chance.choice(whats), one, other, DOWN) for one, other in ways]


def _disks(chance: Random, _names: list[str]) -> list[Act]:
    """One disk, once."""
    return [_act(chance, "lose_disk", chance.choice(LABELS), longest=DOWN)]


def _everything(chance: Random, names: list[str]) -> list[Act]:
    kinds = chance.sample([_crashes, _stalls, _partitions, _link], 3)
    return [act for kind in kinds for act in kind(chance, names)]


FAULTS_OF: dict[str, Callable[[Random, list[str]], list[Act]]] = {
    "calm": _calm,
    "network": _calm,
    "crashes": _crashes,
    "partitions": _partitions,
    "stalls": _stalls,
    "link": _link,
    "telegram": _calm,
    "disks": _disks,
    "everything": _everything,
}
KINDS = tuple(FAULTS_OF)
