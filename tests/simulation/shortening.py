"""A failing run made shorter: without every act, every device and every bit of bad weather that it fails without.

Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002): delta debugging over the list of acts.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.network import Weather
from tests.simulation.plan import Act, Plan

Fails = Callable[[Plan], bool]


def shortened(plan: Plan, fails: Fails) -> Plan:
    """fails: whether a plan still breaks the same promise."""
    for simpler in (replace(plan, weather=Weather()), replace(plan, refuses=0.0, lies=0.0), replace(plan, skew=0.0)):
        merged = replace(plan, weather=simpler.weather, refuses=simpler.refuses, lies=simpler.lies, skew=simpler.skew)
        if merged != plan and fails(merged):
            plan = merged
    plan = replace(plan, acts=_fewest(plan.acts, lambda acts: fails(replace(plan, acts=tuple(acts)))))
    return _without_devices(plan, fails)


def _fewest(acts: tuple[Act, ...], fails: Callable[[Sequence[Act]], bool]) -> tuple[Act, ...]:
    parts = 2
    while len(acts) >= 1:
        size = max(1, len(acts) // parts)
        rests = [acts[:start] + acts[start + size :] for start in range(0, len(acts), size)]
        rest = next((rest for rest in rests if fails(rest)), None)
        if rest is not None:
            acts, parts = rest, max(2, parts - 1)
        elif size == 1:
            break
        else:
            parts = min(len(acts), parts * 2)
    return acts


def _without_devices(plan: Plan, fails: Fails) -> Plan:
    """The last ones, of which nothing is told: the others keep their names."""
    while len(plan.devices) > 1:
        name = f"cam{len(plan.devices) - 1}"
        fewer = replace(plan, devices=plan.devices[:-1])
        if any(name in (act.who, act.whom) for act in plan.acts) or not fails(fewer):
            break
        plan = fewer
    return plan
