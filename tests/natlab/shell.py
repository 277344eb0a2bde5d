"""A shell in the laboratory, for a person: `make natlab NAT1=pr NAT2=sym CARRIER1=pr`. Types: nat_types.py.
Machines have IPv6 with IPV6=1 only: over that everybody reaches everybody, whatever the NATs.

In it, `on dev1 COMMAND` runs a command on a machine, `on dev1` alone opens a shell there, and $dev1 is its address.
All of it is there until the shell ends.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.natlab.laboratory import Laboratory, laboratory
from tests.natlab.nat_types import NAT_TYPES
from tests.netlab.namespaces import DIES_WITH_US

KINDS = ("NAT1", "NAT2", "NAT3", "CARRIER1", "CARRIER2", "SHARED_CARRIER")
# In a space of processes of its own: whatever it started ends with it (pid_namespaces(7)).
SHELL = (*DIES_WITH_US, "unshare", "--pid", "--fork", "--kill-child", "bash", "--norc")
# Exported to bash as a function; in its environment LAB_dev1 and the like are the machines.
ON = """() {
  local machine="LAB_$1"
  [ -n "${!machine-}" ] || { echo "there is no machine $1" >&2; return 2; }
  shift
  if [ $# -eq 0 ]; then set -- bash --norc; fi
  nsenter --net="${!machine}" -- "$@"
}"""
HELP = """
on dev1 COMMAND    runs it there; without a command, a shell. $dev1 is dev1's address.
on nat1 conntrack -L; on nat1 nft list ruleset; on nat1 conntrack -F
exit               takes the laboratory away

NAT1=, NAT2=, NAT3=, CARRIER1=, CARRIER2=, SHARED_CARRIER= choose NATs: fc full cone, ar, pr (the default) restricted
by address and by port, sym symmetric; all are in tests/natlab/nat_types.py. IPV6=1 gives every machine IPv6 too.
"""


def main(environ: Mapping[str, str]) -> int:
    chosen = {name.lower(): environ[name] for name in KINDS if environ.get(name)}
    for name, kind in chosen.items():
        if kind not in NAT_TYPES:
            sys.exit(f"{name.upper()}={kind}: there is no such type of NAT; there are {', '.join(NAT_TYPES)}")
    try:
        with laboratory(**chosen, dev1b=True, ipv6=bool(environ.get("IPV6"))) as lab:  # type: ignore[arg-type]
            sys.stdout.write(_where_everything_is(lab) + HELP)
            sys.stdout.flush()
            return subprocess.run(SHELL, env=_environment(lab, environ), check=False).returncode
    except (pytest.skip.Exception, pytest.fail.Exception) as lacking:
        sys.exit(f"The laboratory {lacking}")


def _where_everything_is(lab: Laboratory) -> str:
    rows = [("machine", "at", "address", "IPv6" if lab.ipv6 else "")]
    plugged = lab.plugged.items()
    rows += [(name, it.place, str(it.address), str(it.address6) if lab.ipv6 else "") for name, it in plugged]
    return "".join(f"{name:10}{place:10}{address:16}{address6}\n" for name, place, address, address6 in rows)


def _environment(lab: Laboratory, environ: Mapping[str, str]) -> dict[str, str]:
    machines = {f"LAB_{name}": machine.path for name, machine in lab.machines.items()}
    addresses = {name: lab.address(name) for name in lab.plugged}
    return {**environ, **machines, **addresses, "BASH_FUNC_on%%": ON, "PS1": "natlab$ "}


if __name__ == "__main__":
    sys.exit(main(os.environ))
