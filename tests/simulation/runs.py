"""One seed, one verdict; and many seeds on all cores: python -m tests.simulation.runs [SEEDS] [START]."""

import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import Pool

from tests.simulation import promises_of_alarms, promises_of_records
from tests.simulation.evidence import Evidence
from tests.simulation.plan import Plan, plan
from tests.simulation.promises import Breach, breaches
from tests.simulation.shortening import shortened
from tests.simulation.two_servers import TwoServers

CHECKED = (promises_of_alarms, promises_of_records)  # the modules whose promises count
THE_RULES_HOLD = "the_rules_do_not_fail"
PROGRESS = 20.0  # s between two lines
TRACE = 150  # lines of a shortened run that are shown


def verdict(run: Plan) -> list[Breach]:
    return judged(run)[0]


def judged(run: Plan) -> tuple[list[Breach], TwoServers]:
    world = TwoServers(run)
    try:
        world.live()
    except Exception:  # whatever the rules raise is a finding
        lines = traceback.format_exc(limit=-4).strip()
        return [Breach(THE_RULES_HOLD, lines)], world
    return list(breaches(Evidence(world))), world


def report(seed: int) -> str:
    """Of a seed that fails: what it breaks, and the shortest run that does."""
    found = verdict(plan(seed))
    broken = found[0].promise
    short = shortened(plan(seed), lambda run: any(one.promise == broken for one in verdict(run)))
    left, world = judged(short)
    said = "\n".join(world.trace[-TRACE:])
    return "\n".join([f"seed {seed} breaks:", *map(str, found), "", "shortened:", str(short), *map(str, left), said])


def failing(seeds: Iterable[int], processes: int | None = None) -> Iterator[tuple[int, list[Breach]]]:
    """Those that break a promise, as they are found."""
    began = told = time.monotonic()
    with Pool(processes or os.cpu_count()) as pool:
        broken: Counter[str] = Counter()
        for count, (seed, found) in enumerate(pool.imap_unordered(_judge, seeds, chunksize=8), 1):
            if found:
                broken[found[0].promise] += 1
                yield seed, found
            if time.monotonic() - told > PROGRESS:
                told = time.monotonic()
                sys.stderr.write(
                    f"{count} seeds, {count / (told - began):.0f} a second, {broken.total()} fail {dict(broken)}\n"
                )


def _judge(seed: int) -> tuple[int, list[Breach]]:
    return seed, verdict(plan(seed))


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else 10_000
    start = int(arguments[1]) if len(arguments) > 1 else 0
    first: dict[str, int] = {}
    for seed, found in failing(range(start, start + count)):
        if found[0].promise not in first:
            first[found[0].promise] = seed
            sys.stdout.write(f"seed {seed}: {found[0]}\n")
    for seed in first.values():
        sys.stdout.write(f"\n{report(seed)}\n")
    sys.stdout.write(f"{count} seeds from {start}: {len(first)} promises broken\n")
    return int(bool(first))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
