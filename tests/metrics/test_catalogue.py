"""The catalogue, the page made of it and what a server shows are one."""

from pathlib import Path

from prometheus_client.core import Metric

from alarmd.metrics.catalogue import CATALOGUE
from alarmd.metrics.reference import document
from tests.metrics.used import used

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def written(family: Metric) -> str:
    """A family's name as a query has it."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def own_families() -> dict[str, Metric]:
    return {written(family): family for family in used().collect() if family.name.startswith("alarmd_")}


def test_the_server_shows_the_metrics_of_the_catalogue_and_no_others() -> None:
    shown = {(name, family.type, family.documentation) for name, family in own_families().items()}
    assert shown == {(definition.name, definition.kind, definition.help) for definition in CATALOGUE}


def test_every_series_has_the_labels_of_the_catalogue() -> None:
    families = own_families()
    for definition in CATALOGUE:
        samples = families[definition.name].samples
        assert samples, definition.name
        for sample in samples:
            assert set(sample.labels) - {"le"} == set(definition.labels), sample


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == document(), "run: python -m alarmd.metrics.reference > docs/metrics.md"
