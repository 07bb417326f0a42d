"""`python -m tests.bench.signups`: a crowd of strangers at the door, and how long each kind of address waits there.

10,000 sign-ups of 10,000 strangers from 1,000 networks send no more confirmations than the caps allow; and 2,000 tries
of each kind of address (unknown, pending, active, left, suppressed) take the same time.
"""

import logging
import random
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from digest.actions.signups import ask, decide_signups
from digest.core.signups import Caps, Signup
from digest.store.database import Database
from digest.store.schema import upgrade
from tests import cast

TEXT = "Send me it."


def crowd(database: Database, newsletter_id: int, *, strangers: int, networks: int, caps: Caps, now: datetime) -> int:
    """How many confirmations so many strangers get, all within half an hour, decided about as they come."""
    sent = 0
    for number in range(strangers):
        at = now + timedelta(seconds=1800 * number / strangers)
        signup = Signup(
            newsletter_id=newsletter_id, address=f"stranger{number}@d{number % 97}.example", asked_at=at,
            network="192.0.2.1", text=TEXT, version="1-en",
        )  # fmt: skip
        ask(database, signup, network=f"network {number % networks}", caps=caps, key=cast.KEY)
        if number % 100 == 99:
            sent += decide_signups(database, caps=caps, key=cast.KEY, now=at).confirmations
    return sent + decide_signups(database, caps=caps, key=cast.KEY, now=now + timedelta(minutes=30)).confirmations


def waits(database: Database, people: cast.Cast, *, tries: int) -> dict[str, list[float]]:
    """Seconds at the door, by the state of the address; in random order, so that nothing else tells them apart."""
    addresses = {"active": "anna", "pending": "ben", "suppressed": "carl", "left": "dora"}
    found: dict[str, list[float]] = {state: [] for state in (*addresses, "unknown")}
    turns = [state for state in found for _ in range(tries)]
    random.Random(5).shuffle(turns)
    for number, state in enumerate(turns):
        address = f"{addresses[state]}@example.org" if state in addresses else f"stranger{number}@example.org"
        signup = Signup(newsletter_id=people.newsletter, address=address, asked_at=cast.NOW, text=TEXT, version="1-en")
        began = time.perf_counter()
        ask(database, signup, network="one", caps=Caps(per_network=10**9), key=cast.KEY)
        found[state].append(time.perf_counter() - began)
    return found


def main() -> int:
    """Print both, and whether they hold."""
    logging.disable()  # of what the caps drop
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'digest.db'}")
        upgrade(database)
        with database.write() as session:
            people = cast.assemble(session)
        caps = Caps()
        began = time.monotonic()
        sent = crowd(database, people.newsletter, strangers=10_000, networks=1000, caps=caps, now=cast.NOW)
        print(f"10,000 strangers, 1,000 networks: {sent} confirmations, the cap is {caps.per_hour}"
              f" ({time.monotonic() - began:.0f} s)")  # fmt: skip
        medians = {}
        for state, seconds in waits(database, people, tries=2000).items():
            medians[state] = statistics.median(seconds) * 1e6
            quarter, _, three = statistics.quantiles(seconds, n=4)
            print(f"{state:>10}: median {medians[state]:.0f} µs, half of them {quarter * 1e6:.0f} to {three * 1e6:.0f}")
        database.close()
    spread = max(medians.values()) / min(medians.values())
    print(f"the slowest median is {spread:.3f} times the quickest")
    return 0 if sent <= caps.per_hour and spread < 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
