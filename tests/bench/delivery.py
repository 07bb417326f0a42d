"""How fast issues go out: `python -m tests.bench.delivery [--recipients N] [--json] …` (docs/benchmarks.md).

 each round: smtp-source ─▶ digest ─▶ digest with DKIM ─▶ naive   into Postfix's smtp-sink, each into one of its own

Trust the ratios within one run: they tell a slow machine from slow code. Every run of digest ends with a check that
the ledger and the sink agree on the number of messages.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from digest.mail.dkim_keys import RSA, make_key
from tests.bench import chart, report
from tests.bench.databases import Prepared, prepared
from tests.bench.naive import run_naive
from tests.bench.outcome import Run
from tests.bench.processes import ToolMissing
from tests.bench.sender import message_size, run_digest, run_start
from tests.bench.sink import sink
from tests.bench.smtp_source import SESSIONS, run_smtp_source

LATENCY_CONNECTIONS = 50
MEMORY_BASE = 10_000
NAIVE_SAMPLE = 200
"""Messages of the naive sender a round: its rate does not depend on their number."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        figures = measure(options)
    except (ToolMissing, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.chart:
        options.chart.write_text(chart.draw(figures), encoding="utf-8")
    print(json.dumps(figures, indent=2) if options.json else report.table(figures))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.delivery", description="How fast issues go out.")
    parser.add_argument("--recipients", type=int, default=100_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, help="of every sender by turns; medians are shown")
    parser.add_argument("--database", metavar="URL", help="'postgres' for a throw-away server; SQLite if not given")
    parser.add_argument("--processes", type=int, choices=(1, 2), default=1, help="of digest, on one issue")
    parser.add_argument("--connections", type=int, default=SESSIONS, help="of digest")
    parser.add_argument("--naive", type=int, default=NAIVE_SAMPLE, metavar="N", help="the naive sender's sample")
    parser.add_argument("--tls", action="store_true", help="also over TLS, by stunnel before the sink")
    parser.add_argument("--latency", type=float, metavar="MS", help="also over a round trip of MS, 50 connections")
    parser.add_argument("--memory", action="store_true", help="also the peak memory for 10,000 recipients")
    parser.add_argument("--start", action="store_true", help="only start the issue: make its deliveries")
    parser.add_argument("--ledger", action="store_true", help="only digest, for the CPU of a ledger row")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw them as bars")
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The figures that `report.figures` names.

    Raises:
        ToolMissing: a program is not installed.
        RuntimeError: a run was not whole.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="digest-bench-")))
        if options.start:
            ready = stack.enter_context(prepared(folder, recipients=options.recipients, where=options.database))
            with ready.copy(folder) as url:
                return {"recipients": options.recipients, "start_seconds": round(run_start(url), 2)}
        with prepared(folder, recipients=1, where=None) as single, single.copy(folder) as url:
            size = message_size(url, folder)
        ready = stack.enter_context(prepared(folder, recipients=options.recipients, where=options.database))
        runs = play(options, ready, folder, size)
        small = _peak_of_few(options, folder) if options.memory else None
        return report.figures(options, runs, message_bytes=size, peak_mb_of_few=small)


def play(options: argparse.Namespace, ready: Prepared, folder: Path, size: int) -> dict[str, list[Run]]:
    """The rounds: every sender once in each, so that what else the machine does meets them all."""
    runs: dict[str, list[Run]] = {}
    for number in range(options.rounds):
        for name, run in _senders(options, ready, folder, size).items():
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
            runs.setdefault(name, []).append(run())
    return runs


def _senders(options: argparse.Namespace, ready: Prepared, folder: Path, size: int) -> dict[str, Any]:
    def digest(*, tls: bool = False, latency: float = 0, key: Path | None = None, processes: int = 1) -> Run:
        connections = LATENCY_CONNECTIONS if latency else options.connections
        processes = max(processes, options.processes)
        with ready.copy(folder) as url, sink(folder, tls=tls, latency_ms=latency) as server:
            return run_digest(url, server, connections=connections, processes=processes, dkim_key=key)

    senders: dict[str, Any] = {"digest": digest}
    if not options.ledger:
        key = folder / "dkim.pem"
        if not key.exists():
            make_key(RSA, key)
        senders["dkim"] = lambda: digest(key=key)
        senders["dkim_two"] = lambda: digest(key=key, processes=2)
        reference = {"smtp_source": lambda: run_smtp_source(folder, messages=options.recipients, size=size)}
        senders = reference | senders
        senders["naive"] = lambda: run_naive(folder, messages=min(options.naive, options.recipients))
    if options.tls:
        senders["tls"] = lambda: digest(tls=True)
    if options.latency:
        senders["latency"] = lambda: digest(latency=options.latency)
    return senders


def _peak_of_few(options: argparse.Namespace, folder: Path) -> float | None:
    few = min(MEMORY_BASE, options.recipients)
    inner = folder / "few"
    inner.mkdir()
    with (
        prepared(inner, recipients=few, where=options.database) as ready,
        ready.copy(inner) as url,
        sink(inner) as server,
    ):
        return run_digest(url, server, connections=options.connections).peak_mb


if __name__ == "__main__":
    sys.exit(main())
