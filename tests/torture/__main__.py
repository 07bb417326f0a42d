"""`python -m tests.torture`: the scenarios, as a table or as JSON. Exit code 1 where an invariant was broken."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.postgres import Server
from tests.torture import broken_databases, cells, crash_points, frozen, goodbyes, notices, random_faults, random_kills
from tests.torture.harness import Bench, open_bench
from tests.torture.invariants import Result
from tests.torture.oracle import read_lines

SCENARIOS = {
    "cells": cells.run,
    "crash-points": crash_points.run,
    "random-kills": random_kills.run,
    "random-faults": random_faults.run,
    "database": broken_databases.run,
    "frozen": frozen.run,
    "goodbyes": goodbyes.run,
    "notices": notices.run,
}
RANDOM = {"random-kills", "random-faults"}
"""Their rounds are told apart by seeds, so a file of results says where to go on."""
HEAD = ("scenario", "database", "rounds", "recipients", "kills", "faults", "lost", "doubled", "uncertain", "violations")


def main() -> int:
    """Run what was asked for."""
    options = _options()
    began, sums = time.monotonic(), {}
    for kind in options.databases:
        with _bench(kind, options.database) as bench:
            for name in options.scenario or SCENARIOS:
                sums[name, kind] = _sum(name, bench, options)
    results = list(sums.values())
    if options.json:
        print(json.dumps(_total(results, time.monotonic() - began)))
    else:
        _print(results)
    return 1 if any(result.violations for result in results) else 0


def _sum(name: str, bench: Bench, options: argparse.Namespace) -> Result:
    total, seed = _resumed(name, bench.kind, options)
    kills = options.kills if options.kills is not None else 100 if options.short else 10_000
    faults = options.faults if options.faults is not None else 500 if options.short else 100_000
    rounds = SCENARIOS[name](
        bench, seed=seed, short=options.short, kills=kills - total.kills, faults=faults - total.faults
    )
    for result in rounds:
        total.add(result)
        if options.results:
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result.as_dict()) + "\n")
        for line in result.violations:
            print(line, file=sys.stderr, flush=True)
        if sys.stderr.isatty() or total.rounds % 50 == 0:
            print(f"{name} {bench.kind}: {total.rounds} rounds, {total.kills} kills", file=sys.stderr, flush=True)
    return total


def _resumed(name: str, kind: str, options: argparse.Namespace) -> tuple[Result, int]:
    """What the rounds in the file come to, and the seed to go on with. Points that are exact begin anew."""
    total, seed = Result(name, kind, options.seed, rounds=0), options.seed
    if name in RANDOM and options.results:
        for row in read_lines(options.results):
            if (row["scenario"], row["database"]) == (name, kind) and row["seed"] >= options.seed:
                total.add(Result(**row))
                seed = max(seed, row["seed"] + 1)
    return total, seed


def _total(results: list[Result], seconds: float) -> dict[str, object]:
    numbers = {name: sum(getattr(result, name) for result in results)
               for name in ("recipients", "kills", "faults", "lost", "doubled", "uncertain", "rounds", "late_goodbyes")}  # fmt: skip
    violations = [line for result in results for line in result.violations]
    return {**numbers, "violations": len(violations), "violation_list": violations, "seconds": round(seconds, 1),
            "scenarios": [result.as_dict() for result in results]}  # fmt: skip


def _print(results: list[Result]) -> None:
    print("  ".join(f"{head:>12}" for head in HEAD))
    for result in results:
        row = result.as_dict() | {"violations": len(result.violations)}
        print("  ".join(f"{row[head]!s:>12}" for head in HEAD))


@contextmanager
def _bench(kind: str, url: str | None) -> Iterator[Bench]:
    server = Server(url) if url and kind == "postgres" else None
    try:
        with open_bench(kind, server) as bench:
            yield bench
    finally:
        if server:
            server.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the form that the test suite runs")
    parser.add_argument(
        "--seed", type=int, default=0, help="random kills begin with it; crash points in short are chosen by it"
    )
    parser.add_argument("--kills", type=int, help="of random kills, on each database (10,000; in short 100)")
    parser.add_argument("--faults", type=int, help="of random faults, on each database (100,000; in short 500)")
    parser.add_argument("--database", metavar="URL", help="sqlite://, or a Postgres on which databases may be made")
    parser.add_argument("--scenario", action="append", choices=[*SCENARIOS], help="only this one; may be repeated")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="append each round as a line of JSON; random rounds go on where the file ends",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    options.databases = ["sqlite", "postgres"]
    if options.database:
        options.databases = ["sqlite" if make_url(options.database).get_backend_name() == "sqlite" else "postgres"]
    return options


if __name__ == "__main__":
    raise SystemExit(main())
