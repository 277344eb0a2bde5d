"""Writes docs/diagrams.md from the transition tables of alarmd/core, so that the drawings cannot be wrong.

python docs/diagrams.py            write it
python docs/diagrams.py --check    exit 1 if it is out of date
"""

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from alarmd.core import alarm_lifecycle, command_lifecycle, device_session, meeting_lifecycle, peer_lifecycle

TARGET = Path(__file__).with_name("diagrams.md")
TABLES: tuple[tuple[str, str, str, Mapping[tuple[Enum, Enum], Enum]], ...] = (
    ("Presence of a device", "device_session.py", "new", device_session.TRANSITIONS),
    ("Life of an alarm", "alarm_lifecycle.py", "raised", alarm_lifecycle.TRANSITIONS),
    ("Life of a command", "command_lifecycle.py", "queued", command_lifecycle.TRANSITIONS),
    ("The peer", "peer_lifecycle.py", "awaited", peer_lifecycle.TRANSITIONS),
    ("A rendezvous", "meeting_lifecycle.py", "invited", meeting_lifecycle.TRANSITIONS),
)
HEADER = """# State machines

Drawn from the tables in `alarmd/core` by `python docs/diagrams.py`; do not edit. A pair of state and sign that is not
drawn is illegal, and named as such in the module.
"""


def section(title: str, module: str, first: str, table: Mapping[tuple[Enum, Enum], Enum]) -> str:
    """One drawing; arrows between the same two states are one arrow with several labels."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, sign), target in table.items():
        arrows.setdefault((str(state), str(target)), []).append(sign.name.lower().replace("_", " "))
    lines = [f"    {source} --> {target}: {', '.join(signs)}" for (source, target), signs in arrows.items()]
    drawing = "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *lines, "```"])
    return f"\n## {title}\n`alarmd/core/{module}`\n\n{drawing}\n"


def main() -> int:
    text = HEADER + "".join(section(*table) for table in TABLES)
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    sys.stderr.write("docs/diagrams.md is out of date: run `make generate`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
