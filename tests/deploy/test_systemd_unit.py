import configparser
import subprocess
from pathlib import Path

from alarmd.adapters import exit_codes
from tests.needs import need_program

UNIT = Path(__file__).parents[2] / "deploy" / "alarmd.service"
MOST_EXPOSURE = 15  # tenths, of systemd's scale from 0 (safe) to 10.0 (a process without any protection)


class Options(configparser.RawConfigParser):
    """A unit file is almost an INI file: keys keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service() -> dict[str, str]:
    return options("Service")


def options(section: str) -> dict[str, str]:
    parser = Options(strict=False)  # SystemCallFilter stands there twice, as it should
    parser.read_string(UNIT.read_text())
    return dict(parser[section])


def installed(directory: Path) -> Path:
    """The unit as it is, but for a program that exists on this machine."""
    program = service()["ExecStart"].split()[0]
    copy = directory / UNIT.name
    copy.write_text(UNIT.read_text().replace(program, "/bin/true"))
    return copy


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = need_program("systemd-analyze", "systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True)


def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    verified = analyze("verify", "--man=no", installed(tmp_path))
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_unit_leaves_little_exposed(tmp_path: Path) -> None:
    judged = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", installed(tmp_path))
    assert judged.returncode == 0, judged.stdout


def test_systemd_starts_the_server_again_except_where_a_person_must_act() -> None:
    assert service()["Restart"] == "always"
    kept_down = {int(code) for code in service()["RestartPreventExitStatus"].split()}
    assert kept_down == {exit_codes.WRONG_CONFIGURATION, exit_codes.UNUSABLE_DATA}


def test_the_unit_starts_once_the_clock_is_set_where_something_waits_for_that() -> None:
    unit = options("Unit")
    assert "time-sync.target" in unit["After"].split()
    assert "time-sync.target" in unit["Wants"].split()


def test_the_unit_waits_for_readiness_and_watches_the_server() -> None:
    assert service()["Type"] == "notify"
    assert int(service()["WatchdogSec"]) > 0


def test_the_process_metrics_stay_readable_under_the_unit() -> None:
    """ProcSubset=pid would hide /proc/stat, without which prometheus_client shows no process metric."""
    assert "ProcSubset" not in service()
