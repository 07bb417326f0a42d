"""Scenario 5: a worker frozen past its leases and thawed when others have gone on; clocks that jump by a year."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from tests.torture.cells import stderr
from tests.torture.crash_points import KINDS, is_done, shot
from tests.torture.harness import Bench, is_over, is_stopped, wait_until
from tests.torture.invariants import Result, examine

RECIPIENTS, CONNECTIONS = 20, 3
ADDRESSES = [f"reader{number}@x.example" for number in range(RECIPIENTS)]
YEAR = timedelta(days=365)


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """At points on the wire and at commits, past the first lease and past the second; then the clocks."""
    wire, commits = ((8, 33, 77), (4, 9)) if short else (range(1, 200, 3), range(1, 40))
    for kind in KINDS:
        for number, point in enumerate(wire if kind == "wire" else commits):
            for minutes in ((4, 16)[number % 2],) if short else (4, 16):
                yield freeze(bench, seed, kind, point, minutes)
    for point in (20, 60) if short else range(4, 200, 8):
        for years in (1, -1):
            yield jump(bench, seed, point, years)


def freeze(bench: Bench, seed: int, kind: str, point: int, minutes: int) -> Result:
    """Stopped there; the clock goes on; another worker does what it can; thawed; then everybody comes to rest."""
    result = Result("frozen", bench.kind, seed)
    options = {"connections": CONNECTIONS, "busy_timeout": 0.3, "patience": 20.0}
    with bench.place(ADDRESSES, **options) as place:
        place.start_mail(patience=20.0)
        pid = place.work(**shot(kind, point, int(signal.SIGSTOP)))
        wait_until(lambda: is_stopped(pid))
        place.clock.jump(timedelta(minutes=minutes))
        other = place.work()
        # Where the frozen one holds the lock of the database, nobody gets on before it is thawed.
        wait_until(lambda: is_over(other), 2.0)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        ends = [place.finish(other, 90), place.finish(pid, 90)]
        if not set(ends) <= {0, 4, 75, 1}:
            result.violations.append(f"[crashed] ends {ends}: {stderr(place)}")
        place.aim.drop()
        for _ in range(3):
            place.clock.jump(timedelta(minutes=16))
            place.run_kept()
            if is_done(place):
                break
        # Frozen past its lease, it counts as dead: what it had in flight is unknown until it says what happened.
        examine(place, result, connections=CONNECTIONS, kills=place.kills + 1)
        result.kills = place.kills
    result.violations = [f"{line} frozen {minutes} minutes at point {point}: {kind}" for line in result.violations]
    return result


def jump(bench: Bench, seed: int, point: int, years: int) -> Result:
    """In mid-send the clock jumps by a year; others run there; it jumps back; in the end it gets there honestly."""
    result = Result("frozen", bench.kind, seed)
    with bench.place(ADDRESSES, connections=CONNECTIONS, busy_timeout=0.3, patience=20.0) as place:
        place.start_mail(
            plan={"rate": 0.1, "seed": seed + point, "phases": ["rcpt"], "answers": ["450", "451"]}, patience=20.0
        )
        pid = place.work(wire={"at": point, "signal": int(signal.SIGSTOP)})
        wait_until(lambda: is_stopped(pid))
        place.clock.jump(YEAR * years)
        other = place.work()
        place.finish(other, 90)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        place.finish(pid, 90)
        place.clock.jump(-YEAR * years)
        place.run()
        place.aim.drop()
        place.clock.jump(YEAR + timedelta(hours=1))
        if place.run(verb="drive", runs=80, seconds=90) != 0:
            result.violations.append(f"[crashed] the last run: {stderr(place)}")
        examine(place, result, connections=CONNECTIONS, kills=place.kills + 1)
        result.kills = place.kills
    result.violations = [f"{line} clock {years:+} year at event {point}" for line in result.violations]
    return result
