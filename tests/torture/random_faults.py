"""Faults at random, of every kind and in every phase, to many readers at once; nobody is killed."""

from collections.abc import Iterator

from tests.torture.cells import stderr
from tests.torture.harness import Bench
from tests.torture.invariants import Result, examine

RECIPIENTS, CONNECTIONS, PATIENCE = 400, 16, 0.3
RATE = 0.3
DOMAINS = 200
"""A domain that defers our mail waits as a whole: with one for all, few would meet a fault."""


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """Rounds until the server has shown so many, each with a seed of its own (processes race: it repeats the dice, not their order)."""
    done = 0
    while done < faults:
        yield (result := one_round(bench, seed, recipients=60 if short else RECIPIENTS))
        done += max(1, result.faults)
        seed += 1


def one_round(bench: Bench, seed: int, *, recipients: int) -> Result:
    """One issue, brought to rest by runs again and again, the clock going on between them."""
    result = Result("random-faults", bench.kind, seed)
    addresses = [f"reader{number}@x{number % DOMAINS}.example" for number in range(recipients)]
    with bench.place(addresses, connections=CONNECTIONS, patience=PATIENCE) as place:
        place.start_mail(plan={"rate": RATE, "seed": seed}, pipelining=seed % 3 > 0, patience=PATIENCE)
        if (status := place.run(verb="drive", runs=80, seconds=300)) != 0:
            result.violations.append(f"[crashed] the worker ended with {status}: {stderr(place)}")
        examine(place, result, connections=CONNECTIONS)
    return result
