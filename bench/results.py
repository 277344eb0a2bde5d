"""What was measured, what was asked for, and how both are shown."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. A line without a bound is there to explain the others."""

    part: str
    what: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        too_low = self.at_least is not None and self.value < self.at_least
        too_high = self.at_most is not None and self.value > self.at_most
        return too_low or too_high

    @property
    def bound(self) -> str:
        if self.at_least is not None:
            return f"≥ {_figure(self.at_least)}"
        if self.at_most is not None:
            return f"≤ {_figure(self.at_most)}"
        return ""

    @property
    def verdict(self) -> str:
        return "" if not self.bound else "MISSED" if self.missed else "met"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(": ")[2] if models else platform.machine()
    return (
        f"{model}, {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def table(results: Sequence[Result]) -> str:
    """Markdown that also reads well on a terminal."""
    rows = [("part", "what", "measured", "bound", "")]
    rows += [(r.part, r.what, f"{_figure(r.value)} {r.unit}".rstrip(), r.bound, r.verdict) for r in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def as_json(results: Sequence[Result]) -> str:
    return json.dumps(
        {
            "machine": machine(),
            "date": datetime.now(UTC).date().isoformat(),
            "results": [asdict(r) | {"missed": r.missed} for r in results],
        },
        indent=2,
    )


def write_into(document: Path, results: Sequence[Result]) -> None:
    """Replace what stands between the two marks of the document."""
    text = document.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} lacks the marks {BEGIN} and {END}")
    head = f"{datetime.now(UTC).date().isoformat()}, {machine()}."
    document.write_text(f"{before}{BEGIN}\n{head}\n\n{table(results)}\n{END}{after}")
