"""Scenario 2: SIGKILL at the n-th commit, socket write or reply, n = 1, 2, … until a run ends by itself."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

from tests.torture.cells import stderr
from tests.torture.harness import Bench, Place
from tests.torture.invariants import Result, examine

RECIPIENTS, CONNECTIONS = 20, 2
KINDS = ("wire", "before the commit", "after the commit")
"""On the wire the mail server counts what it reads and what it says, and ends the worker."""


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """Every point of each kind; there is no short form of it."""
    for kind in KINDS:
        for point in count(1):
            yield (result := crash_at(bench, kind, point, seed=seed))
            if not result.kills:
                break  # this run ended by itself


def crash_at(bench: Bench, kind: str, point: int, *, seed: int = 0) -> Result:
    """A run that is killed at this point, and others that go on after the leases."""
    result = Result("crash-points", bench.kind, seed)
    addresses = [f"reader{number}@x.example" for number in range(RECIPIENTS)]
    with bench.place(addresses, connections=CONNECTIONS, patience=2.0) as place:
        place.start_mail(patience=2.0)
        status = place.run(**shot(kind, point))
        place.aim.drop()
        if status not in {0, -9}:
            result.violations.append(f"[crashed] at {kind} {point}: {status}: {stderr(place)}")
        settle(place, result)
        examine(place, result, connections=CONNECTIONS)
    result.violations = [f"{line} at point {point}: {kind}" for line in result.violations]
    return result


def shot(kind: str, point: int, what: int = 9) -> dict[str, Any]:
    """The worker's job: what hits it, and where."""
    if kind == "wire":
        return {"wire": {"at": point, "signal": what}}
    return {"commit": {"at": point, "after": kind == "after the commit", "signal": what}}


def settle(place: Place, result: Result, *, runs: int = 3) -> None:
    """Later, when leases are over and back-offs too, undisturbed runs bring everything to rest."""
    for _ in range(runs):
        place.clock.jump(timedelta(minutes=16))
        status = place.run_kept()
        if status not in {0, 75}:
            result.violations.append(f"[crashed] a later run ended with {status}: {stderr(place)}")
        if is_done(place):
            return


def is_done(place: Place) -> bool:
    """Whether every issue has ended."""
    from sqlalchemy import text

    with place.database.read() as session:
        return not session.execute(
            text("SELECT count(*) FROM issue WHERE state NOT IN ('done', 'cancelled', 'skipped')")
        ).scalar_one()
