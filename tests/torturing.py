"""What the two files of torture tests share, which are two so that they can run at the same time."""

from tests.torture.__main__ import SCENARIOS
from tests.torture.cells import GOODBYES, count_cells, turn_cells
from tests.torture.harness import Bench
from tests.torture.invariants import Result

KILLS = {"sqlite": 100, "postgres": 100}
FAULTS = 300


def torture(bench: Bench, name: str, seed: int = 0) -> Result:
    """The short form of a scenario; every invariant held."""
    total = Result(name, bench.kind, seed, rounds=0)
    for result in SCENARIOS[name](bench, seed=seed, short=True, kills=KILLS[bench.kind], faults=FAULTS):
        total.add(result)
    assert total.violations == []
    assert (total.lost, total.doubled) == (0, 0)
    return total


def check_cells(bench: Bench) -> None:
    total = torture(bench, "cells")
    assert total.extra["cells"] == count_cells() >= 300
    assert total.extra["turns_shown"] == sum(map(len, (turn_cells() | GOODBYES).values()))
    assert total.faults > 500
    assert total.kills == 0


def check_crash_points(bench: Bench) -> None:
    total = torture(bench, "crash-points")
    assert total.kills == total.rounds - 3 > 100  # of each kind one run ended by itself: every point before was hit


def check_random_kills(bench: Bench) -> None:
    total = torture(bench, "random-kills")
    assert total.kills >= KILLS[bench.kind]
    assert total.faults > 20


def check_broken_databases(bench: Bench) -> None:
    total = torture(bench, "database")
    assert total.faults == total.rounds >= 4  # each found its moment


def check_frozen(bench: Bench) -> None:
    assert torture(bench, "frozen").rounds > 8


def check_goodbyes(bench: Bench) -> None:
    total = torture(bench, "goodbyes")
    assert total.kills >= 15
    assert total.recipients > 0  # how many are answered between kills is the machine's affair


def check_notices(bench: Bench) -> None:
    total = torture(bench, "notices")
    assert total.kills >= 6
    assert total.recipients >= 33


def check_random_faults(bench: Bench) -> None:
    assert torture(bench, "random-faults").faults >= FAULTS
