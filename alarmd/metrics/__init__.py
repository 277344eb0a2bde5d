"""What Prometheus may know: counts made by watching (input, effects), and the live state read at a scrape."""

from alarmd.metrics.metrics import Metrics

__all__ = ["Metrics"]
