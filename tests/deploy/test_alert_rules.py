import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.shown import faults
from tests.needs import need_program

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str) -> None:
    program = need_program("promtool", "prometheus")
    ran = subprocess.run([program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_finds_no_fault_with_the_rules() -> None:
    promtool("check", "rules", "alerts.yml")


def test_promtool_finds_no_fault_with_the_scrape_configuration() -> None:
    promtool("check", "config", "scrape.yml")


def test_every_rule_does_what_its_tests_say() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_every_alert_is_tested_firing_and_quiet() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == alerts


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_uses_only_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert faults(rule["expr"]) == []
