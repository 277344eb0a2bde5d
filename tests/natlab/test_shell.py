"""`make natlab`, and what stays behind of a laboratory, which is nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.natlab.laboratory import laboratory
from tests.needs import need_program
from tests.netlab.namespaces import processes_in
from tests.waiting import LIMIT, wait_until

ROOT = Path(__file__).parents[2]
SHELL = (sys.executable, "-m", "tests.natlab.shell")


def test_make_natlab_gives_a_shell_that_runs_commands_on_any_machine() -> None:
    make = need_program("make", "make")
    script = (
        'on dev1 ip -brief address show eth0; on nowhere true; on nat1 nft list ruleset; echo "srvA is $srvA"; exit 3'
    )
    with laboratory() as lab:
        there = lab.address("srvA")
    done = subprocess.run(
        [make, "-o", ".venv/.installed-dev", "natlab", "NAT1=symb", f"BIN={Path(sys.executable).parent}"],
        cwd=ROOT, input=script, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert "192.168.1.10/24" in done.stdout
    assert "masquerade to :40000-40511 fully-random" in done.stdout
    assert f"srvA is {there}" in done.stdout
    assert "there is no machine nowhere" in done.stderr
    assert "Error 3" in done.stderr


def test_a_type_that_does_not_exist_is_named_with_those_that_do() -> None:
    done = subprocess.run(
        SHELL, cwd=ROOT, env={**os.environ, "NAT2": "cone"}, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("NAT2=cone: there is no such type of NAT; there are fc, ar, pr,")


def test_without_the_right_to_make_machines_it_says_so_plainly() -> None:
    powerless = (need_program("setpriv", "util-linux"), "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    with laboratory():
        pass
    done = subprocess.run((*powerless, *SHELL), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 1
    assert "the right to make network namespaces (root)" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_a_laboratory_stays_behind_when_it_is_killed() -> None:
    with laboratory():
        pass
    shell = subprocess.Popen(SHELL, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write("on srvB sleep 600 & on srvB readlink /proc/self/ns/net; exec sleep 600\n")
    shell.stdin.flush()
    which = next(line.strip() for line in shell.stdout if line.startswith("net:["))
    wait_until(lambda: processes_in(which), "a process on srvB")
    os.kill(shell.pid, signal.SIGKILL)
    shell.wait(LIMIT)
    wait_until(lambda: not processes_in(which), "the end of srvB")
