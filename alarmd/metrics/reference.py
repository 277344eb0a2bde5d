"""Writes docs/metrics.md from the catalogue: python -m alarmd.metrics.reference > docs/metrics.md"""

import sys

from alarmd.metrics.catalogue import CATALOGUE, MAX_DEVICE_SERIES, Definition

_INTRODUCTION = f"""\
# Metrics

`GET /metrics` on the operator's HTTP port (127.0.0.1:8080). `python -m alarmd.metrics.reference` writes this
page from `alarmd/metrics/catalogue.py`; tests hold the page, the server, and the alert rules and dashboard of
`deploy/` against that table. Besides these there are the usual `process_*` metrics.

- A label never holds text from the wire: a verb that is not in the protocol's table counts as `other`.
- Only adopted devices have a series of their own, and only the first {MAX_DEVICE_SERIES:,} of them.
- `alarmd_outbox_*` are as old as the scrape before: they are read in the background, so that a slow database
  slows no scrape. While it cannot be read they are absent.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def document() -> str:
    return _INTRODUCTION + "".join(_row(definition) for definition in CATALOGUE)


def _row(definition: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in definition.labels)
    return f"| `{definition.name}` | {definition.kind} | {labels} | {definition.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(document())
