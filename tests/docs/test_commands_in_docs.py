"""Every command that README.md and docs/operations.md show is run, in order, against a real server; where the text
shows what it prints, that is compared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import need_program
from tests.serving import Served, served

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```sh\n(?P<commands>.*?)```\n(?:```\n(?P<output>.*?)```)?", re.DOTALL)
NOT_HERE = ("make ",)  # they run this test


def commands(page: str) -> list[tuple[list[str], list[str]]]:
    """The sh blocks of a page: command lines, and the lines that the text says they print."""
    found = []
    for block in BLOCK.finditer((ROOT / page).read_text()):
        lines = [line for line in block["commands"].splitlines() if line and not line.startswith(NOT_HERE)]
        found.append((lines, (block["output"] or "").splitlines()))
    return [(lines, output) for lines, output in found if lines]


def run(server: Served, line: str) -> str:
    """One line in a shell, with this server's ports in the place of the default ones."""
    alarmd = f"{sys.executable} -m alarmd"
    for default, port in ((8443, server.lfcp_port), (8445, server.operator_port), (8080, server.http_port)):
        line = line.replace(f" {default}", f" {port}")
    line = re.sub(r"^(\.venv/bin/)?alarmd ", f"{alarmd} ", line)
    if line.startswith(f"{alarmd} simulate"):
        line += f" --server 127.0.0.1:{server.lfcp_port}"
    if line.startswith(f"{alarmd} drill"):
        line += f" --lfcp 127.0.0.1:{server.lfcp_port}"
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        env=server.environ,
        cwd=server.directory,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_every_command_shown_works_as_shown(page: str, tmp_path: Path) -> None:
    need_program("nc", "netcat-openbsd")
    blocks = commands(page)
    assert len(blocks) >= 4, "the page has commands"
    with served(tmp_path) as server:
        if page != "README.md":  # it takes what README's reader has done as given
            for lines, _ in commands("README.md")[:1]:
                run(server, lines[0])
        for lines, expected in blocks:
            printed = [line for command in lines for line in run(server, command).splitlines()]
            assert not expected or printed == expected
