"""Scenario 8: two processes that decide about sign-ups and send notices, killed at random; and one killed at every point.

Who was promised a confirmation, a welcome, a goodbye or a link for an address change gets it once; what nobody knows is held.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from digest.actions.notices import enqueue
from digest.core.signups import Signup
from digest.core.states import NoticeKind
from digest.store.database import Session
from digest.store.moves import put_move
from digest.store.signups import insert_signup
from tests.torture.cells import stderr
from tests.torture.crash_points import KINDS, shot
from tests.torture.harness import Bench, Place
from tests.torture.invariants import Result, examine
from tests.torture.random_kills import FAULTS_RATES, two_at_once
from tests.torture.shared import START
from tests.torture.worker import waits_for_notices

READERS, STRANGERS, KILLS_A_ROUND = 20, 8, 20
AT_A_POINT, SHORT_KILLS = 4, 6
STATES = {NoticeKind.CONFIRM: "pending", NoticeKind.WELCOME: "active", NoticeKind.GOODBYE: "ended",
          NoticeKind.MOVE_FROM: "active"}  # fmt: skip
"""What each reader waits for, in turn, and how their subscription then is. Whoever moves waits at two addresses."""


def run(bench: Bench, *, seed: int, short: bool, kills: int, faults: int) -> Iterator[Result]:
    """Rounds until there were so many kills; in the long form every point of each kind before."""
    done, wanted = 0, min(kills, SHORT_KILLS) if short else kills
    for kind in () if short else KINDS:
        for point in count(1):
            yield (result := crash_at(bench, kind, point, seed=seed))
            done += result.kills
            if not result.kills:
                break  # this run ended by itself
    while done < wanted:
        result = one_round(bench, seed, most=min(KILLS_A_ROUND, wanted - done))
        yield result
        done += max(1, result.kills)
        seed += 1


def one_round(bench: Bench, seed: int, *, most: int) -> Result:
    """Everybody waits; so many kills, or as many as fit until all is at rest."""
    dice, result = random.Random(seed), Result("notices", bench.kind, seed)
    with bench.place(_addresses(READERS), sending=False, connections=1, patience=0.1) as place:
        place.start_mail(plan={"rate": dice.choice(FAULTS_RATES), "seed": seed}, patience=0.1)
        _let_wait(place, STRANGERS)
        tries = 0
        while place.kills < most and tries < most * 4 and waits_for_notices(place.database):
            tries += 1
            two_at_once(place, dice, result, verb="notify")
            place.clock.jump(timedelta(minutes=dice.choice((0, 1, 4, 21))))
        _come_to_rest(place, result)
    return result


def crash_at(bench: Bench, kind: str, point: int, *, seed: int) -> Result:
    """A run that is killed at this point, and one that goes on after the leases."""
    result = Result("notices", bench.kind, seed)
    with bench.place(_addresses(AT_A_POINT), sending=False, connections=1, patience=2.0) as place:
        place.start_mail(patience=2.0)
        _let_wait(place, 2)
        status = place.run(verb="notify", **shot(kind, point))
        place.aim.drop()
        if status not in {0, -9}:
            result.violations.append(f"[crashed] at {kind} {point}: {status}: {stderr(place)}")
        place.clock.jump(timedelta(minutes=21))
        _come_to_rest(place, result)
    result.violations = [f"{line} at point {point}: {kind}" for line in result.violations]
    return result


def _addresses(number: int) -> list[str]:
    return [f"reader{each}@x.example" for each in range(number)]


def _let_wait(place: Place, strangers: int) -> None:
    """What the pages leave behind for whoever sends notices."""
    with place.database.write() as session:
        people = session.execute(
            text("SELECT id, address FROM subscriber WHERE address LIKE 'reader%' ORDER BY id")
        ).all()
        (newsletter_id,) = session.execute(text("SELECT DISTINCT newsletter_id FROM subscription")).scalars()
        for number, person in enumerate(people):
            ids = {"newsletter_id": newsletter_id, "subscriber_id": person.id}
            kind = list(STATES)[number % len(STATES)]
            session.execute(
                text("UPDATE subscription SET state = :state WHERE subscriber_id = :id"),
                {"state": STATES[kind], "id": person.id},
            )
            enqueue(session, kind, now=START, **ids)
            if kind is NoticeKind.MOVE_FROM:
                put_move(session, address=f"new-{person.address}", now=START, **ids)
                enqueue(session, NoticeKind.MOVE_TO, now=START, address=f"new-{person.address}", **ids)
        for number in range(strangers):
            insert_signup(session, _signup(newsletter_id, f"stranger{number}@y.example", at=START))


def _signup(newsletter_id: int, address: str, *, at: datetime) -> Signup:
    return Signup(newsletter_id=newsletter_id, address=address, asked_at=at, text="I want it.", version="1-en")


def _come_to_rest(place: Place, result: Result) -> None:
    """Undisturbed runs, the clock going on between them; then what is true of every notice."""
    if place.run(verb="notify", runs=30, seconds=120) != 0:
        result.violations.append(f"[crashed] the last run: {stderr(place)}")
    with place.database.read() as session:
        rows = _notices(session)
        waiting = session.execute(text("SELECT count(*) FROM signup")).scalar_one()
    examine(place, result, connections=1, ledger=rows)
    for address, number in Counter(row["address"] for row in rows).items():
        if number > 1:
            result.violations.append(f"[signup] {address} was decided about {number} times (seed {result.seed})")
    asked = sum(row["address"].startswith("stranger") for row in rows)
    wanted = STRANGERS if len(rows) > 2 * AT_A_POINT else 2
    if (asked, waiting) != (wanted, 0):
        result.lost += abs(wanted - asked)
        result.violations.append(
            f"[lost] {asked} of {wanted} sign-ups came to a notice, {waiting} wait (seed {result.seed})"
        )


def _notices(session: Session) -> list[dict[str, Any]]:
    """Every notice, with where it goes."""
    query = (
        "SELECT notice.id, notice.state, coalesce(notice.address, subscriber.address) AS address"
        " FROM notice JOIN subscriber ON subscriber.id = notice.subscriber_id ORDER BY notice.id"
    )
    return [dict(row) for row in session.execute(text(query)).mappings()]
