"""What Prometheus has of a server: the names, labels and label values that a query may use."""

from collections import defaultdict
from functools import cache

from tests.deploy.queries import parse
from tests.metrics.used import used

FROM_THE_SCRAPE = {"job", "instance"}  # labels that Prometheus itself adds
OPEN = FROM_THE_SCRAPE | {"device", "destination", "listener", "queue"}  # values that an installation decides


@cache
def series() -> dict[str, dict[str, set[str]]]:
    """The values of every label, by name of series."""
    shown: dict[str, dict[str, set[str]]] = {"up": {}}
    for family in used().collect():
        for sample in family.samples:
            labels = shown.setdefault(sample.name, defaultdict(set))
            for label, value in sample.labels.items():
                labels[label].add(value)
    return shown


def faults(text: str) -> list[str]:
    """What a query names that no server shows."""
    found, query, known = [], parse(text), set(FROM_THE_SCRAPE)
    for selector in query.selectors:
        labels = series().get(selector.metric)
        if labels is None:
            found.append(f"no metric {selector.metric}")
            continue
        known |= set(labels)
        for label, _, value in selector.matchers:
            if label not in labels and label not in FROM_THE_SCRAPE:
                found.append(f"{selector.metric} has no label {label}")
            elif label not in OPEN and not set(value.split("|")) <= labels[label]:
                found.append(f"{selector.metric} has no {label} {value}")
    return found + [f"no metric of the query has the label {label}" for label in sorted(query.grouping - known)]
