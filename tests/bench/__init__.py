"""Measurements, each a command: `python -m tests.bench.NAME`. Short forms of them run in the suite."""
