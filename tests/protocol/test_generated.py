"""What is generated from verbs.toml is up to date, and compiles."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lfcp import VERBS, Direction, Port, Verb
from lfcp.constants import FIELDS, MAX_FIELD, PARAMETERS, SECRET_VERBS, SEND_MAX_FIELD
from tests.needs import need_program

ROOT = Path(__file__).parents[2]
GENERATE = ROOT / "protocol" / "generate.py"
HEADER = ROOT / "firmware_udp_client" / "include" / "lfcp_constants.h"
GENERATED = ("protocol/lfcp/constants.py", "firmware_udp_client/include/lfcp_constants.h", "docs/protocol.md")
PROGRAM = """
#include <string.h>
#include "lfcp_constants.h"
enum { LFCP_FROM_DEVICE, LFCP_FROM_SERVER, LFCP_FROM_BOTH };
#define VERB(name, from, command, secret, ...) { #name, from, command, secret },
static const struct { const char *name; int from, command, secret; } verbs[] = { LFCP_VERBS(VERB) };
#define REASON(name, code) LFCP_REASON_##name,
enum { LFCP_REASONS(REASON) REASONS };
#define CODE(name, code) code,
static const char *const codes[] = { LFCP_REASONS(CODE) };
int main(void) {
    char field[LFCP_MAX_FIELD + 1] = "";
    size_t count = sizeof verbs / sizeof *verbs;
    return !(count == 24 && !strcmp(verbs[0].name, "HEARTBEAT") && sizeof field == 64
             && !strcmp(codes[LFCP_REASON_EMPTY], "empty"));
}
"""


def generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = folder / "protocol" / "generate.py"
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("protocol/generate.py", "protocol/verbs.toml", *GENERATED):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return tmp_path


def test_everything_generated_is_up_to_date() -> None:
    assert generate(ROOT, "--check").returncode == 0


@pytest.mark.parametrize("name", GENERATED)
def test_a_change_made_by_hand_is_found_and_undone(copy: Path, name: str) -> None:
    target = copy / name
    right = target.read_text(encoding="utf-8")
    target.write_text(right.replace("HEARTBEAT", "HEARTBEET"), encoding="utf-8")
    found = generate(copy, "--check")
    assert found.returncode == 1
    assert name in found.stderr
    generate(copy)
    if name != "docs/protocol.md":  # its prose is nobody's product
        assert target.read_text(encoding="utf-8") == right
    assert generate(copy, "--check").returncode == 0


def test_the_c_header_compiles_and_says_the_same(tmp_path: Path) -> None:
    compiler = need_program("cc", "gcc")
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{HEADER.parent}"]
    subprocess.run([compiler, *strict, source, "-o", tmp_path / "program"], check=True)
    subprocess.run([tmp_path / "program"], check=True)


def test_the_table_and_the_code_say_the_same() -> None:
    table = tomllib.loads((ROOT / "protocol" / "verbs.toml").read_text(encoding="utf-8"))
    assert list(table["verbs"]) == list(VERBS) == list(Verb)
    for verb, entry in table["verbs"].items():
        assert VERBS[verb].direction == entry["from"]
        assert {str(port) for port in VERBS[verb].ports} == set(entry.get("operator", []))
        assert VERBS[verb].secret is entry.get("secret", False)
    assert FIELDS == PARAMETERS + 2
    assert SEND_MAX_FIELD < MAX_FIELD


def test_a_secret_goes_through_the_control_socket_only() -> None:
    assert SECRET_VERBS
    for verb in SECRET_VERBS:
        assert VERBS[verb].ports == {Port.CONTROL_SOCKET}


def test_only_what_an_operator_may_ask_for_is_a_command_and_only_servers_send_it() -> None:
    protocols_own = {Verb.SYNC, Verb.PROB, Verb.PNCH}
    for verb, entry in VERBS.items():
        assert entry.command is (entry.direction is Direction.SERVER and verb not in protocols_own)
