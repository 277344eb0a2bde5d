"""Measures alarmd against limits and peers in one run on one machine: `python -m bench.run`, or `make bench`."""
