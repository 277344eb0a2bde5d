"""Runs the benchmarks and prints the table; ends with 1 when a bound is missed.

python bench/run.py [--only heartbeats,signed] [--rounds N] [--seconds S] [--json] [--write]

A part that needs what the machine lacks is left out, and says so.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a plain script

from bench import (  # noqa: E402
    alarms,
    film,
    firmware,
    heartbeats,
    ladder,
    loss,
    pictures,
    replication,
    scale,
    signed,
    supervision,
    takeover,
    telling,
)
from bench.programs import MissingError, build, cores  # noqa: E402
from bench.results import Result, as_json, machine, table, write_into  # noqa: E402

DOCUMENT = ROOT / "docs" / "performance.md"
PARTS: dict[str, Callable[[int, float], list[Result]]] = {
    "heartbeats": heartbeats.measure,
    "signed": signed.measure,
    "ladder": ladder.measure,
    "alarms": alarms.measure,
    "scale": lambda rounds, _seconds: scale.measure(rounds),
    "signed-scale": lambda _rounds, _seconds: scale.measure_keyed(),
    "supervision": lambda rounds, _seconds: supervision.measure(rounds) + loss.measure(),
    "firmware": lambda _rounds, _seconds: firmware.measure(),
    "telling": lambda rounds, _seconds: telling.measure(rounds),
    "pictures": pictures.measure,
    "film": lambda rounds, _seconds: film.measure(rounds),
    "replication": replication.measure,
    "takeover": lambda rounds, _seconds: takeover.measure(rounds),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure alarmd against limits and peers.")
    parser.add_argument("--only", help=f"some of {','.join(PARTS)}", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3, help="of each server in turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load in a round (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md too")
    given = parser.parse_args()
    unknown = set(given.only.split(",")) - set(PARTS)
    if unknown or given.rounds < 1 or given.seconds <= 0:
        parser.error(f"no such part: {', '.join(unknown)}" if unknown else "rounds and seconds must be above 0")
    return given


def main() -> int:
    given = arguments()
    build()
    if cores()[0] == cores()[1]:
        print("bench: one core for servers and load together: the figures are low", file=sys.stderr)
    results: list[Result] = []
    for part in given.only.split(","):
        print(f"bench: {part} …", file=sys.stderr)
        try:
            results += PARTS[part](given.rounds, given.seconds)
        except MissingError as missing:
            print(f"bench: {part} is left out: it needs {missing}", file=sys.stderr)
    print(as_json(results) if given.json else f"{machine()}\n\n{table(results)}")
    if given.write:
        write_into(DOCUMENT, results)
    missed = [result for result in results if result.missed]
    for result in missed:
        print(f"bench: missed: {result.part}, {result.what}: {result.value:.4g}, {result.bound}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
