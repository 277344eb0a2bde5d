import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from alarmd.metrics.catalogue import CATALOGUE
from tests.deploy.queries import parse
from tests.deploy.shown import faults, series
from tests.needs import need_program

DASHBOARD = json.loads((Path(__file__).parents[2] / "deploy" / "grafana" / "alarmd.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]


def filled_in(expression: str) -> str:
    """As Grafana sends it."""
    return expression.replace("$__rate_interval", "5m").replace("$instance", ".*")


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=[title for title, _ in TARGETS])
def test_a_panel_uses_only_metrics_that_exist(title: str, target: dict[str, str]) -> None:
    query = parse(filled_in(target["expr"]))
    assert faults(filled_in(target["expr"])) == []
    labels = {label for metric in query.metrics for label in series()[metric]} | {"instance"}
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_every_metric_of_the_catalogue_is_on_the_dashboard() -> None:
    used = {metric for _, target in TARGETS for metric in parse(target["expr"]).metrics}
    stems = used | {re.sub(r"_(bucket|count|sum)$", "", metric) for metric in used}
    assert [definition.name for definition in CATALOGUE if definition.name not in stems] == []


def test_prometheus_can_read_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": filled_in(target["expr"])} for number, (_, target) in enumerate(TARGETS)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    program = need_program("promtool", "prometheus")
    ran = subprocess.run([program, "check", "rules", file], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_two_panels_lie_upon_each_other() -> None:
    cells = Counter(
        (column, line)
        for panel in DASHBOARD["panels"]
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert [cell for cell, panels in cells.items() if panels > 1] == []
    assert max(column for column, _ in cells) < 24


def test_every_panel_has_an_id_of_its_own() -> None:
    ids = Counter(panel["id"] for panel in DASHBOARD["panels"])
    assert max(ids.values()) == 1
