"""Scenario 3: two workers that are killed at random, turns that make the issue, a reaper in each, readers who leave."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from tests.torture.cells import stderr
from tests.torture.crash_points import is_done, shot
from tests.torture.harness import Bench, Place
from tests.torture.invariants import Result, examine

RECIPIENTS, CONNECTIONS, KILLS_A_ROUND = 60, 4, 20
FAULTS_RATES = (0.05, 0.1, 0.2)
DOMAINS = 15
"""A domain that defers our mail waits as a whole: with one for all, few would meet a fault."""


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """Rounds until there were so many kills, each with a seed of its own (processes race: it repeats the dice, not their order)."""
    done = 0
    while done < kills:
        result = one_round(bench, seed, most=min(KILLS_A_ROUND, kills - done))
        yield result
        done += max(1, result.kills)
        seed += 1


def one_round(bench: Bench, seed: int, *, most: int) -> Result:
    """One issue: made, sent and brought to rest under so many kills."""
    dice = random.Random(seed)
    result = Result("random-kills", bench.kind, seed)
    addresses = [f"reader{number}@x{number % DOMAINS}.example" for number in range(RECIPIENTS)]
    with bench.place(addresses, sending=False, connections=CONNECTIONS, patience=0.1) as place:
        place.start_mail(
            plan={"rate": dice.choice(FAULTS_RATES), "seed": seed}, pipelining=dice.random() < 0.7, patience=0.1
        )
        leaver, _ = place.other("unsubscribe", addresses=dice.sample(addresses, 6), pause=0.05, **place.options)
        tries = 0
        while place.kills < most and tries < most * 4 and not (tries > 4 and is_done(place)):
            tries += 1
            two_at_once(place, dice, result)
            place.clock.jump(timedelta(minutes=dice.choice((0, 0, 1, 4, 16, 61))))
        place.finish(leaver)
        _come_to_rest(place, result)
        examine(place, result, connections=CONNECTIONS)
    return result


def two_at_once(place: Place, dice: random.Random, result: Result, *, verb: str = "turn") -> None:
    """Two workers: each is killed at a random moment, at a commit, on the wire, or not at all."""
    pids = []
    for turn in range(2):
        how = dice.random()
        if how < 0.3:
            job = shot(dice.choice(("before the commit", "after the commit")), dice.randint(1, 12))
        elif how < 0.5 and turn == 0:  # the server aims at one of them
            job = shot("wire", dice.randint(1, 200))
        else:
            job = {}
        pids.append((place.work(verb=verb, **job), 0.0 if job else dice.uniform(0.02, 0.25)))
    began = time.monotonic()
    for pid, moment in sorted(pids, key=lambda pair: pair[1]):
        if moment:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            with suppress(ProcessLookupError):  # reaped only by `finish`, so the id is still its own
                os.kill(pid, signal.SIGKILL)
    for pid, _ in pids:
        status = place.finish(pid)
        if status not in {0, 4, 75, -9}:
            result.violations.append(f"[crashed] a worker ended with {status}: {stderr(place)} (seed {result.seed})")
    place.aim.drop()


def _come_to_rest(place: Place, result: Result) -> None:
    """Undisturbed runs, the clock going on between them; faults go on."""
    status = place.run(verb="turn")
    if status not in {0, 4, 75}:
        result.violations.append(f"[crashed] the last turn ended with {status}: {stderr(place)}")
    place.clock.jump(timedelta(minutes=16))
    if place.run(verb="drive", runs=60, seconds=120) != 0:
        result.violations.append(f"[crashed] the last run: {stderr(place)}")
